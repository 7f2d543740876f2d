"""From a version to the run that made it, to what that run used, and so on; and who used it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracker.storage.catalog import Catalog, RunEntry
from vcs.artifacts.manifest import Manifest
from vcs.repo import Repo

# A chain of fine-tunings is seldom longer; a tree on a terminal is unreadable before.
MAX_DEPTH = 12


@dataclass(frozen=True)
class Step:
    """A version, and the run that made it with its inputs.

    Attributes:
        version: `project/name:vN`.
        run: The run that made it; None if no record of one is left.
        commit: Of the user's repository, when it was made.
        inputs: What that run used; empty for a run that is shown further up already, as
            when it took back a checkpoint of its own.
    """

    version: str
    run: RunEntry | None
    commit: str | None
    inputs: tuple[Step, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "version": self.version,
            "run": f"{self.run.project}/{self.run.id}" if self.run else None,
            "commit": self.commit,
            "inputs": [step.to_plain() for step in self.inputs],
        }


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from, and the runs that used it, oldest first."""

    made: Step
    used_by: tuple[RunEntry, ...]


def lineage_of(repo: Repo, manifest: Manifest) -> Lineage:
    """Follow the records of all runs; costs the reading of one small file for each."""
    runs = list(Catalog(repo.layout).runs())
    wanted = (f"{manifest.project}/{manifest.name}", manifest.digest)
    users = [
        entry
        for entry in runs
        if any((used.artifact, used.digest) == wanted for used in entry.record.used)
        and entry.id != manifest.origin.run
    ]
    makers: dict[tuple[str, str], RunEntry] = {}
    for entry in sorted(runs, key=lambda entry: entry.record.created):
        for one in entry.record.logged:  # the first that logged these contents made them
            makers.setdefault((f"{one.artifact}:{one.version}", one.digest), entry)
    by_id = {(entry.project, entry.id): entry for entry in runs}
    maker = by_id.get((manifest.project, manifest.origin.run or ""))
    name = manifest.qualified_name
    made = Step(name, maker, manifest.origin.commit, _inputs(maker, makers, frozenset({name}), MAX_DEPTH))
    return Lineage(made, tuple(sorted(users, key=lambda entry: entry.record.created)))


def _inputs(
    run: RunEntry | None, makers: dict[tuple[str, str], RunEntry], seen: frozenset[str], depth: int
) -> tuple[Step, ...]:
    """Return what a run used, each once; versions and runs on the way here are not followed again."""
    if run is None or not depth or run.id in seen:
        return ()
    steps = []
    for name, digest in dict.fromkeys(
        (f"{one.artifact}:{one.version}", one.digest) for one in run.record.used
    ):
        if name not in seen:
            maker = makers.get((name, digest))
            commit = maker.record.sessions[-1].commit if maker and maker.record.sessions else None
            steps.append(Step(name, maker, commit, _inputs(maker, makers, seen | {run.id, name}, depth - 1)))
    return tuple(steps)
