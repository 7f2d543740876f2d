"""Two ledgers, as one; never by `git merge`.

A pure function of git and two ledger commits: theirs, which was shared first, and ours.
It makes a commit with both as parents, and the same one wherever it is made. What only
one side changed since the newest common commit is taken as it is; a collection, a run or
a log that both changed is merged by what it means. Records never come from anywhere
else, and both sides stay in the history, so nothing that was recorded is lost.

Leaves to others: the records on disk (`ledger_step`), and the remote (`ledger_sync`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from vcs.git import TRACKER, Git, failure
from vcs.layout import MERGE_REF
from vcs.ledger_paths import to_ledger, to_record
from vcs.names import parse_version
from vcs.record_log import parse_log
from vcs.records.ledger_tree import (
    COMMIT_END,
    FAST_IMPORT,
    FILE,
    Entry,
    changes_between,
    commit_head,
    entries_of,
    put,
    put_known,
    read_objects,
    removal,
)
from vcs.records.merge_collection import merge_collections, rewrite_manifest
from vcs.records.merge_logs import merge_logs
from vcs.records.merge_runs import RECORD, follow_versions, merge_runs
from vcs.yaml_io import dump_flow

COMMITS = "commits.yaml"
_Changes = Mapping[str, tuple[Entry | None, Entry | None]]
_BATCH = 256


@dataclass(frozen=True, order=True)
class Renumbered:
    """A version of ours that has another number, because theirs had that number for other contents."""

    artifact: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.artifact}:{self.old} is now {self.new}: another clone had shared a {self.old} before"


@dataclass(frozen=True)
class Merge:
    """What a merge came to.

    Attributes:
        commit: The merged ledger; one of the two if it holds all of the other.
        renumbered: Versions of ours with other numbers now.
    """

    commit: str
    renumbered: tuple[Renumbered, ...] = ()


def merge_ledgers(git: Git, theirs: str, ours: str) -> Merge:
    """Merge two ledger commits, and return the commit; MERGE_REF keeps it alive.

    Nothing else is changed. One at a time in a repository.

    Raises:
        GitError: git fails, or objects of a ledger are missing.
    """
    bases = git.text("merge-base", "--all", theirs, ours, check=False).split()
    if theirs in bases or ours in bases:
        return Merge(ours if theirs in bases else theirs)
    base = min(bases, default=None)
    merged = _Merged(git, base, theirs, ours)
    message = "\n".join(["merge of ledgers", *(f"renumbered: {one}" for one in merged.renumbered)])
    dates = git.text("show", "-s", "--no-show-signature", "--format=%ct", theirs, ours).split()
    who_and_when = f"{TRACKER} {max(map(int, dates))} +0000"
    stream = merged.stream(commit_head(MERGE_REF, who_and_when, message))
    done = git.call(*FAST_IMPORT, "--force", input=stream)
    if done.code:
        raise failure(["fast-import"], done)
    return Merge(done.output.decode().strip(), merged.renumbered)


def unit_of(relative: str) -> str:
    """Return what is merged as a whole: the folder of a collection or of a run, else the record itself."""
    parts = relative.split("/")
    if (parts[0] == "artifacts" and len(parts) == 4) or (parts[0] == "runs" and len(parts) >= 4):
        return "/".join(parts[:3])
    return relative


def is_collection(unit: str) -> bool:
    return unit.startswith("artifacts/") and unit.count("/") == 2


def is_run(unit: str) -> bool:
    return unit.startswith("runs/") and unit.count("/") == 2


def files_of_units(git: Git, commit: str | None, units: Iterable[str]) -> dict[str, dict[str, bytes]]:
    """Unit -> path below it -> content, as a ledger commit has them; the path of a single record is empty."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    wanted = set(units)
    if commit is None or not wanted:
        return found
    entries = [
        (relative, entry[1])
        for path, entry in entries_of(git, commit, sorted(wanted)).items()
        if (relative := to_record(path)) is not None and unit_of(relative) in wanted
    ]
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        for (relative, _), content in zip(batch, read_objects(git, [i for _, i in batch]), strict=True):
            unit = unit_of(relative)
            if content is not None:
                found[unit][relative.removeprefix(unit).lstrip("/")] = content
    return found


