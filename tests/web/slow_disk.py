"""A disk on which one record comes late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker.storage import records
from tracker.storage.records import RunRecord
from tracker.web import listing
from vcs.layout import RunLayout


def slow_record(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Add `run-2`, whose record is read once what is yielded is called; every part of a list is told."""
    record = (project / ".tracker/runs/LeNet5/run-0/run.yaml").read_text()
    folder = project / ".tracker/runs/LeNet5/run-2"
    folder.mkdir()
    (folder / "run.yaml").write_text(record.replace("run-0", "run-2").replace("run 0", "run 2"))
    there, load = threading.Event(), records.load

    def late(run: RunLayout) -> RunRecord:
        if run.folder == folder:
            there.wait()
        return load(run)

    monkeypatch.setattr(records, "load", late)
    monkeypatch.setattr(listing, "_PART_S", 0.0)
    yield there.set
    there.set()
