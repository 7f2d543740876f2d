"""Runs in this process and in whole processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tracker
from tracker.live import session, term
from tracker.storage import history, records
from tracker.storage.records import RunRecord
from vcs.layout import RunLayout


@dataclass(frozen=True)
class Written:
    """A run as it lies on disk."""

    files: RunLayout

    @property
    def record(self) -> RunRecord:
        return records.load(self.files)

    def rows(self, **options: Any) -> list[dict[str, Any]]:
        """Return the rows without their times."""
        found = history.read_rows(self.files, **options)
        return [{key: row[key] for key in row if key not in ("_runtime", "_timestamp")} for row in found]

    def yaml(self, name: str) -> Any:
        from vcs.yaml_io import load_yaml

        return load_yaml(self.files.folder / name, name)


def written(folder: Path, run_id: str | None = None) -> Written:
    """Return a run below a project folder: the one with the id, or the only one there is."""
    found = [p for p in folder.glob(".tracker/runs/*/*") if p.is_dir() and not p.name.startswith(".")]
    if run_id is not None:
        found = [p for p in found if p.name == run_id]
    assert len(found) == 1, found
    return Written(RunLayout(found[0]))


@pytest.fixture
def project(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository in which this process stands; runs that a test leaves open are ended."""
    monkeypatch.chdir(git_repo)
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    monkeypatch.setattr(term, "_said", set())
    monkeypatch.setattr(session, "_process_settings", tracker.Settings())
    yield git_repo
    monkeypatch.chdir(git_repo)
    tracker.finish()
    term.set_loudness("normal")


Script = Callable[..., "subprocess.CompletedProcess[str]"]


def start_python(folder: Path, code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a script in a folder; the script lies outside of it, so the code there stays as it is.

    SIGHUP has its default there, also where the tests themselves run under nohup.
    """
    script = folder.parent / f"script-{os.urandom(4).hex()}.py"
    script.write_text(textwrap.dedent(code))
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hang_up,
    )


def _hang_up() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def run_python(
    folder: Path, code: str, *arguments: str, status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end; fail with its output on another exit status."""
    with start_python(folder, code, *arguments, **environment) as process:
        out, err = process.communicate()
    assert process.returncode == status, f"status {process.returncode}\n{out}\n{err}"
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
