"""Signs of life while something else works."""

from __future__ import annotations

import threading

import pytest

from vcs.progress import ticking


class Seen:
    """Notes that it was told something."""

    def __init__(self) -> None:
        self.told = threading.Event()

    def add_total(self, files: int, bytes: int) -> None:
        assert (files, bytes) == (0, 0)
        self.told.set()
        raise KeyboardInterrupt

    def advance(self, files: int, bytes: int) -> None:
        raise AssertionError


def test_who_shows_progress_may_draw_while_git_works() -> None:
    """And what it raises there ends nothing."""
    seen = Seen()
    with ticking(seen):
        assert seen.told.wait(600)
    assert "tracker-ticking" not in {thread.name for thread in threading.enumerate()}


def test_the_ticking_ends_with_what_it_is_for() -> None:
    with pytest.raises(ValueError, match="x"), ticking(Seen()):
        raise ValueError("x")
    with ticking(None):
        assert "tracker-ticking" not in {thread.name for thread in threading.enumerate()}
