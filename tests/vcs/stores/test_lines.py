"""Which lines of one text another has too."""

from __future__ import annotations

import random

import pytest

from vcs.stores import lines
from vcs.stores.lines import match_lines
from vcs.stores.matching import Pieces


def matched(new: bytes, base: bytes) -> Pieces:
    """Match, and check that the pieces make the new text to the byte."""
    written = bytearray()
    pieces = match_lines(new, base, written.extend)
    rebuilt, at = bytearray(), 0
    for start, length in pieces.stretches:
        if start < 0:
            rebuilt += written[at : at + length]
            at += length
        else:
            rebuilt += base[start : start + length]
    assert bytes(rebuilt) == new
    assert at == len(written)
    assert pieces.known_bytes == len(new) - len(written)
    return pieces


def text_of(numbers: list[int]) -> list[bytes]:
    """A line for each number, as long as those of listings are."""
    return [b'{"path":"%06d","digest":"%064x"}\n' % (number, number * 7919) for number in numbers]


def test_lines_that_the_base_has_are_ranges_of_it() -> None:
    """Wherever they stand there; what is new comes in order, a last line without its end too."""
    base = b"".join(b"line %d\n" % number for number in range(10))
    new = b"first\n" + base[:21] + b"line 3b\n" + base[28:] + b"end"
    written = bytearray()

    pieces = match_lines(new, base, written.extend)

    assert bytes(written) == b"first\nline 3b\nend"
    assert pieces.stretches == [(-1, 6), (0, 21), (-1, 8), (28, len(base) - 28), (-1, 3)]
    assert pieces.known_bytes == len(base) - 7


@pytest.mark.parametrize("patience", [0, 3, 20_000])
@pytest.mark.parametrize("seed", range(4))
def test_a_text_changed_in_any_way_is_found_again(
    monkeypatch: pytest.MonkeyPatch, patience: int, seed: int
) -> None:
    """Lines changed, added, removed and moved; the quick way, the table, and from one to the other."""
    monkeypatch.setattr(lines, "_PATIENCE_LINES", patience)
    monkeypatch.setattr(lines, "_PATIENCE_BYTES", 1 << 40)
    draw = random.Random(seed)
    before = text_of(list(range(2000)))
    after = list(before)
    for _ in range(draw.randrange(1, 40)):
        at, count = draw.randrange(len(after)), draw.choice([1, 1, 5, 300])
        match draw.randrange(4):
            case 0:
                after[at : at + 1] = [b"changed %d\n" % at]
            case 1:
                after[at:at] = text_of([draw.randrange(10**6, 10**7) for _ in range(count)])
            case 2:
                del after[at : at + count]
            case _:
                after = after[at:] + after[:at]
    new, base = b"".join(after), b"".join(before)

    pieces = matched(new, base)
    matched(new + b"a line without end", base)
    matched(new, base + b"a line without end")

    if patience == 0:
        known = set(before)
        assert pieces.known_bytes == sum(len(line) for line in after if line in known)


def test_scattered_changes_are_found_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that comparing two listings costs little more than reading them."""

    def no_table(*_: object) -> None:
        raise AssertionError("every line was looked up")

    monkeypatch.setattr(lines, "_looked_up", no_table)
    before = text_of(list(range(20_000)))
    after = list(before)
    after[10_000:10_000] = text_of(list(range(10**6, 10**6 + 100)))
    for at in range(7, len(after), 100):
        after[at] = b"changed %d\n" % at
    del after[15_000:15_050]
    pieces = matched(b"".join(after), b"".join(before))
    assert pieces.known_bytes > 0.97 * sum(map(len, before))


def test_texts_without_lines_in_common_are_new() -> None:
    """Empty ones among them."""
    for new, base in [(b"", b""), (b"a\n", b""), (b"", b"a\n"), (b"a\nb\n", b"c\nd\n"), (b"\n\n\n", b"x\n")]:
        assert matched(new, base).known_bytes == 0
    assert matched(b"same\n", b"same\n").stretches == [(0, 5)]
    assert matched(b"same", b"same").known_bytes == 4
