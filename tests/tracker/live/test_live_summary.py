"""The live summary is the one that readers work out from the history."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.live.engine import Engine, Facts
from tracker.live.live_summary import LiveSummary
from tracker.live.recorder import Recorder
from tracker.live.rows import Once
from tracker.live.trouble import Trouble
from tracker.settings import RunSettings
from tracker.storage.history import last_runtime_s, last_step, summary_of, summary_state_of, tail_of
from tracker.storage.journal import Header
from tracker.storage.writer import SegmentWriter
from tracker.values.metrics import MetricRules
from tracker.values.summary_state import SummaryState
from vcs.layout import RunLayout


class Writing(Recorder):
    """Only the writer of a session: no record, no ledger."""

    def __init__(self, run: RunLayout) -> None:
        header = Header(run="r", session=0, start=0.0, from_step=0)
        self.writer = SegmentWriter(run.history_segment(0, "0"), header, on_error=pytest.fail)
        self.put = self.writer.put  # type: ignore[method-assign]

    def set_summary(self, values: dict[str, Any]) -> None:
        self.writer.put_set(values, 1.0)

    def unset_summary(self, keys: tuple[str, ...]) -> None:
        self.writer.put_unset(keys, 1.0)

    def rewind(self, step: int) -> None:
        self.writer.put_rewind(step, 1.0)

    def flush(self) -> None:
        self.writer.flush()


def engine_in(folder: Path, *, resumed: bool = False) -> tuple[Engine, RunLayout, Writing]:
    run = RunLayout(folder)
    recorder, rules, lock = Writing(run), MetricRules(), threading.RLock()
    live = LiveSummary(lock, state=SummaryState(), rebuild=lambda: summary_state_of(run, rules.all()))
    facts = Facts(id="r", project="p", resumed=resumed)
    engine = Engine(
        facts, RunSettings(), recorder, metrics=rules, summary=live, trouble=Trouble(), rows_lock=lock
    )
    return engine, run, recorder


keys = st.sampled_from(["a", "b", "c.d", "val"])
numbers = st.integers(-3, 3) | st.sampled_from([0.5, float("inf")])
leaf = numbers | st.text(max_size=2)
rows = st.dictionaries(
    keys, leaf | st.dictionaries(st.sampled_from(["x", "y"]), leaf, max_size=2), max_size=3
)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("log"), rows),
        st.tuples(st.just("set"), st.dictionaries(keys, leaf, min_size=1, max_size=2)),
        st.tuples(st.just("unset"), keys),
        st.tuples(st.just("define"), st.tuples(keys, st.sampled_from(["min", "max,mean", "first", "none"]))),
        st.tuples(st.just("rewind"), st.integers(0, 4)),
        st.tuples(st.just("look"), st.none()),
    ),
    max_size=14,
)
numbering = itertools.count()


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=actions)
def test_whatever_happens_it_equals_what_readers_find(tmp_path: Path, made: list[tuple[str, Any]]) -> None:
    engine, run, recorder = engine_in(tmp_path / str(next(numbering)))
    for name, argument in made:
        if name == "log":
            engine.log(argument)
        elif name == "set":
            engine.set_summary(argument)
        elif name == "unset":
            engine.unset_summary((argument,))
        elif name == "define":
            metric, summary = argument
            engine.define_metric(metric, summary=tuple(summary.split(",")))
        elif name == "rewind" and argument < engine.step:
            engine.rewind(argument)
        else:
            engine.summary.value()
    live = engine.summary.value()
    recorder.writer.close()
    assert live == summary_of(run, engine.metrics.all())


def test_looking_is_not_needed_for_the_rows_to_be_bounded(tmp_path: Path) -> None:
    """With aggregations rows wait; many of them ask to be worked out."""
    asked: list[int] = []
    live = LiveSummary(threading.RLock(), state=SummaryState(), on_many=lambda: asked.append(1))
    live.keep_order()
    for step in range(5000):
        live.see(step, {"a": step}, 0.0)
    assert asked == [1]
    assert live.value()["a"] == 4999


def test_a_medium_is_worked_out_once_for_history_and_summary(tmp_path: Path) -> None:
    calls: list[int] = []

    class Medium:
        def to_record(self, sink: Any) -> dict[str, Any]:
            calls.append(1)
            return {"_type": "thing", "n": len(calls)}

    engine, run, recorder = engine_in(tmp_path)
    engine.log({"m": Medium()})
    recorder.flush()
    for _ in range(2):
        assert engine.summary.value()["m"] == {"_type": "thing", "n": 1}
    recorder.writer.close()
    assert summary_of(run)["m"] == {"_type": "thing", "n": 1}


def test_a_value_that_cannot_be_worked_out_costs_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def to_record(self, sink: Any) -> dict[str, Any]:
            raise ValueError("no picture")

    live = LiveSummary(threading.RLock(), state=SummaryState())
    live.see(0, {"broken-thing": Once(Broken()), "a": 1}, 0.0)
    assert live.value()["a"] == 1
    assert "broken-thing" not in live.value()
    assert "no picture" in capsys.readouterr().err


def test_logging_goes_on_while_a_value_is_worked_out() -> None:
    """What is slow to make plain is made plain outside of the lock that `log` takes."""
    begun, release = threading.Event(), threading.Event()

    class Slow:
        def to_record(self, sink: Any) -> dict[str, Any]:
            begun.set()
            assert release.wait(600)
            return {"_type": "slow"}

    lock = threading.RLock()
    live = LiveSummary(lock, state=SummaryState())
    live.see(0, {"slow": Once(Slow())}, 0.0)
    reader = threading.Thread(target=live.value)
    reader.start()
    assert begun.wait(600)
    assert lock.acquire(timeout=600)
    live.see(1, {"a": 1}, 0.0)
    lock.release()
    release.set()
    reader.join()
    assert (live.value()["slow"], live.value()["a"]) == ({"_type": "slow"}, 1)


def test_the_tail_of_a_history_is_what_the_single_questions_answer(tmp_path: Path) -> None:
    engine, run, recorder = engine_in(tmp_path)
    for step in range(5):
        engine.log({"a": step, "b": {"c": step}})
    engine.rewind(3)
    recorder.writer.close()
    tail = tail_of(run)
    assert (tail.last_step, tail.runtime_s) == (last_step(run), last_runtime_s(run))
    assert tail.summary.value() == summary_of(run)
