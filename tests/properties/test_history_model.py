"""Masking and summary against a model that does the obvious thing, step by step."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.storage.build import layout, rewind, row, set_, unset, write
from tests.tracker.storage.columns import compacted
from tracker.storage import long_segment
from tracker.storage.history import keys_of, last_runtime_s, last_step, read_columns, read_rows, summary_of
from tracker.storage.journal import RewindMark, RichRow, SetMark, UnsetMark
from tracker.storage.row_stream import RowStream
from tracker.storage.takeover import take_over
from tracker.values.metrics import Metric
from tracker.values.summary_state import SummaryState

KEYS = st.sampled_from(["a", "b", "c"])
STEPS = st.integers(0, 8)
ITEMS = st.one_of(
    st.tuples(STEPS, st.dictionaries(KEYS, st.integers(-3, 3), min_size=1)).map(lambda t: row(t[0], **t[1])),
    st.dictionaries(KEYS, st.integers(-3, 3), min_size=1).map(lambda values: set_(**values)),
    KEYS.map(unset),
    STEPS.map(rewind),
)
# Lines, or compacted in blocks of so many lines.
FORMS = st.sampled_from([None, 1, 3, 100])
Sessions = list[tuple[int, list[Any], int | None]]
SESSIONS = st.lists(st.tuples(STEPS, st.lists(ITEMS, max_size=8), FORMS), max_size=4)
METRICS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "*"]),
        st.lists(st.sampled_from(["min", "max", "mean", "last", "first", "none"]), min_size=1, unique=True),
    ).map(lambda t: Metric(t[0], summary=tuple(t[1]))),
    max_size=2,
    unique_by=lambda metric: metric.name,
)


@dataclass
class Model:
    """What a run is after everything that happened: the events that were not taken back."""

    events: list[tuple[int, Any]] = field(default_factory=list)
    step: int = -1

    def session(self, from_step: int, items: list[Any]) -> None:
        """A new session begins, and things happen in it."""
        self._take_back(from_step)
        self.step = from_step - 1
        for item in items:
            if isinstance(item, RewindMark):
                self._take_back(item.step)
                self.step = min(self.step, item.step - 1)
                continue
            if isinstance(item, RichRow):
                self.step = item.step
            self.events.append((self.step, item))

    def _take_back(self, step: int) -> None:
        self.events = [(at, item) for at, item in self.events if at < step]

    @property
    def rows(self) -> list[RichRow]:
        """The rows that count."""
        return [item for _, item in self.events if isinstance(item, RichRow)]

    def summary(self, metrics: list[Metric]) -> dict[str, Any]:
        """What the live summary would be."""
        state = SummaryState(metrics)
        for _, item in self.events:
            if isinstance(item, RichRow):
                state.row(item.values)
            elif isinstance(item, SetMark):
                state.set(item.values)
            elif isinstance(item, UnsetMark):
                state.unset(item.keys)
        return state.value()


def written(sessions: Sessions, folder: str) -> tuple[Any, Model]:
    """Write the sessions to disk and to the model."""
    run, model = layout(Path(folder)), Model()
    for number, (from_step, items, block_lines) in enumerate(sessions):
        path = write(run, number, items, from_step=from_step)
        if block_lines is not None:
            compacted(path, block_lines=block_lines)
        model.session(from_step, items)
    return run, model


def own(values: dict[str, Any]) -> dict[str, Any]:
    """Without the keys that readers add."""
    return {key: value for key, value in values.items() if not key.startswith("_")}


@given(sessions=SESSIONS)
@settings(deadline=None)
def test_what_is_read_is_what_was_not_taken_back(sessions: Sessions) -> None:
    """Rows, columns and the last step, for any order of sessions and rewinds."""
    with tempfile.TemporaryDirectory() as folder:
        run, model = written(sessions, folder)
        rows = read_rows(run)

        assert [(r["_step"], own(r)) for r in rows] == [(r.step, r.values) for r in model.rows]
        assert last_step(run) == max((r.step for r in model.rows), default=None)
        having = [r for r in model.rows if "a" in r.values or "b" in r.values]
        assert read_columns(run, ["a", "_step", "b"]) == {
            "a": [r.values.get("a") for r in having],
            "_step": [r.step for r in having],
            "b": [r.values.get("b") for r in having],
        }
        complete = [r for r in model.rows if "a" in r.values and "b" in r.values]
        assert read_columns(run, ["b", "a", "_step"], complete=True) == {
            "b": [r.values["b"] for r in complete],
            "a": [r.values["a"] for r in complete],
            "_step": [r.step for r in complete],
        }
        assert set(keys_of(run)) == {key for r in model.rows for key in r.values}


@given(sessions=SESSIONS)
@settings(deadline=None)
def test_masked_rows_are_the_others(sessions: Sessions) -> None:
    """Together they are all that was ever written, in order."""
    with tempfile.TemporaryDirectory() as folder:
        run, model = written(sessions, folder)
        everything = read_rows(run, all_segments=True)
        logged = [item for _, items, _ in sessions for item in items if isinstance(item, RichRow)]

        assert [(r["_step"], own(r)) for r in everything] == [(r.step, r.values) for r in logged]
        assert [own(r) for r in everything if not r["_masked"]] == [r.values for r in model.rows]


@given(sessions=SESSIONS, metrics=METRICS)
@settings(deadline=None)
def test_the_summary_is_that_of_the_events_that_count(sessions: Sessions, metrics: list[Metric]) -> None:
    """Readers skip rows that do not matter; the result is as if they had not."""
    with tempfile.TemporaryDirectory() as folder:
        run, model = written(sessions, folder)

        assert own(summary_of(run, metrics)) == model.summary(metrics)


@given(sessions=SESSIONS, metrics=METRICS, piece_bytes=st.integers(1, 400))
@settings(deadline=None)
def test_in_pieces_of_any_size_it_is_the_same(
    sessions: Sessions, metrics: list[Metric], piece_bytes: int
) -> None:
    """As if every file were too long for memory."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        run, model = written(sessions, folder)
        whole = read_rows(run), read_rows(run, keys=["a", "b"]), last_runtime_s(run), keys_of(run)
        patch.setattr(long_segment, "LONG_BYTES", 0)
        patch.setattr(long_segment, "_PIECE_BYTES", piece_bytes)

        assert list(chain.from_iterable(RowStream(run).rows())) == whole[0]
        both = [{"b": row["b"], "a": row["a"]} for row in whole[1] if "a" in row and "b" in row]
        assert list(chain.from_iterable(RowStream(run).rows(["b", "a"]))) == both
        assert (last_runtime_s(run), keys_of(run)) == whole[2:]
        assert own(summary_of(run, metrics)) == model.summary(metrics)


@given(sessions=SESSIONS, fork_step=STEPS, metrics=METRICS)
@settings(max_examples=60, deadline=None)
def test_a_fork_has_the_rows_and_the_summary_up_to_its_step(
    sessions: Sessions, fork_step: int, metrics: list[Metric]
) -> None:
    """As if the source had been taken back to the step after it; the source is untouched."""
    with tempfile.TemporaryDirectory() as folder:
        source, model = written(sessions, folder)
        before = read_rows(source, all_segments=True)
        fork = layout(Path(folder), "fork")
        copied = take_over(source, fork, last_step=fork_step)
        write(fork, 0, [row(fork_step + 1, z=1)], from_step=fork_step + 1)
        model.session(fork_step + 1, [row(fork_step + 1, z=1)])

        assert [(r["_step"], own(r)) for r in read_rows(fork)] == [(r.step, r.values) for r in model.rows]
        assert own(summary_of(fork, metrics)) == model.summary(metrics)
        assert copied == len(model.rows) - 1
        assert read_rows(source, all_segments=True) == before
