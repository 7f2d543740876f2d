"""One collection that two clones changed, as one.

What is in theirs (the side that was shared first) stays as it is. A version of ours
whose number has other contents there gets the number that its contents have in theirs,
else the next free one, and says `was:`; whatever of ours names it goes along. Alias
moves and edits of both are kept, the latest wins. A version that one side deleted and
the other left alone is deleted.

The result is a function of the files of the three sides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

from vcs.artifacts.edits import same_value
from vcs.artifacts.manifest import DIGEST_LINE, Manifest, parse, render
from vcs.digest import digest_bytes
from vcs.errors import FormatError, UsageError
from vcs.names import parse_artifact_ref, parse_version
from vcs.record_log import parse_log
from vcs.records.merge_logs import insert_by_time, merge_logs
from vcs.yaml_io import dump_flow

Files: TypeAlias = Mapping[str, bytes]
Numbers: TypeAlias = Mapping[int, int]

ALIASES, EDITS = "aliases.yaml", "edits.yaml"
_POINTS_ELSEWHERE = re.compile(rb"^(?:source|parent): ", re.MULTILINE)


@dataclass(frozen=True)
class CollectionSide:
    """What one side has of a collection: its files by name."""

    files: Files = field(default_factory=dict)

    @cached_property
    def digests(self) -> dict[int, str]:
        """Number to digest of the versions; one that cannot be read is identified by its bytes."""
        found = {}
        for name, data in self.files.items():
            number = parse_version(name.removesuffix(".yaml")) if name.endswith(".yaml") else None
            if number is not None:
                line = DIGEST_LINE.search(data)
                found[number] = line[1].decode() if line else f"?{digest_bytes(data)}"
        return found

    @cached_property
    def used(self) -> set[int]:
        """Every number that a version has, had, or that a line of a log names."""
        lines = [line for name in (ALIASES, EDITS) for line in parse_log(self.log(name), name) if line]
        return set(self.digests) | {number for line in lines if (number := _number(line)) is not None}

    def log(self, name: str) -> bytes:
        return self.files.get(name, b"")


@dataclass(frozen=True)
class MergedCollection:
    """What a merge came to.

    Attributes:
        files: All files.
        renumbered: Those numbers of ours that are others now.
    """

    files: dict[str, bytes]
    renumbered: dict[int, int]


def merge_collections(base: Files, theirs: Files, ours: Files, *, name: str) -> MergedCollection:
    """Merge the files of a collection; `name` is `project/name`, for manifests and messages."""
    sides = CollectionSide(base), CollectionSide(theirs), CollectionSide(ours)
    renumbered = _renumber(*sides)
    files = _manifests(*sides, renumbered, name)
    more = _more_details(sides, files, renumbered, name)
    for log in (ALIASES, EDITS):
        local = sides[2].log(log)
        for line in more if log == EDITS else ():
            local = insert_by_time(local, line)
        merged = merge_logs(
            sides[0].log(log), sides[1].log(log), local, partial(rewrite_line, numbers=renumbered)
        )
        if merged:
            files[log] = merged
    for number in _deleted(files.get(EDITS, b"")):
        files.pop(_file(number), None)
    others = {*theirs, *ours} - {ALIASES, EDITS} - {_file(n) for side in sides for n in side.digests}
    for other in others:
        content = ours.get(other) if theirs.get(other) == base.get(other) else theirs.get(other)
        if content is not None:
            files[other] = content
    return MergedCollection(files, renumbered)


def rewrite_line(line: bytes, numbers: Numbers) -> bytes:
    """Return a line of an alias or edit log, with the version that it names renumbered."""
    if not numbers:
        return line
    content = parse_log(line + b"\n", "log")[0]
    number = _number(content) if content else None
    if content is None or number is None or number not in numbers:
        return line
    return _line({**content, "version": f"v{numbers[number]}"})


def rewrite_manifest(
    data: bytes, renumbered: Mapping[str, Numbers], *, name: str, number: int | None = None
) -> bytes:
    """Return a manifest of ours with the versions that it names (itself, parent, source) renumbered.

    `renumbered` has the numbers by `project/name`; `number` is its own from now on, if
    that is another. One that cannot be read stays as it is.
    """
    if number is None and not _POINTS_ELSEWHERE.search(data):
        return data
    try:
        manifest = parse(data.decode(), path=name)
        changed = manifest
        if number is not None and number != manifest.number:
            changed = replace(changed, number=number, was=manifest.version)
        parent = parse_version(manifest.parent or "")
        if parent is not None and parent in (own := renumbered.get(name, {})):
            changed = replace(changed, parent=f"v{own[parent]}")
        if manifest.source is not None:
            source = parse_artifact_ref(manifest.source)
            key = f"{source.project or manifest.project}/{source.name}"
            others = renumbered.get(key, {})
            if source.version is not None and source.version in others:
                changed = replace(changed, source=f"{key}:v{others[source.version]}")
        return data if changed == manifest else render(changed).encode()
    except (FormatError, UsageError, UnicodeDecodeError):
        return data


def _renumber(base: CollectionSide, theirs: CollectionSide, ours: CollectionSide) -> dict[int, int]:
    """Return the numbers of ours that mean other versions in theirs, with what they become."""
    there = {
        digest: number
        for number, digest in sorted(theirs.digests.items(), reverse=True)
        if number in ours.digests or base.digests.get(number) != digest  # not deleted by us
    }
    moved: dict[int, int] = {}
    waiting: list[int] = []
    for number in sorted(ours.used & theirs.used):
        mine, other = ours.digests.get(number), theirs.digests.get(number)
        was = base.digests.get(number)
        if mine == other or (other == was and mine is None) or (mine == was and other is None):
            continue  # One version, which a side may have deleted.
        meant = mine or was
        if meant is not None and meant in there:
            moved[number] = there[meant]
        elif number in base.used and mine == was:
            continue  # Theirs gave it another number, and then deleted it.
        else:
            waiting.append(number)
    free = max([*ours.used, *theirs.used], default=-1) + 1
    # A merge that was cut off may have written the new manifest already.
    kept = {digest: number for number, digest in ours.digests.items() if number not in theirs.used}
    for number in waiting:
        digest = ours.digests.get(number)
        if digest is not None and digest in kept:
            moved[number] = kept[digest]
        else:
            moved[number] = free
            free += 1
    return moved


def _manifests(
    base: CollectionSide, theirs: CollectionSide, ours: CollectionSide, renumbered: Numbers, name: str
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for number, digest in theirs.digests.items():
        if number in ours.digests or base.digests.get(number) != digest or number in renumbered:
            files[_file(number)] = theirs.files[_file(number)]
    for number, digest in ours.digests.items():
        target = renumbered.get(number, number)
        if _file(target) in files or target in theirs.digests:
            continue
        if number not in renumbered and base.digests.get(number) == digest:
            continue  # theirs deleted it
        if target != number and target in ours.digests:
            continue
        files[_file(target)] = rewrite_manifest(
            ours.files[_file(number)], {name: renumbered}, name=name, number=target
        )
    return files


def _more_details(
    sides: tuple[CollectionSide, CollectionSide, CollectionSide],
    files: Files,
    renumbered: Numbers,
    name: str,
) -> list[bytes]:
    """Return edits that say what our manifest of a version says and theirs, which stays, does not.

    As if it had been logged again, with these details, in a collection that had the contents.
    """
    base, theirs, ours = sides
    lines = []
    for number, digest in sorted(ours.digests.items()):
        target = renumbered.get(number, number)
        data, kept = ours.files[_file(number)], files.get(_file(target))
        if theirs.digests.get(target) != digest or data in (kept, base.files.get(_file(number))):
            continue
        try:
            mine, other = parse(data.decode(), path=name), parse((kept or b"").decode(), path=name)
        except (FormatError, UnicodeDecodeError):
            continue
        if given := _newer_details(mine, other):
            lines.append(_line({"time": mine.created, "version": mine.version, "set": given}))
    return lines


def _newer_details(mine: Manifest, other: Manifest) -> dict[str, Any]:
    if mine.created < other.created:
        return {}
    given: dict[str, Any] = {}
    if mine.description and mine.description != other.description:
        given["description"] = mine.description
    if mine.metadata and not same_value(mine.metadata, other.metadata):
        given["metadata"] = dict(mine.metadata)
    if not set(mine.tags) <= set(other.tags):
        given["tags"] = list(dict.fromkeys([*other.tags, *mine.tags]))
    return given


def _deleted(edits: bytes) -> set[int]:
    lines = [line for line in parse_log(edits, EDITS) if line and line.get("deleted") is True]
    return {number for line in lines if (number := _number(line)) is not None}


def _number(line: Mapping[str, Any]) -> int | None:
    version = line.get("version")
    return parse_version(version) if isinstance(version, str) else None


def _line(content: Mapping[str, Any]) -> bytes:
    return f"- {dump_flow(content)}".encode()


def _file(number: int) -> str:
    return f"v{number}.yaml"
