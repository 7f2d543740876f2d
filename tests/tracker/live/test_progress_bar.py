"""The bar: on a terminal, for long work, and never in the way."""

from __future__ import annotations

import io

import pytest

from tracker.live import term
from tracker.live.progress_bar import ProgressBar, format_bytes, render


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_quick_work_shows_nothing() -> None:
    """Less than half a second."""
    stream, clock = Terminal(), Clock()
    with ProgressBar("adding", stream=stream, clock=clock) as bar:
        bar.add_total(2, 2000)
        clock.now = 0.4
        bar.advance(1, 1000)
    assert stream.getvalue() == ""


def test_long_work_is_drawn_in_place_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most ten times a second, and no wider than the terminal."""
    monkeypatch.setenv("COLUMNS", "79")
    stream, clock = Terminal(), Clock()
    with ProgressBar("adding", stream=stream, clock=clock) as bar:
        bar.add_total(10, 10_000_000)
        for _ in range(10):
            clock.now += 0.25
            bar.advance(1, 1_000_000)
            bar.advance(0, 0)
    drawn = stream.getvalue().split("\r\x1b[2K")
    assert len(drawn) == 11
    assert drawn[2] == "adding [####...........]  30%  3/10 files  3.0 MB/10.0 MB  4.0 MB/s  0:02 left"
    assert drawn[-1] == ""


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_without_a_terminal_nothing_is_written(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe, or no stderr at all."""
    monkeypatch.setattr("sys.stderr", stream)
    clock = Clock()
    with ProgressBar("adding", clock=clock) as bar:
        clock.now = 5
        bar.advance(1, 1)
    assert stream is None or stream.getvalue() == ""


def test_a_silenced_process_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it has no notices."""
    monkeypatch.setattr(term, "_loudness", "quiet")
    stream, clock = Terminal(), Clock()
    with ProgressBar("adding", stream=stream, clock=clock) as bar:
        clock.now = 5
        bar.advance(1, 1)
    assert stream.getvalue() == ""


def test_a_terminal_that_goes_away_does_not_disturb_the_work() -> None:
    """The drawing ends."""
    stream, clock = Terminal(), Clock()
    with ProgressBar("adding", stream=stream, clock=clock) as bar:
        clock.now = 5
        bar.advance(1, 1)
        stream.close()
        clock.now = 6
        bar.advance(1, 1)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (999_600, "1.0 MB"),
        (3.4e9, "3.4 GB"),
    ],
)
def test_sizes_are_short(count: float, text: str) -> None:
    """Three digits at most before the unit."""
    assert format_bytes(count) == text


def test_work_without_bytes_counts_files() -> None:
    """And nothing done yet has no time left."""
    assert (
        render("x", files=(1, 4), size=(0, 0), elapsed_s=1)
        == "x [#####...............]  25%  1/4 files  0:03 left"
    )
    assert render("x", files=(0, 0), size=(0, 0), elapsed_s=61) == "x  1:01"
    wide = {"files": (501, 505), "size": (60 << 20, 240 << 20), "elapsed_s": 3.0}
    narrow = render("Pulling", **wide, columns=79)
    assert narrow.endswith("21.0 MB/s  0:09 left")
    assert len(narrow) <= 79
    assert "[" in narrow
    assert "[" not in render("Pulling", **wide, columns=60)
    assert "1:00:00 left" in render("x", files=(1, 2), size=(1, 3601), elapsed_s=1)
