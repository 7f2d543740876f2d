"""Which untracked files go into a code commit, and which are named as left out.

Code is small, and a handful of files to a folder; data is neither. Secrets are told by
name and by content. Leaves to others: listing what is untracked and not git-ignored.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vcs.secrets import find_secret, looks_secret_file
from vcs.settings import CodeLimits

Reason = Literal["secret", "size", "count", "unreadable", "repository", "submodule", "hidden"]


@dataclass(frozen=True)
class LeftOut:
    """A path that differs from the code commit on purpose.

    Attributes:
        path: Relative to the working tree; a folder ends with a slash. Bytes that are
            not UTF-8 are written as `\\xNN`.
        reason: secret; size (above the limit, or above what others leave of the limit
            for all); count (a folder with very many untracked files); unreadable (or
            refused by a filter of git); repository (one within, which git would not
            add); submodule (with changes of its own); hidden (tracked and changed, but
            git was told not to look: assume-unchanged or skip-worktree).
    """

    path: str
    reason: Reason


def left_out(path: str, reason: Reason) -> LeftOut:
    """Name a path as git gave it."""
    return LeftOut(os.fsencode(path).decode(errors="backslashreplace"), reason)


def choose_untracked(
    worktree: Path, untracked: Iterable[str], ignored: Callable[[str], bool], limits: CodeLimits
) -> tuple[list[str], list[LeftOut]]:
    """Split the untracked paths into those to take and those to name; ignored ones are neither.

    Reads the files that pass by name and size, once, to look for secrets. Of files that
    together are too large the largest stay out.
    """
    named: list[LeftOut] = []
    candidates = []
    for path in untracked:
        if ignored(path.rstrip("/")):
            continue
        if path.endswith("/"):
            named.append(left_out(path, "repository"))
        else:
            candidates.append(path)
    crowded = crowded_folders(candidates, limits.folder_files)
    named += [left_out(folder, "count") for folder in crowded]
    sizes: dict[str, int] = {}
    for path in candidates:
        if crowded and any(path.startswith(folder) for folder in crowded):
            continue
        size, reason = _examine(worktree, path, limits.file_bytes)
        if reason:
            named.append(left_out(path, reason))
        elif size is not None:
            sizes[path] = size
    total = sum(sizes.values())
    for path in sorted(sizes, key=lambda p: (-sizes[p], p)):
        if total <= limits.total_bytes:
            break
        total -= sizes.pop(path)
        named.append(left_out(path, "size"))
    return list(sizes), named


def crowded_folders(paths: Iterable[str], most: int) -> list[str]:
    """Return the folders (with a slash at the end) that hold more than `most` of the files.

    What lies in subfolders counts, unless those are crowded themselves: so `data/` is
    found and not `data/cats/`, and `research/` is not lost because of `research/data/`.
    The top itself is never one.
    """
    counts = Counter(path.rpartition("/")[0] for path in paths)
    crowded: list[str] = []
    folders = {"/".join(parts[:n]) for parts in map(_parts, counts) for n in range(1, len(parts) + 1)}
    for folder in sorted(folders, key=lambda f: (-f.count("/"), f)):
        if counts[folder] > most:
            crowded.append(f"{folder}/")
        elif folder:
            counts[folder.rpartition("/")[0]] += counts[folder]
    return sorted(one for one in crowded if not any(one != two and one.startswith(two) for two in crowded))


def find_secret_in(path: str) -> str | None:
    """Return the kind of secret that a text file contains; None for a binary one."""
    with open(path, "rb") as stream:
        content = stream.read()
    return None if b"\0" in content[:8000] else find_secret(content)


def _parts(folder: str) -> list[str]:
    return folder.split("/") if folder else []


def _examine(worktree: Path, path: str, limit_bytes: int) -> tuple[int | None, Reason | None]:
    """Size and why the file stays out; neither for one that has vanished or is no file."""
    full = os.path.join(worktree, path)
    try:
        found = os.lstat(full)
        if looks_secret_file(path):
            return None, "secret"
        if stat.S_ISLNK(found.st_mode):
            return 0, None
        if not stat.S_ISREG(found.st_mode):
            return None, None
        if found.st_size > limit_bytes:
            return None, "size"
        return found.st_size, "secret" if find_secret_in(full) else None
    except FileNotFoundError:
        return None, None
    except OSError:
        return None, "unreadable"
