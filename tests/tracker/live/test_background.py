"""The keeper's thread: in order, coalesced, and nothing lost at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tracker.live.background import Background


@pytest.fixture
def background() -> Iterator[Background]:
    made = Background("test-keeper")
    yield made
    made.close()


def test_jobs_run_in_order_off_the_callers_thread(background: Background) -> None:
    done: list[tuple[int, str]] = []
    for number in range(20):
        background.submit(lambda n=number: done.append((n, threading.current_thread().name)))  # type: ignore[misc]
    assert background.drain(30)
    assert done == [(number, "test-keeper") for number in range(20)]


def test_a_waiting_job_with_the_same_key_is_replaced(background: Background) -> None:
    begun, go, done = threading.Event(), threading.Event(), []
    background.submit(lambda: (begun.set(), go.wait(600)))  # type: ignore[arg-type, return-value]
    assert begun.wait(600)
    for number in range(5):
        background.submit(lambda n=number: done.append(n), key="same")  # type: ignore[misc]
    go.set()
    assert background.drain(30)
    assert done == [4]


def test_close_runs_what_is_queued_and_is_harmless_twice(background: Background) -> None:
    done: list[int] = []
    for number in range(100):
        background.submit(lambda n=number: done.append(n))  # type: ignore[misc]
    assert background.close()
    assert background.close()
    assert len(done) == 100


def test_a_job_after_the_end_runs_at_once(background: Background) -> None:
    background.close()
    done: list[str] = []
    background.submit(lambda: done.append(threading.current_thread().name))
    assert done == [threading.current_thread().name]


def test_a_tick_comes_again_and_again() -> None:
    ticks, enough = [], threading.Event()

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            enough.set()

    background = Background("test-keeper", every_s=0.01, tick=tick)
    assert enough.wait(600)
    background.close()


def test_a_later_job_waits_for_its_time_and_is_left_out_at_the_end(background: Background) -> None:
    done, event = [], threading.Event()
    background.submit_later(0.01, event.set)
    background.submit_later(3600, lambda: done.append(1))
    assert event.wait(600)
    assert background.close(30)
    assert done == []


def test_drain_and_close_in_the_thread_itself_do_not_hang(background: Background) -> None:
    answers: list[bool] = []
    background.submit(lambda: answers.append(background.drain()))
    background.submit(lambda: answers.append(background.close()))
    assert background.close(30)
    assert answers == [True, True]
