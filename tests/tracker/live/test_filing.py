"""The list of a run's files."""

from __future__ import annotations

import os
from pathlib import Path

from tests.tracker.storage.build import layout
from tracker.live.filing import list_files
from vcs.errors import Error
from vcs.stores.memory import MemoryStore


def test_a_file_whose_name_no_record_can_hold_is_named_and_costs_no_other(tmp_path: Path) -> None:
    """A script may put anything into run.dir; the run's record must stay readable."""
    run = layout(tmp_path)
    run.files.mkdir(parents=True)
    for name in ("good", "back\\slash", os.fsdecode(b"latin-\xff")):
        (run.files / name).write_text("x")
    unlisted: list[Error] = []

    listed = list_files(run, MemoryStore(), unlisted.append)

    assert [file.path for file in listed] == ["files/good"]
    assert len(unlisted) == 2
