"""How records lie in the tree of the ledger, and what a commit changes in it.

Leaves to others: locks, refs, when to commit.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from vcs.atomic import disk_error
from vcs.git import Git
from vcs.layout import LEDGER_REF, REMOTE_REFS
from vcs.ledger_paths import OF_THIS_MACHINE, never_recorded, to_ledger, to_record

LARGEST_RUN_FILE = 1 << 20
FILE, EXECUTABLE = "100644", "100755"

FAST_IMPORT = (
    *("-c", "fastimport.unpackLimit=100"),
    *("fast-import", "--quiet", "--done", "--date-format=raw"),
)
Entry: TypeAlias = tuple[str, str]
"""Mode and object of a file in a ledger commit."""

_NOT_A_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENODEV})


@dataclass(frozen=True)
class Change:
    """What a commit does to the tree of the ledger."""

    tip: str | None
    puts: dict[str, Path]
    removals: list[str]

    def stream(self, who_and_when: str, message: str) -> Iterator[bytes]:
        """The commands for `git fast-import`; each file is read when its turn comes."""
        yield commit_head(LEDGER_REF, who_and_when, message)
        if self.tip:
            yield f"from {self.tip}\n".encode()
        for path in self.removals:
            yield removal(path)
        for path, source in self.puts.items():
            found = read_record(source, path)
            if found is not None:
                yield put(path, *found)
        yield COMMIT_END


COMMIT_END = b"get-mark :1\ndone\n"


def commit_head(ref: str, who_and_when: str, message: str) -> bytes:
    """Begin a commit for `git fast-import`; parents, `removal`, `put` and COMMIT_END follow."""
    text = _clean_message(message).encode(errors="replace")
    start = f"commit {ref}\nmark :1\ncommitter {who_and_when}\n".encode(errors="replace")
    return b"%sdata %d\n%s\n" % (start, len(text), text)


def put(path: str, mode: str, content: bytes) -> bytes:
    return b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), _quoted(path), len(content), content)


def put_known(path: str, entry: Entry) -> bytes:
    return f"M {entry[0]} {entry[1]} ".encode() + _quoted(path) + b"\n"


def removal(path: str) -> bytes:
    return b"D %s\n" % _quoted(path)


def compare(git: Git, tip: str | None, records: Path, scopes: Sequence[str]) -> Change:
    """Find what differs between the disk and the tip below the scopes."""
    known = entries_of(git, tip, scopes) if tip else {}
    hash_name = "sha256" if tip and len(tip) == 64 else "sha1"
    puts: dict[str, Path] = {}
    present = set()
    for relative in scopes:
        for source in files_at(records, relative):
            path = to_ledger(source.relative_to(records).as_posix())
            found = read_record(source, path)
            if found is None:
                continue
            present.add(path)
            if path not in known or known[path] != (found[0], blob_id(found[1], hash_name)):
                puts[path] = source
    return Change(tip, puts, [path for path in known if path not in present])


def entries_of(git: Git, tip: str, scopes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Path -> (mode, object) of the files of a ledger commit, below the scopes if given."""
    # Beyond some hundred the command line would become too long, and one listing of all is as fast.
    few = [to_ledger(scope) for scope in scopes] if len(scopes) <= 200 and "" not in scopes else []
    listed = git.run("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", tip, "--", *few)
    entries = {}
    for line in os.fsdecode(listed).split("\0"):
        place, _, path = line.partition("\t")
        if not path:
            continue
        mode, kind, object_id = place.split(" ")
        if kind == "blob" and mode in (FILE, EXECUTABLE) and (few or not scopes or _in_ledger(path, scopes)):
            entries[path] = (mode, object_id)
    return entries


def changes_between(git: Git, old: str | None, new: str) -> dict[str, tuple[Entry | None, Entry | None]]:
    """Path -> (before, after) of the files that differ between two ledger commits; None is none."""
    if old is None:
        return {path: (None, entry) for path, entry in entries_of(git, new, ()).items()}
    listed = git.run("diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", old, new)
    fields = os.fsdecode(listed).split("\0")
    changes = {}
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        mode_before, mode_after, before, after, _ = about.removeprefix(":").split(" ")
        pair = (_entry(mode_before, before), _entry(mode_after, after))
        if pair[0] != pair[1]:
            changes[path] = pair
    return changes


def ledger_refs(git: Git) -> list[str]:
    """Return the refs of the ledgers that are here: ours, and those of remotes as they were last seen."""
    return git.text("for-each-ref", "--format=%(refname)", LEDGER_REF, REMOTE_REFS.rstrip("/")).split()


def _entry(mode: str, object_id: str) -> Entry | None:
    return (mode, object_id) if mode in (FILE, EXECUTABLE) else None


def _in_ledger(path: str, scopes: Sequence[str]) -> bool:
    relative = to_record(path)
    return relative is not None and is_within(relative, scopes)


def is_within(relative: str, scopes: Sequence[str]) -> bool:
    """Whether a record is one of the scopes or lies below one; the empty scope is all records."""
    return any(not s or relative == s or relative.startswith(f"{s}/") for s in scopes)


def files_at(records: Path, relative: str) -> Iterator[Path]:
    """Yield the files at or below a record, without what belongs to this machine only."""
    if relative.partition("/")[0] in OF_THIS_MACHINE:
        return
    folders = [records / relative]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except NotADirectoryError:
            yield folder
            continue
        except FileNotFoundError:
            continue
        except OSError as error:
            raise disk_error(error, f"cannot read {folder}") from error
        for child in children:
            if never_recorded(child.name) or (folder == records and child.name in OF_THIS_MACHINE):
                continue
            if child.name.startswith(".") and folder.parent == records / "runs":
                continue  # No run has such a name; it is where locks lie.
            if child.is_dir(follow_symlinks=folder == records):
                folders.append(Path(child.path))
            else:
                yield Path(child.path)


def read_record(source: Path, ledger_path: str) -> tuple[str, bytes] | None:
    """Read a file for the ledger: (mode, content); None if it does not belong there, or is gone."""
    limit = LARGEST_RUN_FILE if ledger_path.startswith("runs/") else None
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            return None
        raise disk_error(error, f"cannot read {source}") from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or (limit is not None and found.st_size > limit):
            return None
        with open(fd, "rb", closefd=False) as stream:
            content = stream.read() if limit is None else stream.read(limit + 1)
    finally:
        os.close(fd)
    if limit is not None and len(content) > limit:
        return None
    return EXECUTABLE if found.st_mode & stat.S_IXUSR else FILE, content


def blob_id(content: bytes, hash_name: str) -> str:
    """What git calls a file with this content."""
    state = hashlib.new(hash_name, b"blob %d\0" % len(content), usedforsecurity=False)
    state.update(content)
    return state.hexdigest()


def read_objects(git: Git, object_ids: Sequence[str]) -> Iterator[bytes | None]:
    """Read blobs, in the order asked; None for one that git has not, or cannot read."""
    printed = git.run("cat-file", "--batch", input="".join(f"{i}\n" for i in object_ids).encode())
    position = 0
    for _ in object_ids:
        end = printed.index(b"\n", position)
        header = printed[position:end].split(b" ")
        if len(header) != 3:
            yield None
            position = end + 1
            continue
        size = int(header[2])
        yield printed[end + 1 : end + 1 + size]
        position = end + 1 + size + 1


def _quoted(path: str) -> bytes:
    raw = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % raw


def _clean_message(message: str) -> str:
    """A commit message that git holds: no NUL, not empty, one newline at the end."""
    return f"{message.replace(chr(0), ' ').strip() or 'records'}\n"
