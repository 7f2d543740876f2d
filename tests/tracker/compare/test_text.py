"""Unified diffs of texts: right line numbers, bounded time, bounded answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.compare.text import MOST_COLUMNS, MOST_LINES, compare_text

LINES = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=30)


@given(LINES, LINES)
def test_the_numbers_of_lines_add_up(old: list[str], new: list[str]) -> None:
    """And there is a diff exactly where something differs."""
    found = compare_text("".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new))
    assert found.added - found.removed == len(new) - len(old)
    assert (found.patch == ()) == (old == new)


@given(LINES, LINES)
def test_the_diff_leads_from_the_old_text_to_the_new_one(old: list[str], new: list[str]) -> None:
    """Applied by its line numbers."""
    found = compare_text("".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new))
    assert _patched(old, found.patch) == new


def _patched(old: list[str], patch: tuple[str, ...]) -> list[str]:
    result: list[str] = []
    at = 0
    for line in patch:
        if line.startswith("@@"):
            start, _, count = line.split(" ")[1][1:].partition(",")
            upto = int(start) - (0 if count == "0" else 1)
            result += old[at:upto]
            at = upto
        elif line.startswith("+"):
            result.append(line[1:])
        else:
            assert old[at] == line[1:]
            at += 1
            result += [line[1:]] if line.startswith(" ") else []
    return result + old[at:]


def test_a_change_far_down_has_its_line_number() -> None:
    """Although the equal head was cut off."""
    old = [str(number) for number in range(1000)]
    new = [*old[:500], "changed", *old[501:]]
    found = compare_text("\n".join(old) + "\n", "\n".join(new) + "\n")
    assert found.patch[0] == "@@ -498,7 +498,7 @@"
    assert (found.added, found.removed) == (1, 1)


def test_a_newline_at_the_end_is_a_change() -> None:
    """And is said."""
    assert compare_text("a", "a\n").patch[-2:] == ("-a\\ no newline at the end", "+a")
    assert compare_text("a\r\n", "a\n").added == 1


def test_long_diffs_and_long_lines_are_cut() -> None:
    """The counts are whole."""
    found = compare_text("", "x" * 10_000 + "\n" + "y\n" * 1000)
    assert (found.added, len(found.patch), found.left_out) == (1001, MOST_LINES, 1002 - MOST_LINES)
    assert len(found.patch[1]) == MOST_COLUMNS + 1


def test_two_large_texts_without_order_are_only_counted() -> None:
    """In time that does not grow with their product."""
    old = "".join(f"{number}\n" for number in range(10_000))
    new = "".join(f"{number}\n" for number in range(10_001, 0, -1))
    found = compare_text(old, new)
    assert (found.added, found.removed, found.patch) == (2, 1, ())
