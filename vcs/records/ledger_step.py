"""The records on disk, brought from one ledger commit to a later one while others write.

A file that is as the old commit has it becomes as the new one has it. Where the disk has
gone on meanwhile (a live run, a version that was just logged), the unit is merged three
ways, the disk being ours; what comes out of that is committed by whoever commits the
unit next. So nothing that a process writes at this moment is lost, and doing it again
after being killed anywhere comes to the same.

Versions appear before logs name them; removals come last. Leaves to others: the lock of
the ledger, and moving the ref.
"""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path

from vcs.atomic import create_exclusive, disk_error, replace_log, write_atomic
from vcs.errors import LockedError, StoreError
from vcs.git import Git
from vcs.layout import Layout, RunLayout
from vcs.ledger_paths import to_ledger, to_record
from vcs.lock import file_lock
from vcs.records.ledger_tree import (
    EXECUTABLE,
    Entry,
    blob_id,
    changes_between,
    files_at,
    read_objects,
    read_record,
)
from vcs.records.merge import COMMITS, files_of_units, is_collection, is_run, unit_of
from vcs.records.merge_collection import ALIASES, EDITS, merge_collections
from vcs.records.merge_logs import merge_logs
from vcs.records.merge_runs import (
    RECORD,
    merge_runs,
    moved_sessions,
    renamed_segment,
    segment_session,
)

_LOCK_TIMEOUT_S = 30.0
_BATCH = 256
_LOGS = (EDITS, ALIASES)
_OUTPUT = "output.log"
_ASIDE = ".moved.tmp"
_Pair = tuple[Entry | None, Entry | None]


def bring_records(git: Git, layout: Layout, old: str | None, new: str) -> int:
    """Bring the records from `old` to `new`; return how many files were written or removed.

    Not durable by itself. Symbolic links below the records are not followed.

    Raises:
        GitError, StoreError, LockedError: Not all is brought; doing it again goes on.
    """
    units: dict[str, dict[str, _Pair]] = defaultdict(dict)
    for path, pair in changes_between(git, old, new).items():
        relative = to_record(path)
        if relative is not None and not _through_a_link(layout.records, relative):
            units[unit_of(relative)][relative] = pair
    count = 0
    # Versions come before the runs that name them.
    for batch in _batches(sorted(units, key=lambda unit: (not is_collection(unit), unit)), units):
        step = _Step(git, layout, old, new, {unit: units[unit] for unit in batch})
        count += sum(step.bring(unit) for unit in batch)
    return count


