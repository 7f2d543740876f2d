"""The versions that two runs logged, and those that they used.

Versions belong together by the name of their artifact and the step at which they were
logged. A name that holds the id of its run (`<id>-checkpoint`) is the same name in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from tracker.compare.values import ABSENT, Change
from tracker.storage.records import LoggedVersion, RunRecord
from vcs.errors import Error
from vcs.files.listing import Listing

Kind = Literal["added", "removed", "changed"]
Listings = Callable[[str], tuple[str, Listing]]
"""Gives type and listing of `project/name:vN`."""

RUN = "{run}"
# Of a checkpoint: what names its run, and holds the states of all random generators, also of
# those that nothing has seeded or used. They are never the same in two runs; what they lead to is.
_CHECKPOINT = "checkpoint"
_OF_ITS_PROCESS = ("checkpoint.pt", "loader.pt")


@dataclass(frozen=True)
class OutputComparison:
    """One logged version on both sides.

    Attributes:
        name: Of the artifact, without its project, `{run}` for the id of the run.
        step: At which it was logged.
        old, new: `project/name:vN`; None where a run has not logged it.
        same: Whether the contents are equal; of a checkpoint, but for what belongs to its process.
        paths: What differs, by path; empty where that is unknown.
    """

    name: str
    step: int | None
    old: str | None
    new: str | None
    same: bool
    paths: dict[str, Kind] = field(default_factory=dict)


def compare_outputs(
    old: RunRecord,
    new: RunRecord,
    listings: Listings,
    *,
    last_step: int | None = None,
) -> list[OutputComparison]:
    """Compare what two runs logged, in the order of the older one.

    What only the newer run logged, at `last_step` or later, is left out: there an older one
    that ended early ended.
    """
    older, newer = _by_place(old), _by_place(new)
    found = []
    for place in {**older, **newer}:
        name, step = place
        a, b = older.get(place), newer.get(place)
        if a is None and last_step is not None and (step is None or step >= last_step):
            continue
        found.append(_compare(name, step, a, b, listings))
    return found


def compare_paths(old: Listing, new: Listing) -> dict[str, Kind]:
    """Return what differs between two listings, by path, sorted."""
    before, after = old.by_path, new.by_path
    kinds: dict[str, Kind] = {}
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            kinds[path] = "added"
        elif path not in after:
            kinds[path] = "removed"
        elif before[path] != after[path]:
            kinds[path] = "changed"
    return kinds


def compare_inputs(old: RunRecord, new: RunRecord) -> dict[str, Change]:
    """Return the artifacts of which two runs used other contents: versions by `project/name`."""
    older, newer = _inputs(old), _inputs(new)
    return {
        name: Change(_versions(older.get(name)), _versions(newer.get(name)))
        for name in {**older, **newer}
        if older.get(name, {}).keys() != newer.get(name, {}).keys()
    }


def _compare(
    name: str, step: int | None, old: LoggedVersion | None, new: LoggedVersion | None, listings: Listings
) -> OutputComparison:
    if old is None or new is None:
        return OutputComparison(name, step, _reference(old), _reference(new), same=False)
    a, b = f"{old.artifact}:{old.version}", f"{new.artifact}:{new.version}"
    if old.digest == new.digest:
        return OutputComparison(name, step, a, b, same=True)
    try:
        (kind, before), (_, after) = listings(a), listings(b)
    except Error:  # deleted, or not fetched: the digests have said enough
        return OutputComparison(name, step, a, b, same=False)
    paths = compare_paths(before, after)
    if kind == _CHECKPOINT:
        paths = {path: found for path, found in paths.items() if path not in _OF_ITS_PROCESS}
    return OutputComparison(name, step, a, b, same=not paths, paths=paths)


def _reference(version: LoggedVersion | None) -> str | None:
    return None if version is None else f"{version.artifact}:{version.version}"


def _by_place(record: RunRecord) -> dict[tuple[str, int | None], LoggedVersion]:
    """Return the logged versions by name and step; of several at one step, the last."""
    return {(_neutral(one.artifact, record.id), one.step): one for one in record.logged}


def _neutral(artifact: str, run_id: str) -> str:
    return artifact.rpartition("/")[2].replace(run_id, RUN)


def _inputs(record: RunRecord) -> dict[str, dict[str, str]]:
    """Return version by digest, by artifact, of what did not come from the run itself."""
    own = {one.artifact for one in record.logged}
    found: dict[str, dict[str, str]] = {}
    for used in record.used:
        if used.artifact not in own:
            found.setdefault(used.artifact, {})[used.digest] = used.version
    return found


def _versions(versions: dict[str, str] | None) -> object:
    return ABSENT if not versions else ", ".join(_sorted(versions.values()))


def _sorted(versions: Iterable[str]) -> list[str]:
    return sorted(set(versions), key=lambda version: (len(version), version))