@dataclass
class _Merged:
    """The merge in the making: what differs from theirs."""

    git: Git
    base: str | None
    theirs: str
    ours: str
    puts: dict[str, bytes | Entry] = field(default_factory=dict)
    removals: set[str] = field(default_factory=set)
    numbers: dict[str, dict[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        there = changes_between(self.git, self.base, self.theirs)
        self.here = changes_between(self.git, self.base, self.ours)
        self.modes = {path: after for path, (_, after) in [*there.items(), *self.here.items()] if after}
        changed_there = {_unit(path) for path in there}
        units = {_unit(path) for path in self.here}
        both = units & changed_there
        self._take_ours(path for path in self.here if _unit(path) not in both)
        sides = [files_of_units(self.git, commit, both) for commit in (self.base, self.theirs, self.ours)]
        for unit in sorted(filter(is_collection, both)):
            before, other, mine = (side.get(unit, {}) for side in sides)
            name = unit.partition("/")[2]
            merged = merge_collections(before, other, mine, name=name)
            if merged.renumbered:
                self.numbers[name] = merged.renumbered
            self._put_unit(unit, other, merged.files)
        self._follow()
        for unit in sorted(both):
            if not is_collection(unit):
                self._merge_unit(unit, *(side.get(unit, {}) for side in sides))

    @property
    def renumbered(self) -> tuple[Renumbered, ...]:
        return tuple(
            Renumbered(name, f"v{old}", f"v{new}")
            for name, numbers in sorted(self.numbers.items())
            for old, new in sorted(numbers.items())
        )

    def stream(self, head: bytes) -> Iterator[bytes]:
        """The commands for `git fast-import`."""
        yield head
        yield f"from {self.theirs}\nmerge {self.ours}\n".encode()
        for path in sorted(self.removals):
            yield removal(path)
        for path, content in sorted(self.puts.items()):
            if isinstance(content, bytes):
                yield put(path, self.modes.get(path, (FILE, ""))[0], content)
            else:
                yield put_known(path, content)
        yield COMMIT_END

    def _take_ours(self, paths: Iterable[str]) -> None:
        for path in paths:
            after = self.here[path][1]
            if after is None:
                self.removals.add(path)
            else:
                self.puts[path] = after

    def _put_unit(self, unit: str, other: Mapping[str, bytes], merged: Mapping[str, bytes]) -> None:
        for name in {*other, *merged}:
            path = to_ledger(f"{unit}/{name}" if name else unit)
            if name not in merged:
                self.removals.add(path)
            elif merged[name] != other.get(name):
                self.puts[path] = merged[name]

    def _merge_unit(
        self, unit: str, before: Mapping[str, bytes], other: Mapping[str, bytes], mine: Mapping[str, bytes]
    ) -> None:
        if is_run(unit):
            if RECORD in mine:
                mine = {**mine, RECORD: follow_versions(mine[RECORD], self.numbers)}
            self._put_unit(unit, other, merge_runs(before, other, mine))
        elif unit == COMMITS:
            rewrite = partial(rewrite_commit_line, numbers=self.numbers)
            log = merge_logs(before.get("", b""), other.get("", b""), mine.get("", b""), rewrite)
            self._put_unit(unit, other, {"": log})
        elif other.get("") == before.get(""):
            self._put_unit(unit, other, mine)

    def _follow(self) -> None:
        """Let what only we changed follow the versions that have other numbers."""
        if not self.numbers:
            return
        paths = [path for path in self.puts if not isinstance(self.puts[path], bytes) and _may_name(path)]
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            ids = [self.modes[path][1] for path in batch]
            for path, content in zip(batch, read_objects(self.git, ids), strict=True):
                if content is None:
                    continue
                changed = self._followed(path, content)
                if changed != content:
                    self.puts[path] = changed

    def _followed(self, path: str, content: bytes) -> bytes:
        if path.startswith("runs/"):
            return follow_versions(content, self.numbers)
        if path == COMMITS:
            was = files_of_units(self.git, self.base, [COMMITS])[COMMITS].get("", b"")
            return merge_logs(was, was, content, partial(rewrite_commit_line, numbers=self.numbers))
        return rewrite_manifest(content, self.numbers, name=_unit(path).partition("/")[2])


def rewrite_commit_line(line: bytes, numbers: Mapping[str, Mapping[int, int]]) -> bytes:
    """Return a line of the commit log with the version that it names renumbered."""
    content = parse_log(line + b"\n", COMMITS)[0]
    if content is None:
        return line
    moved = numbers.get(str(content.get("artifact")), {})
    number = parse_version(str(content.get("version")))
    if number is None or number not in moved:
        return line
    return f"- {dump_flow({**content, 'version': f'v{moved[number]}'})}".encode()


def _unit(path: str) -> str:
    """The unit of a path of the ledger; a path that no commit of ours has is one by itself."""
    relative = to_record(path)
    return path if relative is None else unit_of(relative)


def _may_name(path: str) -> bool:
    """Whether the record of this path may name versions of other collections or its own."""
    name = path.rpartition("/")[2]
    if path.startswith("runs/"):
        return name == RECORD
    return path == COMMITS or (path.startswith("artifacts/") and parse_version(name[:-5]) is not None)
