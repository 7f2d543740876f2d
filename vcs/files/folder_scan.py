"""The names in one folder, with what the system says of each."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vcs.atomic import disk_error
from vcs.errors import ConflictError
from vcs.files.folder_record import Row
from vcs.files.ignore import Rules, is_always_left_out
from vcs.paths import is_plain_name


@dataclass(slots=True)
class FolderScan:
    """What is in a folder and not left out by rules, in the system's order.

    What never enters an artifact (`.git`) is among it; see `left_out`.
    """

    rows: list[Row] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


def scan_folder(folder: str, rules: Rules, *, look: bool) -> FolderScan:
    """Read a folder. Without `look`, rows say no more than whether it is a regular file.

    Raises:
        ConflictError: Something went away meanwhile.
        StoreError: The folder cannot be read.
    """
    scan = FolderScan()
    add, below, has_rules = scan.rows.append, scan.folders.append, bool(rules)
    regular = stat.S_IFREG
    try:
        with os.scandir(folder) as entries:
            found: Iterable[os.DirEntry[str]] = entries
            if not (look or has_rules):
                found = list(entries)
                names = [entry.name for entry in found if entry.is_file(follow_symlinks=False)]
                if len(names) == len(found):
                    return FolderScan([(name, 0, 0, 0, 0, regular) for name in names])
            for entry in found:
                name = entry.name
                is_dir = entry.is_dir(follow_symlinks=False)
                if has_rules and rules.leaves_out(name, is_dir=is_dir):
                    continue
                if is_dir:
                    below(name)
                elif look:
                    now = entry.stat(follow_symlinks=False)
                    add((name, now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, now.st_mode))
                else:
                    add((name, 0, 0, 0, 0, regular if entry.is_file(follow_symlinks=False) else 0))
    except FileNotFoundError as error:
        if error.filename == folder:
            raise disk_error(error, f"cannot read the folder {folder}") from error
        raise went_away(error.filename) from error
    except OSError as error:
        raise disk_error(error, f"cannot read the folder {folder}") from error
    return scan


def left_out(names: list[str]) -> set[str]:
    """Return those names that never enter an artifact."""
    return {name for name in names if not is_plain_name(name) and is_always_left_out(name)}


def went_away(path: str) -> ConflictError:
    """Return the error for what was there a moment ago."""
    return ConflictError(
        f"{path} went away while the folder was added",
        hint="wait until nothing writes to the folder, then run it again",
    )


def is_still(path: Path, before: os.stat_result) -> bool:
    """Whether a file is what it was."""
    try:
        after = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return (after.st_size, after.st_mtime_ns, after.st_ctime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_ino,
    )
