"""A ledger, small runs to put into it, and what it then holds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import git
from tests.vcs.user_state import files_of
from vcs.discover import find_layout
from vcs.git import Git
from vcs.layout import LEDGER_REF, Layout
from vcs.records.ledger import Ledger


def opened(folder: Path, **options: float) -> tuple[Layout, Ledger]:
    layout = find_layout(folder)
    git_or_none = Git(layout.worktree) if layout.git_dir else None
    return layout, Ledger(git_or_none, layout, **options)


def write_run(layout: Layout, run_id: str, *, loss: float = 1.0) -> Path:
    run = layout.run("LeNet5", run_id)
    run.history.mkdir(parents=True, exist_ok=True)
    run.record.write_text(f"format: 1\nid: {run_id}\n")
    run.summary.write_text(f"loss: {loss}\n")
    run.history_segment(0, "0").write_text(f"[0,0,1,{loss}]\n")
    return run.folder


def in_ledger(folder: Path, commit: str = LEDGER_REF) -> dict[str, bytes]:
    listed = subprocess.check_output(["git", "-C", str(folder), "ls-tree", "-r", "-z", commit])
    found = {}
    for line in os.fsdecode(listed).split("\0"):
        if line:
            place, _, path = line.partition("\t")
            name = place.split(" ")[2]
            found[path] = subprocess.check_output(["git", "-C", str(folder), "cat-file", "blob", name])
    return found


def records_of(layout: Layout) -> dict[str, bytes]:
    """The records, without what belongs to this machine."""
    without = (".gitignore", "ledger-head", "resume.json", "store")
    return {name: held[2] for name, held in files_of(layout.records, without).items()}


def lose(folder: Path) -> None:
    git(folder, "clean", "-q", "-fdx")
    assert not (folder / ".tracker").exists()
