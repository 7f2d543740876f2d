"""Getting a ledger back to work whose newest objects are gone.

git flushes a ref and not the small objects behind it (core.fsync), because that would
make each commit several times slower. So after a power cut the ledger can name a commit
whose objects are empty. The records are durable, so only history can be lost, and of
that little: two older commits are remembered, ten minutes apart, and the ledger goes
back to the newest that is whole. Leaves to others: committing the records again.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from vcs.atomic import disk_error, make_folder, write_atomic
from vcs.errors import GitError
from vcs.git import Git
from vcs.layout import LEDGER_REF, Layout
from vcs.records.ledger_tree import entries_of

_APART_S = 600
_LINE = re.compile(r"(\d+) ([0-9a-f]{40}|[0-9a-f]{64})")
_CORRUPT = re.compile(r"\(stored in (.*)\) is corrupt")


def remember(layout: Layout, tip: str, now_s: float | None = None) -> None:
    """Remember the tip if the last one that was remembered is ten minutes old; one small read."""
    now = int(time.time() if now_s is None else now_s)
    lines = _remembered(layout)
    if lines and 0 <= now - lines[0][0] < _APART_S:
        return
    newest = [(now, tip), *lines[:1]]
    write_atomic(_file(layout), "".join(f"{when} {commit}\n" for when, commit in newest), durable=False)


def go_back(git: Git, layout: Layout) -> bool:
    """Point the ledger to a commit that is whole, if its tip is not; whether it was not.

    Without one the ref is removed, and the next commit begins a new history. Objects
    that cannot be read are moved aside, because git would not write them anew. Call it
    under the ledger's lock, when git has failed; reads the whole ledger.

    Raises:
        GitError: git cannot move the ref either.
    """
    ref = git.common_dir / LEDGER_REF
    tip = git.resolve_ref(LEDGER_REF)
    if tip is None and not ref.is_file():
        return False
    if tip is not None and is_whole(git, tip):
        return False
    _move_aside(git, layout, tip)
    if tip is None:
        try:
            ref.unlink()  # Empty or torn: git would refuse to replace it.
        except OSError as error:
            raise disk_error(error, f"cannot remove {ref}") from error
    for _, commit in _remembered(layout):
        if is_whole(git, commit):
            git.update_ref(LEDGER_REF, commit)
            return True
    git.run("update-ref", "-d", LEDGER_REF)
    return True


def is_whole(git: Git, commit: str) -> bool:
    """Whether every object of a ledger commit (not of those before it) can be read."""
    try:
        ids = {object_id for _, object_id in entries_of(git, commit, ()).values()}
        checked = git.run("cat-file", "--batch-check", input="".join(f"{i}\n" for i in ids).encode())
    except GitError:
        return False
    return b" missing\n" not in checked


def _move_aside(git: Git, layout: Layout, tip: str | None) -> None:
    """Take the loose objects that are empty, or that git calls corrupt, out of git's way."""
    for folder in (git.common_dir / "objects").glob("[0-9a-f][0-9a-f]"):
        for path in folder.iterdir():
            if path.stat().st_size == 0:
                _move(path, layout)
    while tip is not None:
        found = _CORRUPT.search(git.call("ls-tree", "-r", tip).errors)
        if found is None or not _move(git.worktree / found[1], layout):
            return


def _move(path: Path, layout: Layout) -> bool:
    folder = layout.machinery / "damaged"
    make_folder(folder)
    try:
        os.replace(path, folder / f"{path.parent.name}{path.name}")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise disk_error(error, f"cannot set {path} aside") from error
    return True


def _file(layout: Layout) -> Path:
    return layout.machinery / "ledger-safe"


def _remembered(layout: Layout) -> list[tuple[int, str]]:
    """What is remembered, newest first; nothing of a file that is damaged."""
    try:
        text = _file(layout).read_text("ascii", errors="replace")
    except FileNotFoundError:
        return []
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return [(int(match[1]), match[2]) for match in found if match]
