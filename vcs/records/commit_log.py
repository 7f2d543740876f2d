"""What the records have to do with the user's commits: `.tracker/commits.yaml`.

Manifests and sessions say on which commit something was made, and never change. What is
only known later goes here, into a log that only grows: which versions a commit brought
in by its pointers, which runs it speaks of, and into what a commit was rewritten by a
rebase or an amend. So everything that was said of the old commit holds for the new one,
and the old one can still be asked about.

```yaml
- {"time":"…","commit":"9fce…","artifact":"LeNet5/mnist","version":"v3","digest":"3f9a…","path":"data/mnist"}
- {"time":"…","commit":"9fce…","run":"if8bjzd0","project":"LeNet5"}
- {"time":"…","old":"9fce…","new":"1c0ffee…","by":"rebase"}
```
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from vcs.record_log import Line, append_log, read_log

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class CommitVersion:
    """A version that a commit brought in: one of its pointers names it, and none did before.

    Attributes:
        artifact: `project/name`.
        version: `v3`.
        path: The tracked path, relative to the working tree.
    """

    commit: str
    artifact: str
    version: str
    digest: str
    path: str
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class CommitRun:
    """A run of which a commit speaks: it finished before, or was made of the commit's files."""

    commit: str
    project: str
    run: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A commit that became another one; `by` is what git says: `rebase` or `amend`."""

    old: str
    new: str
    by: str = ""


Entry: TypeAlias = CommitVersion | CommitRun | Rewrite


@dataclass(frozen=True)
class CommitLog:
    """The whole log, in the order in which it was written.

    Attributes:
        damaged: Numbers (from 1) of lines that cannot be read.
    """

    versions: tuple[CommitVersion, ...] = ()
    runs: tuple[CommitRun, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    damaged: tuple[int, ...] = field(default=())

    @cached_property
    def commits(self) -> frozenset[str]:
        """Every commit of which the log speaks."""
        said = {one.commit for one in self.versions} | {one.commit for one in self.runs}
        return frozenset(said | {commit for one in self.rewrites for commit in (one.old, one.new)})

    def ancestry(self, commit: str) -> frozenset[str]:
        """Return the commit with all that were rewritten into it, by however many steps."""
        return _reach(commit, self._sources)

    def descent(self, commit: str) -> frozenset[str]:
        """Return the commit with all into which it was rewritten."""
        return _reach(commit, self._results)

    def versions_of(self, commit: str) -> tuple[CommitVersion, ...]:
        """Return what a commit brought in, also before it was rewritten; each version once."""
        same = self.ancestry(commit)
        found = {(one.artifact, one.version, one.path): one for one in self.versions if one.commit in same}
        return tuple(found.values())

    def runs_of(self, commit: str) -> tuple[CommitRun, ...]:
        """Return the runs of which a commit speaks, also before it was rewritten; each once."""
        same = self.ancestry(commit)
        return tuple({(one.project, one.run): one for one in self.runs if one.commit in same}.values())

    @cached_property
    def _sources(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one in self.rewrites:
            found.setdefault(one.new, set()).add(one.old)
        return found

    @cached_property
    def _results(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one in self.rewrites:
            found.setdefault(one.old, set()).add(one.new)
        return found


def read_commit_log(path: Path) -> CommitLog:
    """Read the log (`Layout.commits`); a missing file is an empty one.

    Damaged lines are numbered and count for nothing; so do lines of a kind that this
    release does not know, without being damaged.

    Raises:
        FormatError, StoreError: See `vcs.record_log.read_log`.
    """
    versions: list[CommitVersion] = []
    runs: list[CommitRun] = []
    rewrites: list[Rewrite] = []
    damaged: list[int] = []
    for number, line in enumerate(read_log(path, "commit log"), 1):
        entry = _parse(line) if line is not None else None
        if isinstance(entry, CommitVersion):
            versions.append(entry)
        elif isinstance(entry, CommitRun):
            runs.append(entry)
        elif isinstance(entry, Rewrite):
            rewrites.append(entry)
        elif line is None or {"commit", "old"} & line.keys():
            damaged.append(number)
    return CommitLog(tuple(versions), tuple(runs), tuple(rewrites), tuple(damaged))


def append_entries(path: Path, entries: Iterable[Entry], time: str) -> None:
    """Append entries, in order; all durable when this returns.

    Raises:
        StoreError: The disk refused; the first ones may be there.
    """
    append_log(path, [{"time": time, **_fields(entry)} for entry in entries])


def _fields(entry: Entry) -> dict[str, str]:
    if isinstance(entry, Rewrite):
        return {"old": entry.old, "new": entry.new, "by": entry.by}
    if isinstance(entry, CommitRun):
        return {"commit": entry.commit, "run": entry.run, "project": entry.project}
    fields = {
        "commit": entry.commit,
        "artifact": entry.artifact,
        "version": entry.version,
        "digest": entry.digest,
        "path": entry.path,
    }
    return {**fields, "branch": entry.branch} if entry.branch is not None else fields


def _parse(line: Line) -> Entry | None:
    """Return the entry of a line; None if it is none that can be read."""
    texts = {key: value for key, value in line.items() if isinstance(value, str)}
    try:
        if "old" in texts:
            return Rewrite(_commit(texts, "old"), _commit(texts, "new"), texts.get("by", ""))
        commit = _commit(texts, "commit")
        if "run" in texts:
            return CommitRun(commit, texts["project"], texts["run"])
        return CommitVersion(
            commit,
            texts["artifact"],
            texts["version"],
            texts["digest"],
            texts["path"],
            texts.get("branch"),
        )
    except KeyError:
        return None


def _commit(texts: Mapping[str, str], key: str) -> str:
    if not _COMMIT.fullmatch(texts[key]):
        raise KeyError(key)
    return texts[key]


def _reach(start: str, edges: Mapping[str, set[str]]) -> frozenset[str]:
    """All that can be reached; a hostile log may have rings."""
    found = {start}
    waiting = [start]
    while waiting:
        more = edges.get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return frozenset(found)
