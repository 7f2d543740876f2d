"""The end does not wait for a row that an interrupted thread was making."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tracker.collect.event_mirror import EventMirror


@dataclass
class Scalar:
    """A value of an event, as the writers of TensorBoard hand it over."""

    tag: str
    simple_value: float

    def WhichOneof(self, group: str) -> str:
        assert group == "value"
        return "simple_value"


@dataclass
class Summary:
    value: list[Scalar]


@dataclass
class Event:
    step: int
    summary: Summary = field(default_factory=lambda: Summary([]))


def scalars(step: int, **values: float) -> Event:
    return Event(step, Summary([Scalar(tag, value) for tag, value in values.items()]))


def test_stop_logs_the_row_that_is_not_complete(tmp_path: Path) -> None:
    rows: list[Mapping[str, Any]] = []
    mirror = EventMirror(rows.append, warn=pytest.fail)
    mirror.see(str(tmp_path), scalars(3, loss=0.5, acc=0.25))
    mirror.stop()
    assert rows == [{"loss": 0.5, "acc": 0.25, "global_step": 3}]


def test_stop_does_not_wait_for_a_thread_that_stays_in_the_middle_of_a_row(tmp_path: Path) -> None:
    rows: list[Mapping[str, Any]] = []
    inside, go_on = threading.Event(), threading.Event()

    def sink(row: Mapping[str, Any]) -> None:
        rows.append(row)
        inside.set()
        go_on.wait()

    mirror = EventMirror(sink, warn=pytest.fail)
    mirror.see(str(tmp_path), scalars(1, loss=1.0))
    stays = threading.Thread(target=mirror.see, args=(str(tmp_path), scalars(2, loss=2.0)))
    stays.start()
    try:
        inside.wait()
        mirror.stop()
    finally:
        go_on.set()
        stays.join()
    assert rows == [{"loss": 1.0, "global_step": 1}]
