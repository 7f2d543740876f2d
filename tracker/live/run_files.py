"""Files that a script gives to its run: `run.save`, `run.restore`.

A saved file is a copy below `files/` of the run. With the policy `now` it is copied
once, with `live` again when it has changed (about every 15 s and at the end), with
`end` when the run ends.
"""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path
from typing import TextIO

from tracker.errors import NotFoundError, StoreError, UsageError
from tracker.live.parts import OnDisk
from tracker.live.term import warn_once
from vcs.atomic import disk_error, make_folder, temporary_name
from vcs.layout import RunLayout

POLICIES = ("live", "now", "end")


def save_files(
    disk: OnDisk | None,
    pattern: str | os.PathLike[str] | None,
    base_path: str | os.PathLike[str] | None,
    policy: str,
) -> list[str]:
    """Keep the files that a pattern matches; return where their copies lie or will lie.

    A copy has the path that the file has below `base_path`; without one, that below the
    current directory, and of a file outside of it, its name. Nothing matching is no error.

    Raises:
        UsageError: An unknown policy, a URL, or a file outside of `base_path`.
        StoreError: A file cannot be copied.
    """
    if policy not in POLICIES:
        raise UsageError(f"no policy {policy!r}", hint=f"one of {', '.join(POLICIES)}")
    if pattern is None or disk is None:
        return []
    pattern = os.fspath(pattern)
    if "://" in pattern:
        raise UsageError(
            f"save keeps files of this machine, not {pattern}", hint="artifact.add_reference(uri)"
        )
    targets = []
    for source in sorted(map(Path, glob.glob(pattern, recursive=True))):  # noqa: PTH207 - absolute patterns, too
        if not source.is_file():
            continue
        target = disk.run.files / _place_of(source, base_path)
        if policy != "end":
            copy_file(source, target)
        if policy != "now":
            disk.kept = [kept for kept in disk.kept if kept[1] != target]
            disk.kept.append((source.absolute(), target, policy))
        targets.append(str(target))
    return targets


def _place_of(source: Path, base_path: str | os.PathLike[str] | None) -> Path:
    # The path as it was given, not where links lead: the script knows it by that name.
    absolute = Path(os.path.abspath(source))
    if base_path is not None:
        base = Path(os.path.abspath(base_path))
        if not absolute.is_relative_to(base):
            raise UsageError(f"{source} is not below base_path {os.fspath(base_path)}")
        return absolute.relative_to(base)
    here = Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else Path(absolute.name)


def keep_files(disk: OnDisk, *, at_end: bool) -> None:
    """Copy what has changed of the files that are kept up to date; one that is gone is left as it was.

    Raises:
        StoreError: A file cannot be copied; the others are.
    """
    failed: StoreError | None = None
    for source, target, policy in list(disk.kept):
        if policy == "end" and not at_end:
            continue
        try:
            if source.is_file() and not _is_same(source, target):
                copy_file(source, target)
        except StoreError as error:
            failed = error
    if failed is not None:
        raise failed


def _is_same(source: Path, target: Path) -> bool:
    try:
        old, new = target.stat(), source.stat()
    except FileNotFoundError:
        return False
    return (old.st_size, old.st_mtime_ns) == (new.st_size, new.st_mtime_ns)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file so that readers of the target see the old or the new one, whole.

    Raises:
        StoreError: The disk failed; the target is as it was.
    """
    if target.exists() and source.samefile(target):
        return
    make_folder(target.parent)
    temporary = target.parent / temporary_name(target.name)
    try:
        shutil.copy2(source, temporary)
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, f"cannot copy {source} to {target}") from error


def restore_file(run: RunLayout, name: str, root: Path, *, replace: bool) -> TextIO:
    """Copy a file of a run to `root` and open it for reading; one that is there is kept without `replace`.

    Raises:
        NotFoundError: The run has no such file.
        UsageError: The name leads out of the run.
        StoreError: It cannot be copied.
    """
    for base in (run.files, run.folder):
        source = Path(os.path.abspath(base / name))
        if not source.is_relative_to(run.folder):
            raise UsageError(f"{name!r} leads out of the run")
        if source.is_file():
            break
    else:
        raise NotFoundError(f"the run has no file {name!r}", hint=f"see what it has: ls {run.folder}")
    target = root / name
    if target.exists() and not replace:
        warn_once(f"{target} exists and is kept; restore(…, replace=True) replaces it")
    else:
        copy_file(source, target)
    return target.open()
