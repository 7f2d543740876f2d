"""What is said, where, and that it never disturbs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from tracker.live import term


@pytest.fixture(autouse=True)
def normal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(term, "_said", set())
    term.set_loudness("normal")
    yield
    term.set_loudness("normal")


def test_lines_go_to_stderr_with_a_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    term.say("one\ntwo")
    term.warn("three")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "tracker: one\ntracker: two\ntracker: warning: three\n"


def test_quiet_keeps_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    term.set_loudness("quiet")
    term.say("one")
    term.warn("two")
    assert capsys.readouterr().err == "tracker: warning: two\n"


def test_silent_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    term.set_loudness("silent")
    term.say("one")
    term.warn("two")
    term.termerror("three")
    assert capsys.readouterr().err == ""


def test_a_warning_can_be_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    term.warn_once("one")
    term.warn_once("one")
    term.warn_once("a", key="k")
    term.warn_once("b", key="k")
    assert capsys.readouterr().err.splitlines() == ["tracker: warning: one", "tracker: warning: a"]


def test_the_forms_of_wandb(capsys: pytest.CaptureFixture[str]) -> None:
    term.termlog("a", newline=False)
    term.termlog("b", prefix=False)
    term.termwarn("c", repeat=False)
    term.termwarn("c", repeat=False)
    term.termerror("d")
    assert capsys.readouterr().err == "tracker: ab\ntracker: warning: c\ntracker: error: d\n"


def test_a_terminal_that_is_gone_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        term.say("into the void")
        term.warn("too")