def _batches(names: Iterable[str], units: Mapping[str, Mapping[str, _Pair]]) -> Iterable[list[str]]:
    batch: list[str] = []
    size = 0
    for name in names:
        batch.append(name)
        size += len(units[name])
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Step:
    """Some units on their way."""

    def __init__(
        self, git: Git, layout: Layout, old: str | None, new: str, units: Mapping[str, Mapping[str, _Pair]]
    ) -> None:
        self._git, self._layout, self._old, self._new = git, layout, old, new
        self._units = units
        self._hash = "sha256" if len(new) == 64 else "sha1"
        wanted = {after[1] for pairs in units.values() for _, after in pairs.values() if after}
        ids = sorted(wanted)
        self._contents = dict(zip(ids, read_objects(git, ids), strict=True))

    def bring(self, unit: str) -> int:
        """Bring one unit; return how many files that changed."""
        with self._lock(unit):
            left = {path: pair for path, pair in self._units[unit].items() if not self._is(path, pair[1])}
            if not left:
                return 0
            live = is_run(unit) and self._is_live(unit)
            if live or not all(self._is(path, pair[0]) for path, pair in left.items()):
                return self._merge(unit, live=live)
            if is_run(unit):
                self._move_segments(unit)
            return self._write(left)

    def _is_live(self, unit: str) -> bool:
        """Whether a process of this machine is in a session of the run, as far as its mark tells."""
        _, project, run = unit.split("/")
        return any(True for _ in self._layout.live.glob(f"{glob.escape(f'{project}--{run}')}-*.json"))

    def _lock(self, unit: str) -> AbstractContextManager[object]:
        folder = self._layout.records / unit
        parts = unit.split("/")
        if is_run(unit) and folder.is_dir():
            path = RunLayout(folder).lock
        elif is_collection(unit):
            path = self._layout.collection_lock(parts[1], parts[2])
        else:
            return nullcontext()
        stack = ExitStack()
        # As for those who log a version: a file system without locks is no reason to stop.
        with suppress(LockedError, StoreError):
            stack.enter_context(file_lock(path, timeout_s=_LOCK_TIMEOUT_S, what=unit))
        return stack

    # as it was

    def _is(self, relative: str, entry: Entry | None) -> bool:
        """Whether the disk has a file just so; files that the ledger does not take are none."""
        found = read_record(self._layout.records / relative, to_ledger(relative))
        if found is None or entry is None:
            return found is None and entry is None
        return blob_id(found[1], self._hash) == entry[1]

    def _write(self, changes: Mapping[str, _Pair]) -> int:
        for relative, (before, after) in sorted(changes.items(), key=_in_order):
            content = self._contents.get(after[1]) if after else None
            if after is None:
                _remove(self._layout.records / relative)
            elif content is None:
                raise StoreError(f"the record {relative} is damaged in the ledger")
            elif before is not None and relative.rpartition("/")[2] in (*_LOGS, COMMITS):
                _grow(self._layout.records / relative, self._files(self._old, relative), content)
            else:
                mode = 0o755 if after[0] == EXECUTABLE else 0o644
                # Not durable one by one, as the files are not.
                place = self._layout.records / relative
                try:
                    place.parent.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise disk_error(error, f"cannot write {place}") from error
                write_atomic(place, content, durable=False, mode=mode)
        return len(changes)

    def _files(self, commit: str | None, relative: str) -> bytes:
        unit = unit_of(relative)
        files = files_of_units(self._git, commit, [unit])[unit]
        return files.get(relative.removeprefix(unit).lstrip("/"), b"")

    # as others made it meanwhile

    def _merge(self, unit: str, *, live: bool) -> int:
        before = files_of_units(self._git, self._old, [unit])[unit]
        after = files_of_units(self._git, self._new, [unit])[unit]
        now = self._on_disk(unit)
        if is_collection(unit):
            merged = merge_collections(before, after, now, name=unit.partition("/")[2]).files
            return self._put_collection(unit, now, merged)
        if is_run(unit):
            merged = merge_runs(before, after, now, live=live)
            moved = moved_sessions(now.get(RECORD, b""), merged.get(RECORD, b""))
            _rename_segments(self._layout.records / unit, moved, {*now, *merged})
            return self._put_run(unit, (before, after), now, merged, live=live)
        if unit == COMMITS:
            merge = partial(merge_logs, before.get("", b""), after.get("", b""))
            replace_log(self._layout.records / unit, lambda present: merge(present))
            return 1
        return 0  # Changed by hand: it stays, and the next commit records it.

    def _on_disk(self, unit: str) -> dict[str, bytes]:
        files = {}
        for source in files_at(self._layout.records, unit):
            relative = source.relative_to(self._layout.records).as_posix()
            found = read_record(source, to_ledger(relative))
            if found is not None:
                files[relative.removeprefix(unit).lstrip("/")] = found[1]
        return files

    def _put_collection(self, unit: str, now: Mapping[str, bytes], merged: Mapping[str, bytes]) -> int:
        folder = self._layout.records / unit
        changed = {name for name in {*now, *merged} if now.get(name) != merged.get(name)}
        for name in sorted(changed - {*_LOGS}, key=lambda name: (name in now, name)):
            if name in merged and name not in now:
                create_exclusive(folder / name, merged[name])
            elif name in merged:
                write_atomic(folder / name, merged[name])
        for log in _LOGS:
            if log in changed:
                _grow(folder / log, now.get(log, b""), merged.get(log, b""))
        for name in changed - {*merged} - {*_LOGS}:
            _remove(folder / name)
        return len(changed)

    def _put_run(
        self,
        unit: str,
        sides: tuple[Mapping[str, bytes], Mapping[str, bytes]],
        now: Mapping[str, bytes],
        merged: Mapping[str, bytes],
        *,
        live: bool,
    ) -> int:
        folder = self._layout.records / unit
        changed = {name for name in {*now, *merged} if now.get(name) != merged.get(name)}
        if live and _OUTPUT in changed and _OUTPUT in now:
            # The process has it open, and appends to it.
            changed.discard(_OUTPUT)
            _append_tail(folder / _OUTPUT, *(side.get(_OUTPUT, b"") for side in sides))
        for name in sorted(changed, key=lambda name: (name not in merged, name == RECORD, name)):
            if name in merged:
                write_atomic(folder / name, merged[name])
            else:
                _remove(folder / name)
        return len(changed)

    def _move_segments(self, unit: str) -> None:
        """Let files that the ledger does not carry follow sessions that have other numbers."""
        pair = self._units[unit].get(f"{unit}/{RECORD}")
        if pair is None or pair[0] is None or pair[1] is None:
            return
        before, after = read_objects(self._git, [pair[0][1], pair[1][1]])
        moved = moved_sessions(before or b"", after or b"")
        if moved:
            carried = [files_of_units(self._git, one, [unit])[unit] for one in (self._old, self._new)]
            folder = self._layout.records / unit
            try:
                _rename_segments(folder, moved, {*carried[0], *carried[1]})
            except OSError as error:
                raise disk_error(error, f"cannot rename the history in {folder}") from error


