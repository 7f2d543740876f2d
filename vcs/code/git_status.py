"""What differs between HEAD, the index and the working tree: `git status`, read exactly.

One process, on the index it is given. Leaves to others: what to do about it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from vcs.errors import GitError
from vcs.git import Git

_GITLINK = "160000"
ABSENT = "000000"

_STATUS = (
    *("-c", "status.showUntrackedFiles=all"),
    *("status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--no-renames"),
    *("--untracked-files=all", "--ignore-submodules=none"),
)


@dataclass(frozen=True)
class Changed:
    """A tracked path that is not as in HEAD.

    Attributes:
        path: Relative to the working tree.
        head_mode: Its mode in HEAD, `000000` when it is not there.
        head_id: Its object in HEAD.
        present: Whether the working tree has it.
        submodule: Whether it is a submodule now.
        inner: Whether that submodule has changes of its own that no commit holds.
    """

    path: str
    head_mode: str
    head_id: str
    present: bool
    submodule: bool
    inner: bool


@dataclass(frozen=True)
class Status:
    """The state of a working tree.

    Attributes:
        head: The commit that is checked out; None before the first one.
        branch: None when detached.
        changed: Tracked paths.
        untracked: Files that git does not ignore; a repository within is its folder
            with a slash at the end.
    """

    head: str | None
    branch: str | None
    changed: list[Changed] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)


def read_status(git: Git, *, env: Mapping[str, str] | None = None) -> Status:
    """Compare HEAD, index and working tree; the index is not refreshed on disk.

    Raises:
        GitError: git fails, for example because there is no working tree.
    """
    head = branch = None
    changed, untracked = [], []
    for item in os.fsdecode(git.run(*_STATUS, env=env)).split("\0"):
        kind, _, rest = item.partition(" ")
        if kind == "1" or kind == "u":
            changed.append(_changed(kind, rest))
        elif kind == "?":
            untracked.append(rest)
        elif item.startswith("# branch.oid "):
            head = None if item.endswith("(initial)") else item.rpartition(" ")[2]
        elif item.startswith("# branch.head "):
            name = item[len("# branch.head ") :]
            branch = None if name == "(detached)" else name
        elif item and kind not in ("#", "!"):
            raise GitError(f"git status printed what this version cannot read: {item[:80]!r}")
    return Status(head, branch, changed, untracked)


def _changed(kind: str, rest: str) -> Changed:
    if kind == "1":
        _, sub, mode_head, mode_index, mode_work, id_head, _, path = rest.split(" ", 7)
        is_link = _GITLINK in (mode_index, mode_work)
    else:
        # Three stages of a conflict; HEAD's is the second, "ours".
        _, sub, _, mode_head, _, mode_work, _, id_head, _, path = rest.split(" ", 9)
        is_link = mode_work == _GITLINK
    return Changed(
        path,
        head_mode=mode_head,
        head_id=id_head,
        present=mode_work != ABSENT,
        submodule=is_link,
        inner=sub.startswith("S") and ("M" in sub or "U" in sub),
    )
