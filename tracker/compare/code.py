"""The code of two commits compared by git, without whatever the user's settings would run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from vcs.git import Git

# A patch of so many changed lines is a new program; git shows it to who wants it.
MOST_CHANGED_LINES = 100_000
MOST_LINES = 2000
MOST_COLUMNS = 400

_DIFF = (
    *("-c", "core.quotePath=false", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"),
    *("-c", "diff.renameLimit=1000"),
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--submodule=short"),
    f"-O{os.devnull}",
)


@dataclass(frozen=True)
class FileStat:
    """A file that differs; `added` and `removed` lines are None for a binary one."""

    path: str
    added: int | None
    removed: int | None
    old_path: str | None = None


@dataclass(frozen=True)
class CodeChanges:
    """What differs between two commits.

    Attributes:
        old, new: None where it is not known what ran.
        files: Sorted by path.
        patch: As `git diff` prints it, long lines cut, at most MOST_LINES.
        left_out: How many lines of it are not in `patch`; None if it was not made.
        note: Why there is nothing to show.
    """

    old: str | None
    new: str | None
    files: tuple[FileStat, ...] = ()
    patch: tuple[str, ...] = ()
    left_out: int | None = 0
    note: str = ""

    @property
    def command(self) -> str | None:
        """What shows the whole patch."""
        return f"git diff {self.old[:10]} {self.new[:10]}" if self.old and self.new else None

    @property
    def added(self) -> int:
        return sum(file.added or 0 for file in self.files)

    @property
    def removed(self) -> int:
        return sum(file.removed or 0 for file in self.files)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "old": self.old,
            "new": self.new,
            "files": [vars(file) for file in self.files],
            "patch": list(self.patch),
            "left_out": self.left_out,
            "note": self.note,
        }


def compare_code(git: Git | None, old: str | None, new: str | None) -> CodeChanges:
    """Compare two commits. One that is unknown, or is not here, becomes a note.

    Raises:
        GitError: git fails.
    """
    if old is None or new is None:
        return CodeChanges(old, new, note="the code of one of the runs was not recorded")
    if git is None:
        return CodeChanges(old, new, note="there is no git repository here")
    for commit in (old, new):
        if git.resolve(commit) is None:
            return CodeChanges(old, new, note=f"commit {commit[:10]} is not in this repository")
    files = _numbers(git, old, new)
    found = CodeChanges(old, new, tuple(files))
    if found.added + found.removed > MOST_CHANGED_LINES:
        return CodeChanges(old, new, tuple(files), left_out=None)
    lines = git.run(*_DIFF, "--patch", old, new, "--").decode(errors="replace").split("\n")[:-1]
    shown = [line if len(line) <= MOST_COLUMNS else f"{line[:MOST_COLUMNS]}…" for line in lines[:MOST_LINES]]
    return CodeChanges(old, new, tuple(files), tuple(shown), max(0, len(lines) - MOST_LINES))


def _numbers(git: Git, old: str, new: str) -> list[FileStat]:
    items = iter(os.fsdecode(git.run(*_DIFF, "--numstat", "-z", old, new, "--")).split("\0"))
    found = []
    for item in items:
        if not item:
            continue
        added, removed, path = item.split("\t", 2)
        # A rename has an empty path here, and both of its names behind it.
        before = None if path else next(items)
        path = path or next(items)
        counts = [None if count == "-" else int(count) for count in (added, removed)]
        found.append(FileStat(_text(path), counts[0], counts[1], None if before is None else _text(before)))
    return sorted(found, key=lambda file: file.path)


def _text(path: str) -> str:
    """Return a path as text that can be printed and encoded."""
    return os.fsencode(path).decode(errors="replace")
