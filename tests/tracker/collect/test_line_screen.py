"""Progress bars and other movements of the cursor become their last state."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tracker.collect.colors import without_colors
from tracker.collect.line_screen import LineScreen


def lines(*texts: str) -> list[str]:
    screen = LineScreen()
    return [line for text in texts for line in screen.feed(text)] + screen.finish()


def test_lines_are_finished_by_their_end() -> None:
    """And not before."""
    screen = LineScreen()
    assert screen.feed("one\ntw") == ["one"]
    assert screen.feed("o\n") == ["two"]
    assert screen.finish() == []


def test_an_unfinished_line_comes_at_the_end() -> None:
    """A prompt, or what a killed loop left."""
    assert lines("done\nwaiting") == ["done", "waiting"]


def test_empty_lines_are_kept() -> None:
    """They are part of what was printed."""
    assert lines("a\n\n\nb\n") == ["a", "", "", "b"]


def test_a_carriage_return_before_the_end_is_the_end_of_the_line() -> None:
    """Windows' line ends, also when cut in two."""
    assert lines("a\r\nb\r", "\n") == ["a", "b"]


def test_a_bar_keeps_its_last_state() -> None:
    """As tqdm writes: return, then the new state."""
    assert lines("\r  0%", "\r 50%", "\r100%\n", "next\n") == ["100%", "next"]


def test_a_bar_whose_return_comes_last_keeps_its_last_state() -> None:
    """As pip and others write."""
    assert lines("  0%\r", "100%\r", "\n") == ["100%"]


def test_a_bar_in_colours_keeps_those_of_its_last_state() -> None:
    """Erasing and titles are for terminals alone."""
    text = "\x1b]0;title\x07\x1b[32m 50%\x1b[0m\r\x1b[K\x1b[1;32m100%\x1b[0m done\n"
    assert lines(text) == ["\x1b[1;32m100%\x1b[0m done"]


def test_each_line_begins_and_ends_its_own_colours() -> None:
    """So a line can be read alone, and what follows is not in its colours."""
    assert lines("\x1b[31mone\ntwo\x1b[0m\nthree\n") == ["\x1b[31mone\x1b[0m", "\x1b[31mtwo\x1b[0m", "three"]
    assert lines("\x1b[31mnever ended") == ["\x1b[31mnever ended\x1b[0m"]


def test_colours_that_nothing_is_written_in_leave_no_trace() -> None:
    """As of programs that end what they never began."""
    assert lines("\x1b[0mplain\x1b[31m\x1b[39m\x1b[0m\n\x1b[1m\x1b[22m\n") == ["plain", ""]


def test_colours_follow_one_another() -> None:
    """A text in one colour, some of it in bold; then 256 colours, and those by their parts."""
    assert lines("\x1b[31ma\x1b[1mb\x1b[22mc\n") == ["\x1b[31ma\x1b[0m\x1b[31;1mb\x1b[0m\x1b[31mc\x1b[0m"]
    assert lines("\x1b[38;5;46mx\x1b[48;2;1;2;3my\n") == [
        "\x1b[38;5;46mx\x1b[0m\x1b[38;5;46;48;2;1;2;3my\x1b[0m"
    ]


def test_what_is_no_colour_is_passed_over() -> None:
    """Cut short, private to a terminal, or unknown."""
    assert lines("\x1b[38;5mx\x1b[?25my\x1b[777;99999999mz\n") == ["xyz"]


def test_an_erased_line_is_gone() -> None:
    """A bar that leaves nothing behind (`leave=False`)."""
    assert lines("\r 50%", "\r\x1b[2K", "\rafter\n") == ["after"]


def test_backspaces_take_back() -> None:
    """As Keras once drew its bars."""
    assert lines("12%\b\b\b34%\n") == ["34%"]
    assert lines("1\x1b[31m2\b\b\x1b[0m3\n") == ["\x1b[31m\x1b[0m3"]


def nested_bars(refreshes: int) -> list[str]:
    """Write as two nested bars of tqdm do."""
    texts = ["\repoch 0"]
    for refresh in range(refreshes):
        texts += ["\n", f"\rbatch {refresh}", "\x1b[A"]
    return [*texts, "\repoch 1", "\n", "after\n"]


def test_nested_bars_keep_their_last_states() -> None:
    """However often they were drawn; the outer one is there once more from before it was known as one."""
    assert lines(*nested_bars(500)) == ["epoch 0", "epoch 1", "after"]


def test_lines_are_given_away_again_when_bars_are_long_gone() -> None:
    """What is held can be lost by a kill, so it is no longer than needed."""
    screen = LineScreen()
    for text in nested_bars(3):
        screen.feed(text)
    for _ in range(200):
        screen.feed("line\n")
    assert screen.feed("last\n") == ["last"]


def test_a_line_without_an_end_takes_no_memory() -> None:
    """It is cut into several, and nothing of it is lost."""
    shown = lines(*(["." * 100_000] * 30))
    assert len(shown) > 1
    assert sum(map(len, shown)) == 3_000_000


def test_going_up_without_end_is_bounded() -> None:
    """A program that clears the screen with a huge count."""
    assert lines("a\n\x1b[999999999Ab\n")[-1] == "b"


plain = st.text(st.characters(blacklist_characters="\n\r\x08\x1b"), max_size=5)
screen_text = st.lists(
    st.sampled_from(
        [
            "\n",
            "\r",
            "\x1b[A",
            "\x1b[2A",
            "\x1b[B",
            "\x1b[K",
            "\x1b[31m",
            "\x1b[0;1m",
            "\x08",
            "\x1b]0;t\x1b\\",
        ]
    )
    | plain,
    max_size=30,
).map("".join)


@given(screen_text, st.lists(st.integers(0, 60), max_size=6))
def test_it_does_not_matter_how_text_is_cut(text: str, cuts: list[int]) -> None:
    """Also within a sequence: the result is that of all in one piece."""
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]

    assert lines(*pieces) == lines(text)


@given(screen_text)
def test_without_its_colours_a_line_is_what_it_would_be_without_any(text: str) -> None:
    """They change nothing else."""
    bare = [without_colors(line) for line in lines(text)]
    assert bare == lines(without_colors(text))


@given(st.lists(plain, max_size=20))
def test_plain_lines_come_back_as_they_were(given_lines: list[str]) -> None:
    """Text without control characters is not touched."""
    text = "".join(line + "\n" for line in given_lines)
    assert lines(text) == given_lines


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever is printed."""
    lines(text)
