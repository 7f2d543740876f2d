"""A fork's own copy of the history that it shares; the laws are in tests/properties."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tracker.storage.build import START, layout, rewind, row, set_, write
from tracker.storage.history import read_rows, summary_of
from tracker.storage.takeover import take_over
from vcs.errors import FormatError
from vcs.layout import RunLayout


@pytest.fixture
def source(tmp_path: Path) -> RunLayout:
    """A run of two sessions, the second begun at step 3."""
    run = layout(tmp_path, "source")
    write(run, 0, [row(s, s, x=s, deep={"a": [s]}) for s in range(5)])
    write(run, 1, [row(s, 100 + s, x=-s) for s in range(3, 6)], from_step=3, start=START + 100)
    return run


def test_a_fork_reads_as_the_source_did_up_to_the_step(source: RunLayout, tmp_path: Path) -> None:
    """With the same times; its own rows follow."""
    fork = layout(tmp_path, "fork")

    assert take_over(source, fork, last_step=4) == 5
    write(fork, 0, [row(5, 1000, x=50)], from_step=5, start=START + 1000)

    shared = read_rows(source, max_step=4)
    assert read_rows(fork)[:5] == shared
    assert [r["x"] for r in read_rows(fork)] == [0, 1, 2, -3, -4, 50]
    assert read_rows(fork)[1]["deep.a"] == [1]
    assert summary_of(fork)["deep"] == {"a": [2]}


def test_a_fork_does_not_change_with_its_source(source: RunLayout, tmp_path: Path) -> None:
    """Neither by what is taken back there nor by its removal."""
    fork = layout(tmp_path, "fork")
    take_over(source, fork, last_step=4)
    before = read_rows(fork)

    write(source, 2, [row(0, x="again")], from_step=0)
    assert read_rows(fork) == before
    shutil.rmtree(source.folder)
    assert read_rows(fork) == before


def test_a_fork_of_a_fork_has_the_whole_line(source: RunLayout, tmp_path: Path) -> None:
    """Copies of copies, in order."""
    middle, last = layout(tmp_path, "middle"), layout(tmp_path, "last")
    take_over(source, middle, last_step=3)
    write(middle, 0, [row(4, x=40), set_(note=1), row(6, x=60), rewind(6), row(6, x=61)], from_step=4)
    take_over(middle, last, last_step=6)
    write(last, 0, [], from_step=7)

    assert [r["x"] for r in read_rows(last)] == [0, 1, 2, -3, 40, 61]
    assert summary_of(last)["note"] == 1


def test_taking_over_twice_is_harmless(source: RunLayout, tmp_path: Path) -> None:
    """After an interruption it is simply done again."""
    fork = layout(tmp_path, "fork")
    take_over(source, fork, last_step=4)
    once = read_rows(fork)
    take_over(source, fork, last_step=4)

    assert read_rows(fork) == once


def test_a_damaged_source_is_not_taken_over_in_part(source: RunLayout, tmp_path: Path) -> None:
    """A fork that silently lacks rows would lie."""
    with source.history_segment(1, "0").open("a") as stream:
        stream.write("garbage\n")
    fork = layout(tmp_path, "fork")

    with pytest.raises(FormatError):
        take_over(source, fork, last_step=4)
    assert not fork.history.exists()
