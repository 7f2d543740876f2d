"""Reading the history of a run."""

from __future__ import annotations

import gc
import math
from pathlib import Path

import pytest

from tests.tracker.storage.build import START, layout, rewind, row, set_, steps, unset, write
from tracker.storage.history import (
    keys_of,
    last_runtime_s,
    last_step,
    read_columns,
    read_rows,
    summary_of,
)
from tracker.storage.segment import Damage
from tracker.values.metrics import Metric
from tracker.values.scalars import NestedKey
from vcs.errors import FormatError
from vcs.layout import RunLayout


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run without any file."""
    return layout(tmp_path)


def test_a_run_without_history_is_empty(run: RunLayout) -> None:
    """It may have been killed before its first row."""
    assert read_rows(run) == []
    assert read_columns(run, ["x"]) == {"x": []}
    assert last_step(run) is None
    assert last_runtime_s(run) == 0.0
    assert summary_of(run) == {}
    assert keys_of(run) == []


def test_rows_have_step_runtime_and_timestamp(run: RunLayout) -> None:
    """Milliseconds since the start of the session, seconds for readers."""
    write(run, 0, [row(3, 1.5, loss=0.5)])

    assert read_rows(run) == [{"loss": 0.5, "_step": 3, "_runtime": 1.5, "_timestamp": START + 1.5}]


def test_runtime_goes_on_over_sessions_and_timestamps_are_real(run: RunLayout) -> None:
    """The pause between two sessions is no runtime."""
    write(run, 0, [row(0, 10, x=1)])
    write(run, 1, [row(1, 1005, x=2)], from_step=1, start=START + 1000)

    assert [(r["_runtime"], r["_timestamp"] - START) for r in read_rows(run)] == [(10, 10), (15, 1005)]
    assert read_columns(run, ["_runtime", "x"]) == {"_runtime": [10.0, 15.0], "x": [1, 2]}
    assert last_runtime_s(run) == 15.0


def test_a_session_that_resumes_earlier_masks_later_rows(run: RunLayout) -> None:
    """They were computed from a state that was given up."""
    write(run, 0, [row(step, x=step) for step in range(10)])
    write(run, 1, [row(step, x=-step) for step in range(5, 7)], from_step=5)

    assert [r["x"] for r in read_rows(run)] == [0, 1, 2, 3, 4, -5, -6]
    assert last_step(run) == 6


def test_a_session_masks_even_before_its_first_row(run: RunLayout) -> None:
    """The header is enough; so a run that was taken back and killed at once is taken back."""
    write(run, 0, [row(step, x=step) for step in range(10)])
    write(run, 1, [], from_step=4)

    assert last_step(run) == 3


def test_masked_rows_are_there_when_asked_for(run: RunLayout) -> None:
    """Nothing is deleted."""
    write(run, 0, [row(0, x=1), row(1, x=2)])
    write(run, 1, [row(1, x=3)], from_step=1)

    found = [(r["_session"], r["x"], r["_masked"]) for r in read_rows(run, all_segments=True)]

    assert found == [(0, 1, False), (0, 2, True), (1, 3, False)]
    only = read_rows(run, all_segments=True, keys=["x"], min_step=1)
    assert [(r["x"], r["_masked"]) for r in only] == [(2, True), (3, False)]


def test_a_rewind_masks_what_stands_before_it(run: RunLayout) -> None:
    """In its own file and in those of earlier sessions."""
    write(run, 0, [row(step, x=step) for step in range(6)])
    write(run, 1, [row(6, x=6), rewind(4), row(4, x=-4)], from_step=6)

    assert [r["x"] for r in read_rows(run)] == [0, 1, 2, 3, -4]


def test_rows_may_be_chosen_by_step_and_key(run: RunLayout) -> None:
    """Rows with none of the keys are left out; both bounds are included."""
    write(run, 0, [row(0, a=1), row(1, b=1), row(2, a=2, b=2), row(3, c=3)])

    assert steps(read_rows(run, min_step=1, max_step=2)) == [1, 2]
    assert [set(r) - {"_step", "_runtime", "_timestamp"} for r in read_rows(run, keys=["a"])] == [
        {"a"},
        {"a"},
    ]
    assert steps(read_rows(run, keys=["_step"])) == [0, 1, 2, 3]
    assert read_rows(run, keys=["absent"]) == []


def test_columns_have_a_place_for_each_row_that_has_one_of_the_keys(run: RunLayout) -> None:
    """None stands for what a row lacks."""
    write(run, 0, [row(0, a=1), row(1, b=1), row(2, a=2, b=2), row(3, c=3)])

    assert read_columns(run, ["_step", "a", "b"]) == {
        "_step": [0, 1, 2],
        "a": [1, None, 2],
        "b": [None, 1, 2],
    }
    assert read_columns(run, ["_timestamp"]) == {"_timestamp": [START] * 4}


def test_complete_columns_have_a_place_for_each_row_that_has_all_of_the_keys(run: RunLayout) -> None:
    """A value that was recorded as None is one."""
    write(run, 0, [row(0, a=1, b=None), row(1, a=2), row(2, b=3, a=4)])

    assert read_columns(run, ["b", "a"], complete=True) == {"b": [None, 3], "a": [1, 4]}
    assert read_columns(run, ["a", "c"], complete=True) == {"a": [], "c": []}


def test_a_key_like_ours_does_not_replace_ours(run: RunLayout) -> None:
    """Whoever logs `_step` gets the row's own step."""
    write(run, 0, [(5, START, ("_step", "x"), (99, 1))])

    assert read_rows(run) == [{"x": 1, "_step": 5, "_runtime": 0.0, "_timestamp": START}]


