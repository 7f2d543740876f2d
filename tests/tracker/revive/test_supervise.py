"""A program that runs as our child, and hears what we hear."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tracker.errors import UsageError
from tracker.revive.supervise import become, run


def test_the_exit_status_is_returned(tmp_path: Path) -> None:
    assert run([sys.executable, "-c", "raise SystemExit(7)"], tmp_path, os.environ) == 7
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run([sys.executable, "-c", code], tmp_path, os.environ) == -signal.SIGKILL


def test_it_runs_in_the_folder_with_the_variables(tmp_path: Path) -> None:
    code = "import os; open('out', 'w').write(os.getcwd() + os.environ['WORD'])"
    assert run([sys.executable, "-c", code], tmp_path, {**os.environ, "WORD": "x"}) == 0
    assert (tmp_path / "out").read_text() == f"{os.path.realpath(tmp_path)}x"


def test_what_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # which is undone after the test
    for start in (run, become):
        with pytest.raises(UsageError, match="cannot be started"):
            start(["/no/such/program"], tmp_path, {})


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_to_us_goes_to_the_child_which_decides(tmp_path: Path, name: str) -> None:
    child = (
        f"import signal, sys, time; signal.signal(signal.{name}, lambda *a: sys.exit(9)); "
        "print('up', flush=True); time.sleep(60)"
    )
    parent = textwrap.dedent(
        f"""
        import os, sys
        from pathlib import Path
        from tracker.revive.supervise import run
        print("status", run([sys.executable, "-c", {child!r}], Path("."), os.environ))
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(getattr(signal, name))
        assert process.stdout.read() == "status 9\n"
        assert process.wait() == 0


def test_handlers_are_as_before_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    run([sys.executable, "-c", ""], tmp_path, os.environ)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_it_may_run_in_a_thread(tmp_path: Path) -> None:
    found: list[int] = []
    words = [sys.executable, "-c", "raise SystemExit(3)"]
    thread = threading.Thread(target=lambda: found.append(run(words, tmp_path, os.environ)))
    thread.start()
    thread.join()
    assert found == [3]
