"""A run of another tool, as an importer found it: what `carry` writes.

Rows are functions, not lists: a history is read when it is written, so an import needs
no more memory for ten million rows than for ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tracker.storage.journal import RewindMark
from tracker.storage.records import State
from tracker.values.metrics import Metric
from tracker.values.scalars import SIMPLE, flatten
from tracker.values.sink import MediaSink
from vcs.digest import digest_bytes


class Notes:
    """What could not be carried over, and why; equal remarks are counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, sentence: str, count: int = 1) -> None:
        """Remark that something was left out or changed."""
        self._counts[sentence] += count

    def lines(self) -> list[str]:
        """Return each remark once, with how often it was made if that is more than once."""
        return [text if n == 1 else f"{text} ({n} times)" for text, n in self._counts.items()]


@dataclass(slots=True)
class FoundRow:
    """One row; `values` may be nested, and is what JSON can say, NaN and infinities included."""

    step: int
    time_s: float
    values: Mapping[str, Any]

    def flat(self) -> dict[str, Any]:
        """Return the values with one level; see `scalars.flatten`."""
        if all(type(value) in SIMPLE for value in self.values.values()):
            return dict(self.values)
        return flatten(self.values)


FoundItem: TypeAlias = FoundRow | RewindMark
Rows: TypeAlias = Callable[[MediaSink, Notes], Iterator[FoundItem]]


def no_rows(sink: MediaSink, notes: Notes) -> Iterator[FoundItem]:
    """The history of a run without one."""
    return iter(())


@dataclass
class FoundSession:
    """One attempt of a run.

    Attributes:
        facts: Further fields of `records.Session` that the source knows: host, argv, commit, …
        rows, system: Its metrics and its system metrics.
    """

    started_s: float
    ended_s: float | None = None
    state: State = "finished"
    exit_code: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    rows: Rows = no_rows
    system: Rows | None = None


@dataclass
class FoundArtifact:
    """A version that a run logged.

    Attributes:
        files: Path in the artifact, and the file on this machine that has the contents.
        folder: A folder whose whole content it is, instead of `files`.
        references: Path in the artifact, and the address that stands for the contents.
    """

    name: str
    type: str
    files: Sequence[tuple[str, Path]] = ()
    folder: Path | None = None
    references: Sequence[tuple[str, str]] = ()
    aliases: Sequence[str] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None


@dataclass
class FoundRun:
    """A run, with what is cheap to know of it.

    Attributes:
        place: Where it lies in the source, for people.
        stamp: Differs when the source has more than it had; see `stamp_of`.
        summary: What the source says; what the rows do not yield becomes explicit.
        files: Name below `files/`, and the file.
        output: The lines of the console.
        used: Names of versions that it used, as the source spells them.
        fields: Further fields of the record that only this source has.
    """

    id: str
    project: str
    place: str
    stamp: str
    sessions: list[FoundSession]
    name: str = ""
    entity: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    files: list[tuple[str, Path]] = field(default_factory=list)
    output: Iterable[str] | None = None
    requirements: str | None = None
    logged: list[FoundArtifact] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    remarks: Notes = field(default_factory=Notes)


def stamp_of(paths: Iterable[Path]) -> str:
    """Return what changes when one of the files does: made of their names, sizes and times."""
    lines = []
    for path in sorted(paths):
        status = path.stat()
        lines.append(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n")
    return digest_bytes("".join(lines).encode())[:16]


def id_of(*parts: str) -> str:
    """Return the id of a run that has none in its source; equal parts give an equal id."""
    return digest_bytes("\0".join(parts).encode())[:8]


def safe_name(text: str, *, instead: str = "imported") -> str:
    """Return `text` as the name of a project or a run id may be."""
    made = "".join("_" if ch in "/\\#?%:" or not ch.isprintable() else ch for ch in text).strip(" .")
    return made[:128] or instead


def artifact_name(text: str) -> str:
    """Return `text` as the name of an artifact may be."""
    made = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "_-.") else "-" for ch in text).strip("-.")
    return made[:128] or "files"
