"""Trouble is said once, counted, and raised only where that was asked for."""

from __future__ import annotations

import threading

import pytest

from tracker.errors import StoreError
from tracker.live.trouble import Trouble


def test_trouble_is_said_once_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    trouble = Trouble()
    for _ in range(3):
        with trouble.guarded("write x"):
            raise StoreError("the disk is full")
    with trouble.guarded("read y"):
        raise PermissionError("no")
    err = capsys.readouterr().err
    assert err.count("could not write x: the disk is full; training goes on") == 1
    assert trouble.lines() == ["3 times: could not write x", "1 time: could not read y"]


def test_a_mistake_of_ours_is_said_with_its_name_and_costs_no_training(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trouble = Trouble()
    with trouble.guarded("write x"):
        raise KeyError("a bug")
    assert "could not write x: KeyError: 'a bug'; training goes on" in capsys.readouterr().err
    assert trouble.lines() == ["1 time: could not write x"]


def test_an_interruption_passes() -> None:
    with pytest.raises(KeyboardInterrupt), Trouble().guarded("write x"):
        raise KeyboardInterrupt


def test_strict_raises_at_once_in_the_callers_thread() -> None:
    with pytest.raises(StoreError), Trouble(strict=True).guarded("write x"):
        raise StoreError("full")


def test_strict_keeps_what_another_thread_met_for_the_next_call() -> None:
    trouble = Trouble(strict=True)
    heard: list[int] = []
    trouble.on_strict = lambda: heard.append(1)

    def work() -> None:
        with trouble.guarded("write x"):
            raise StoreError("full")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [1]
    with pytest.raises(StoreError, match="full"):
        trouble.raise_it()


def test_without_trouble_there_is_nothing_to_raise_or_say() -> None:
    trouble = Trouble(strict=True)
    trouble.raise_it()
    assert trouble.lines() == []