def test_keys_of_rows_are_plain_text(run: RunLayout) -> None:
    """Readers hand them to JSON and to data frames."""
    write(run, 0, [row(0, a={"b": 1})])

    assert {type(key) for key in read_rows(run)[0]} == {str}
    assert {type(key) for key in keys_of(run)} == {str}
    assert not isinstance(keys_of(run)[0], NestedKey)


def test_ranks_are_apart_and_the_own_rank_is_the_default(run: RunLayout) -> None:
    """Asked for several, rows say whose they are."""
    write(run, 0, [row(0, x="own")])
    write(run, 0, [row(0, x="one")], rank="1")
    write(run, 0, [row(0, x="child")], rank="0.77")

    assert [r["x"] for r in read_rows(run)] == ["own"]
    assert [r["x"] for r in read_rows(run, ranks=["1"])] == ["one"]
    assert {r["_rank"]: r["x"] for r in read_rows(run, ranks=None)} == {
        "0": "own",
        "1": "one",
        "0.77": "child",
    }


def test_what_the_own_rank_takes_back_is_taken_back_for_all(run: RunLayout) -> None:
    """Other ranks of earlier sessions are masked too, and their runtime goes on as the run's."""
    write(run, 0, [row(step, step, x=step) for step in range(6)])
    write(run, 0, [row(step, step, x=step) for step in range(6)], rank="1")
    write(run, 1, [row(4, 0, x=4), rewind(2)], from_step=4)
    write(run, 1, [row(2, 1, x=20)], rank="1", from_step=4)

    rows = read_rows(run, ranks=["1"])

    assert [r["x"] for r in rows] == [0, 1, 20]
    assert rows[-1]["_runtime"] == 6.0


def test_system_rows_are_never_masked(run: RunLayout) -> None:
    """What the machine did, it did."""
    write(run, 0, [row(0, cpu=1), row(5, cpu=2)])
    write(run, 1, [row(1, cpu=3)], from_step=0)
    run.history.rename(run.system)

    assert [r["cpu"] for r in read_rows(run, which="system")] == [1, 2, 3]
    assert read_rows(run) == []


def test_sessions_are_in_order_of_their_numbers(run: RunLayout) -> None:
    """Not of their file names: 10 comes after 9."""
    for session in range(12):
        write(run, session, [row(session, x=session)], from_step=session)

    assert [r["x"] for r in read_rows(run)] == list(range(12))


