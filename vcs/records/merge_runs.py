"""One run that two clones changed, as one.

A run that went on in two places has two sessions of one number. They are told apart by
when and where they began: the one that was shared first keeps its number, the other gets
the next free one, and its files go along; only a session that still runs here is left
alone, because its process knows its number, and the other one moves. Lists of what was
used and logged are united; the rest is merged field by field, and where both changed a
field, the side with the newer session wins.

Works on records as plain mappings: what a run means is known further up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vcs.digest import digest_bytes
from vcs.errors import FormatError
from vcs.names import parse_version
from vcs.yaml_io import dump_yaml, load_yaml

Files: TypeAlias = Mapping[str, bytes]
Plain: TypeAlias = dict[Any, Any]
Renumbered: TypeAlias = Mapping[str, Mapping[int, int]]

RECORD = "run.yaml"
_SEGMENT = re.compile(r"((?:history|system)/)(\d+)(-[^/]*)")
_EDIT = re.compile(r"(history/-?\d+-[^/]*-edit-)(\d+)(\.jsonl)")
_SESSION_LINE = re.compile(rb"^--- session (\d+) ---$", re.MULTILINE)
_MAPPINGS = ("config.yaml", "summary.yaml")


@dataclass
class _Side:
    files: dict[str, bytes]
    record: Plain
    moved: dict[int, int] = field(default_factory=dict)

    @property
    def sessions(self) -> dict[int, Plain]:
        return {number_of(session): session for session in _mappings(self.record.get("sessions"))}

    @property
    def newest(self) -> str:
        return max((str(session.get("started", "")) for session in self.sessions.values()), default="")


def merge_runs(base: Files, theirs: Files, ours: Files, *, live: bool = False) -> dict[str, bytes]:
    """Merge the files of a run, by their paths in its folder; the record is among them.

    With `live` a process of ours is in one of its sessions, which keeps its number also
    where only theirs changed.

    A run that one side removed and the other left alone is removed. A record that cannot
    be read is theirs, or ours if theirs has none.
    """
    if not live and (dict(ours) == dict(base) or dict(theirs) == dict(base)):
        return dict(theirs if dict(ours) == dict(base) else ours)
    if not theirs or not ours:
        return dict(theirs or ours)
    sides = [_side(files) for files in (base, theirs, ours)]
    if sides[1] is None or sides[2] is None:
        return {**ours, **theirs}
    before = sides[0] or _Side({}, {})
    other, mine = sides[1], sides[2]
    _move_sessions(other, mine)
    for side in (other, mine):
        _rename_sessions(side)
    _rename_edits(before, other, mine)
    newer, older = (mine, other) if mine.newest > other.newest else (other, mine)
    files: dict[str, bytes] = {}
    for path in sorted({*other.files, *mine.files} - {RECORD}):
        files |= _merge_file(path, before.files.get(path), newer, older)
    record = _merge_record(before.record, other, mine, newer)
    _note_files(record, files, (before, other, mine))
    files[RECORD] = dump_yaml(record).encode()
    return files


def follow_versions(data: bytes, renumbered: Renumbered) -> bytes:
    """Return a record whose versions, used and logged, have their new numbers.

    Raises nothing: a record that cannot be read names no version.
    """
    record = _load(data)
    if record is None or not renumbered:
        return data
    changed = False
    for key in ("used", "logged"):
        for item in _mappings(record.get(key)):
            numbers = renumbered.get(str(item.get("artifact")), {})
            number = parse_version(str(item.get("version")))
            if number is not None and number in numbers:
                item["version"] = f"v{numbers[number]}"
                changed = True
    return dump_yaml(record).encode() if changed else data


def moved_sessions(before: bytes, after: bytes) -> dict[int, int]:
    """Return the sessions that have another number in a later record of the run."""
    old, new = _load(before) or {}, _load(after) or {}
    numbers = {_identity(session): number_of(session) for session in _mappings(new.get("sessions"))}
    found = {number_of(s): numbers.get(_identity(s)) for s in _mappings(old.get("sessions"))}
    return {number: now for number, now in found.items() if now is not None and now != number}


def segment_session(path: str) -> int | None:
    """Return the session to which a file of history or system metrics belongs by its name."""
    match = _SEGMENT.fullmatch(path)
    return int(match[2]) if match else None


def renamed_segment(path: str, number: int) -> str:
    """Return the path of a segment as that of another session."""
    return _SEGMENT.sub(rf"\g<1>{number}\g<3>", path)


def number_of(session: Plain) -> int:
    number = session.get("number")
    return number if isinstance(number, int) else -1


# sessions


def _move_sessions(theirs: _Side, ours: _Side) -> None:
    """Decide which sessions get another number, on either side."""
    there = {_identity(session): number for number, session in theirs.sessions.items()}
    here = {_identity(session): number for number, session in ours.sessions.items()}
    # Their processes know these numbers, so whatever else has them gives way.
    final = {
        identity: number
        for identity, number in here.items()
        if _runs(ours.sessions[number]) and (identity not in there or _runs(theirs.sessions[there[identity]]))
    }
    waiting: list[tuple[str, ...]] = []
    for side in (there, here):
        for identity, number in sorted(side.items(), key=lambda item: item[1]):
            if identity in final or identity in waiting:
                continue
            if number in final.values():
                waiting.append(identity)
            else:
                final[identity] = number
    free = max(final.values(), default=-1) + 1
    final |= {identity: free + place for place, identity in enumerate(waiting)}
    theirs.moved = {
        number: final[identity] for identity, number in there.items() if final[identity] != number
    }
    ours.moved = {number: final[identity] for identity, number in here.items() if final[identity] != number}


def _runs(session: Plain) -> bool:
    return session.get("state") == "running"


def _identity(session: Plain) -> tuple[str, ...]:
    return tuple(str(session.get(key)) for key in ("started", "host", "pid", "pid_start"))


def _rename_sessions(side: _Side) -> None:
    """Carry out `moved` in the record and in the names of files."""
    if not side.moved:
        return
    moved = {str(number): now for number, now in side.moved.items()}
    for session in _mappings(side.record.get("sessions")):
        number = number_of(session)
        session["number"] = side.moved.get(number, number)
    for key in ("used", "logged"):
        for item in _mappings(side.record.get(key)):
            if str(item.get("session", 0)) in moved:
                item["session"] = moved[str(item.get("session", 0))]
    for file in _mappings(side.record.get("files")):
        file["path"] = _renamed(str(file.get("path")), side.moved)
    side.files = {_renamed(path, side.moved): data for path, data in side.files.items()}
    if "output.log" in side.files:
        side.files["output.log"] = _SESSION_LINE.sub(
            lambda found: b"--- session %d ---" % side.moved.get(int(found[1]), int(found[1])),
            side.files["output.log"],
        )


def _renamed(path: str, moved: Mapping[int, int]) -> str:
    session = segment_session(path)
    return path if session is None or session not in moved else renamed_segment(path, moved[session])


def _rename_edits(base: _Side, theirs: _Side, ours: _Side) -> None:
    """Give edits of the summary that both made under one name another name on our side."""
    for path in sorted(ours.files):
        found = _EDIT.fullmatch(path)
        if found and path not in base.files and theirs.files.get(path, b"") not in (b"", ours.files[path]):
            number = int(found[2])
            while (name := f"{found[1]}{number}{found[3]}") in theirs.files or name in ours.files:
                number += 1
            ours.files[name] = ours.files.pop(path)
            for file in _mappings(ours.record.get("files")):
                if file.get("path") == path:
                    file["path"] = name


# files


def _merge_file(path: str, before: bytes | None, newer: _Side, older: _Side) -> dict[str, bytes]:
    one, other = newer.files.get(path), older.files.get(path)
    if one == other or other == before:
        return {} if one is None else {path: one}
    if one == before or one is None:
        return {} if other is None else {path: other}
    if other is None:
        return {path: one}
    if path in _MAPPINGS:
        return {path: _merge_mapping(before, older=other, newer=one)}
    if one.startswith(other) or other.startswith(one):
        return {path: max(one, other, key=len)}
    if path == "output.log":
        shared = before if before and one.startswith(before) and other.startswith(before) else b""
        return {path: other + (b"" if other.endswith(b"\n") else b"\n") + one[len(shared) :]}
    if path.startswith("files/"):
        name = f"files/session-{max(older.sessions, default=0)}/{path.removeprefix('files/')}"
        return {path: one, name: other}
    return {path: one}


def _merge_mapping(before: bytes | None, *, older: bytes, newer: bytes) -> bytes:
    plain = [_load(data) if data is not None else {} for data in (before, older, newer)]
    if plain[1] is None or plain[2] is None:
        return newer
    return dump_yaml(_merge_fields(plain[0] or {}, plain[1], plain[2])).encode()


def _note_files(record: Plain, files: Files, sides: Sequence[_Side]) -> None:
    """Bring the list of files up to date for those that are as no side had them."""
    listed = {str(item.get("path")): item for item in _mappings(record.get("files"))}
    for path, data in files.items():
        if any(side.files.get(path) == data for side in sides):
            continue
        if path in listed:
            listed[path].update(digest=digest_bytes(data), size=len(data))
        elif path != RECORD and listed:
            listed[path] = {"path": path, "digest": digest_bytes(data), "size": len(data)}
    if listed:
        record["files"] = [listed[path] for path in sorted(listed)]


# the record


def _merge_record(before: Plain, theirs: _Side, ours: _Side, newer: _Side) -> Plain:
    older = theirs if newer is ours else ours
    merged = _merge_fields(before, older.record, newer.record)
    keys: dict[str, Callable[[Plain], object]] = {
        "sessions": number_of,
        "used": lambda item: _key(item, "artifact", "digest", "as", "session"),
        "logged": lambda item: _key(item, "artifact", "digest", "session"),
        "files": lambda item: str(item.get("path")),
        "metrics": lambda item: str(item.get("name")),
    }
    for name, key in keys.items():
        was, one, other = (_mappings(side.get(name)) for side in (before, theirs.record, ours.record))
        if was or one or other:
            pick = _more_final if name == "sessions" else _newer_item
            merged[name] = _merge_items(was, one, other, key, pick, swapped=older is ours)
    if merged.get("sessions"):
        merged["sessions"].sort(key=number_of)
        merged["state"] = merged["sessions"][-1].get("state", merged.get("state"))
    tags = [record.get("tags") for record in (before, theirs.record, ours.record)]
    if all(isinstance(tag, list) for tag in tags[1:]):
        merged["tags"] = _merge_set(*(tag if isinstance(tag, list) else [] for tag in tags))
    return merged


def _merge_fields(before: Plain, older: Plain, newer: Plain) -> Plain:
    """Merge two mappings, nested ones too; where both changed a key, the newer wins."""
    merged: Plain = {}
    for key in [*newer, *(key for key in older if key not in newer)]:
        was, one, other = (side.get(key, _ABSENT) for side in (before, newer, older))
        if isinstance(one, dict) and isinstance(other, dict):
            merged[key] = _merge_fields(was if isinstance(was, dict) else {}, other, one)
            continue
        value = other if one == was and type(one) is type(was) else one
        if one is _ABSENT and other != was:
            value = other
        if value is not _ABSENT:
            merged[key] = value
    return merged


_ABSENT: Any = object()


def _merge_items(
    before: list[Plain],
    theirs: list[Plain],
    ours: list[Plain],
    key: Callable[[Plain], object],
    pick: Callable[[Plain | None, Plain, Plain], Plain],
    *,
    swapped: bool,
) -> list[Plain]:
    """Unite two lists of mappings; what one side removed and the other left alone is removed.

    `pick` gets the item of the older side first, which is ours if `swapped`.
    """
    was = {key(item): item for item in before}
    left = {key(item): item for item in theirs}
    right = {key(item): item for item in ours}
    merged = []
    for name in dict.fromkeys([*left, *right]):
        one, other = left.get(name), right.get(name)
        if one is not None and other is not None:
            older, newer = (other, one) if swapped else (one, other)
            merged.append(one if one == other else pick(was.get(name), older, newer))
        else:
            present = one if one is not None else other
            if present is not None and was.get(name) != present:
                merged.append(present)
    return merged


def _newer_item(before: Plain | None, older: Plain, newer: Plain) -> Plain:
    return older if newer == before else newer


def _more_final(before: Plain | None, older: Plain, newer: Plain) -> Plain:
    """Of two states of one session, the one that knows how it ended."""
    if (older.get("ended") is None) != (newer.get("ended") is None):
        return newer if older.get("ended") is None else older
    return _newer_item(before, older, newer)


def _merge_set(before: list[Any], theirs: list[Any], ours: list[Any]) -> list[Any]:
    merged = [*theirs, *(item for item in ours if item not in theirs)]
    return [item for item in merged if item not in before or (item in theirs and item in ours)]


def _key(item: Plain, *names: str) -> tuple[str, ...]:
    return tuple(str(item.get(name, 0 if name == "session" else None)) for name in names)


def _side(files: Files) -> _Side | None:
    record = _load(files.get(RECORD, b""))
    return None if record is None else _Side(dict(files), record)


def _load(data: bytes) -> Plain | None:
    try:
        content = load_yaml(data.decode(), "record")
    except (FormatError, UnicodeDecodeError):
        return None
    return content if isinstance(content, dict) else None


def _mappings(items: object) -> list[Plain]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