def _rename_segments(folder: Path, moved: Mapping[int, int], without: Collection[str]) -> None:
    """Rename the segments of a run on disk whose sessions have other numbers, also where two swap."""
    for kind in ("history", "system") if moved else ():
        for aside in sorted((folder / kind).glob(f".*{_ASIDE}")):  # A call was cut off.
            source = aside.with_name(aside.name[1:].removesuffix(_ASIDE))
            free = [place for place in (source, _renamed(source, moved)) if not place.exists()]
            if free:
                os.rename(aside, free[0])
        asides = {}
        for source in sorted((folder / kind).glob("[0-9]*")):
            session = segment_session(f"{kind}/{source.name}")
            if session in moved and f"{kind}/{source.name}" not in without:
                asides[source] = source.with_name(f".{source.name}{_ASIDE}")
                os.rename(source, asides[source])
        for source, aside in asides.items():
            target = _renamed(source, moved)
            # What is there was put there by a call that was cut off, and this one is in its place.
            os.rename(aside, source if target.exists() else target)


def _renamed(source: Path, moved: Mapping[int, int]) -> Path:
    session = segment_session(f"history/{source.name}")
    return (
        source
        if session is None
        else source.with_name(
            renamed_segment(f"history/{source.name}", moved.get(session, session)).rpartition("/")[2]
        )
    )


def _in_order(change: tuple[str, _Pair]) -> tuple[bool, bool, bool, str]:
    """New files, then changed ones, logs and records after what they name, and removals last."""
    relative, (before, after) = change
    name = relative.rpartition("/")[2]
    return after is None, name in (*_LOGS, RECORD), before is not None, relative


def _grow(log: Path, was: bytes, wanted: bytes) -> None:
    """Replace a log that is as it was; if it has grown, its new lines are kept."""
    replace_log(log, lambda now: wanted if now == was else merge_logs(was, wanted, now))


def _append_tail(path: Path, before: bytes, after: bytes) -> None:
    """Append what others added to a log of output, unless it is there."""
    tail = after.removeprefix(before)
    try:
        if tail and tail not in path.read_bytes():
            with path.open("ab", buffering=0) as stream:
                stream.write(tail)
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from error


def _remove(path: Path) -> None:
    """Remove a file, and the folders that are empty then."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, f"cannot remove {path}") from error
    with suppress(OSError):
        for folder in (path.parent, path.parent.parent):
            if folder.parent.name not in ("artifacts", "runs"):
                folder.rmdir()


def _through_a_link(records: Path, relative: str) -> bool:
    """Whether a folder on the way is a symbolic link; at the top one is the user's choice."""
    folders = list(Path(relative).parents)[:-2]
    return any((records / folder).is_symlink() for folder in folders)