def test_a_run_can_be_read_while_it_is_written(run: RunLayout) -> None:
    """The unfinished last line is not there yet."""
    path = write(run, 0, [row(0, x=1), row(1, x=2)])
    path.write_bytes(path.read_bytes()[:-3])

    assert steps(read_rows(run)) == [0]


def test_a_damaged_line_is_an_error_unless_the_rest_is_asked_for(run: RunLayout) -> None:
    """With a list for them, damaged lines are described and the others read."""
    path = write(run, 0, [row(0, x=1), row(1, x=2)])
    write(run, 1, [row(2, x=3)], from_step=2)
    run.history.joinpath("9-0.jsonl").write_text("garbage\n")
    path.write_bytes(path.read_bytes().replace(b"[0,1,0,2]", b"[0,1,0,2"))

    with pytest.raises(FormatError):
        read_rows(run)

    damaged: list[Damage] = []
    assert [r["x"] for r in read_rows(run, damaged=damaged)] == [1, 3]
    assert sorted((d.path.name, d.line) for d in damaged) == [("0-0.jsonl", 4), ("9-0.jsonl", 1)]


def test_a_failure_leaves_the_collector_as_it_was(run: RunLayout) -> None:
    """It is suspended while millions of rows are made."""
    write(run, 0, [row(0, x=1)]).open("a").write("x\n")
    assert gc.isenabled()

    with pytest.raises(FormatError):
        read_rows(run)

    assert gc.isenabled()


class TestSummary:
    """The one truth about the summary of a run."""

    def test_it_is_the_last_values_with_our_own(self, run: RunLayout) -> None:
        """`_step`, `_runtime` and `_timestamp` are in it."""
        write(run, 0, [row(0, 1, a=1, b=1), row(1, 2, a=2)])

        assert summary_of(run) == {"a": 2, "b": 1, "_step": 1, "_runtime": 2.0, "_timestamp": START + 2}

    def test_masked_rows_do_not_count(self, run: RunLayout) -> None:
        """Neither as last values nor in aggregations."""
        write(run, 0, [row(step, loss=10 - step) for step in range(8)])
        write(run, 1, [row(4, loss=100)], from_step=4)

        summary = summary_of(run, [{"name": "loss", "summary": ["min", "max", "mean"]}])

        assert summary["loss"] == {"min": 7, "max": 100, "mean": (10 + 9 + 8 + 7 + 100) / 5}

    def test_explicit_values_count_in_their_order(self, run: RunLayout) -> None:
        """Before a row they are overwritten, after it they stand."""
        write(run, 0, [set_(a=9, b=9), row(0, a=1), set_(c=5), unset("c"), row(1, x=0), set_(x=3)])
        summary = summary_of(run)

        assert {key: summary.get(key) for key in "abcx"} == {"a": 1, "b": 9, "c": None, "x": 3}

    def test_an_explicit_value_is_taken_back_with_the_step_it_belongs_to(self, run: RunLayout) -> None:
        """The step of the last row before it."""
        write(run, 0, [set_(early=1), row(0, x=0), set_(at0=1), row(5, x=5), set_(at5=1)])
        write(run, 1, [set_(new=1)], from_step=3)

        assert {"early", "at0", "new"} <= set(summary_of(run))
        assert "at5" not in summary_of(run)

    def test_a_value_set_right_after_a_rewind_belongs_before_it(self, run: RunLayout) -> None:
        """Not to the masked row that stands before it in the file."""
        write(run, 0, [row(0, x=0), row(9, x=9), rewind(5), set_(kept=1)])
        write(run, 1, [], from_step=7)

        assert summary_of(run)["kept"] == 1

    def test_definitions_may_be_objects(self, run: RunLayout) -> None:
        """As the live run has them."""
        write(run, 0, [row(0, loss=math.nan), row(1, loss=2.0)])

        assert summary_of(run, [Metric("lo*", summary=("min", "last"))])["loss"] == {"min": 2.0, "last": 2.0}
