"""Several clones of one project around a bare repository."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import git
from vcs.artifacts.collection import Collections
from vcs.artifacts.manifest import Manifest, Origin
from vcs.clock import iso_time
from vcs.digest import digest_bytes
from vcs.discover import find_layout
from vcs.files.listing import Entry, Listing
from vcs.git import Git
from vcs.layout import Layout
from vcs.records.ledger import Ledger
from vcs.records.ledger_sync import LedgerSync
from vcs.stores.memory import MemoryStore
from vcs.yaml_io import dump_yaml, load_yaml


class Clock:
    """A second goes by each time that it is read; shared by the clones, so that order is known."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000

    def __call__(self) -> str:
        self.seconds += 1
        return iso_time(self.seconds)


@dataclass
class Clone:
    """One clone, with records made by hand."""

    folder: Path
    layout: Layout
    git: Git
    ledger: Ledger
    collections: Collections
    sync: LedgerSync
    clock: Callable[[], str]

    def log(self, name: str, text: str, *aliases: str, run: str | None = None, **more: Any) -> Manifest:
        """Log a version whose contents are `text`, and commit it."""
        logged = self.collections.log(
            "p", name, "model", _listing(text), aliases=aliases, origin=Origin(run=run), **more
        )
        self.ledger.commit(self.collections.paths_of(logged.manifest), f"artifact {name}")
        return logged.manifest

    def versions(self, name: str) -> dict[str, str]:
        """Version to the digest of its contents."""
        return {m.version: m.digest for m in self.collections.versions("p", name)}

    def write_run(self, run_id: str, **fields: Any) -> Path:
        """Write a run's record over what is there, and commit the run."""
        run = self.layout.run("p", run_id)
        known = load_yaml(run.record, "run") if run.record.exists() else {}
        fields = {"format": 1, "id": run_id, "project": "p", **known, **fields}
        run.history.mkdir(parents=True, exist_ok=True)
        run.record.write_text(dump_yaml(fields))
        self.commit(run.folder)
        return run.folder

    def run(self, run_id: str) -> dict[str, Any]:
        record: dict[str, Any] = load_yaml(self.layout.run("p", run_id).record, "run")
        return record

    def commit(self, path: Path | None = None) -> None:
        self.ledger.commit([path or self.layout.records], "a change")

    def pull(self) -> Any:
        return self.sync.pull("origin")

    def push(self) -> Any:
        return self.sync.push("origin")

    def tree(self) -> str:
        """What identifies all records of the ledger."""
        return git(self.folder, "rev-parse", "refs/tracker/ledger^{tree}").strip()


def clone_at(folder: Path, remote: Path, clock: Callable[[], str]) -> Clone:
    """Make a clone of a bare repository."""
    git(folder.parent, "clone", "-q", str(remote), str(folder))
    return open_clone(folder, clock)


def open_clone(folder: Path, clock: Callable[[], str]) -> Clone:
    layout = find_layout(folder)
    own = Git(layout.worktree)
    ledger = Ledger(own, layout)
    collections = Collections(layout, MemoryStore(), now=clock)
    return Clone(folder, layout, own, ledger, collections, LedgerSync(own, layout, ledger), clock)


def bare_remote(folder: Path) -> Path:
    """A bare repository with one commit."""
    remote, seed = folder / "remote.git", folder / "seed"
    git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
    git(folder, "init", "-q", "-b", "main", str(seed))
    (seed / "train.py").write_text("print('training')\n")
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "first")
    git(seed, "push", "-q", str(remote), "main")
    return remote


def session(
    number: int, started: str, *, host: str = "a", state: str = "finished", **more: Any
) -> dict[str, Any]:
    """A session as run.yaml has it."""
    seed = int(hashlib.sha256(f"{host}{started}".encode()).hexdigest()[:4], 16)
    ended = {} if state == "running" else {"ended": started}
    return {"number": number, "started": started, **ended, "state": state, "host": host, "pid": seed, **more}


def digest_of(text: str) -> str:
    """The digest of the version that `Clone.log` makes of a text."""
    return _listing(text).digest


def _listing(text: str) -> Listing:
    return Listing([Entry("data.bin", digest_bytes(text.encode()), len(text))])
