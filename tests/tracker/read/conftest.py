"""Runs written the way a live run writes them, without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tracker.read.api import Api
from tracker.read.runs import Run
from tracker.storage import records
from tracker.storage.history import summary_of
from tracker.storage.journal import Header
from tracker.storage.records import RunRecord, Session
from tracker.storage.writer import SegmentWriter
from vcs.layout import RunLayout
from vcs.liveness import this_process
from vcs.repo import Repo
from vcs.yaml_io import dump_yaml


class Lab:
    """A project folder with a git repository, in which runs can be put down."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = Repo.open(root)

    @property
    def api(self) -> Api:
        return Api(root=self.root)

    def layout(self, run_id: str, project: str = "p") -> RunLayout:
        return self.repo.layout.run(project, run_id)

    def add(
        self,
        run_id: str,
        rows: Sequence[Mapping[str, Any]] = (),
        *,
        project: str = "p",
        config: Mapping[str, Any] | None = None,
        state: str = "finished",
        summary: bool = True,
        alive: bool = False,
        **fields: Any,
    ) -> Run:
        """Put down a run with one session; `state="running"` has no living process unless `alive`."""
        run = self.layout(run_id, project)
        process = this_process()
        session = Session(
            number=0,
            started="2026-01-01T00:00:00.000Z",
            ended=None if state == "running" else "2026-01-01T00:01:30.000Z",
            state=state,  # type: ignore[arg-type]
            host=process.host,
            boot=process.boot,
            pid=process.pid,
            pid_start=process.pid_start if alive else process.pid_start - 1000,
            user="ann",
            argv=["python", "train.py", "--lr", "0.1"],
            python="3.11.7",
        )
        record = RunRecord(
            id=run_id,
            project=project,
            name=fields.pop("name", f"name-of-{run_id}"),
            created=fields.pop("created", "2026-01-01T00:00:00.000Z"),
            state=state,  # type: ignore[arg-type]
            sessions=[session],
            **fields,
        )
        records.create(run, record)
        write_rows(run, rows)
        run.config.write_text(dump_yaml(dict(config or {})))
        if summary and state != "running":
            run.summary.write_text(dump_yaml(summary_of(run)))
        return self.api.run(f"{project}/{run_id}")


def write_rows(
    run: RunLayout, rows: Sequence[Mapping[str, Any]], *, session: int = 0, from_step: int = 0
) -> None:
    """Write a history segment; a row may say its `_step`, else they are numbered."""
    header = Header(run=run.folder.name, session=session, start=time.time() - 100, from_step=from_step)
    writer = SegmentWriter(run.history_segment(session, "0"), header, on_error=pytest.fail)
    for number, row in enumerate(rows, start=from_step):
        values = dict(row)
        writer.put(values.pop("_step", number), values, time.time())
    writer.close()


@pytest.fixture
def lab(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    # Drafts that belong to no run live in the project of the current folder.
    monkeypatch.chdir(git_repo)
    return Lab(git_repo)


@pytest.fixture
def warnings(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was said on the terminal so far."""
    return lambda: capsys.readouterr().err
