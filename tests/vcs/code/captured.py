"""Code commits, and what they hold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.vcs.user_state import user_state
from vcs.code.code_state import CodeState, capture_code
from vcs.discover import find_layout
from vcs.git import Git


def capture(folder: Path, **limits: int) -> CodeState:
    """Capture as a run does, and see that nothing of the user's is another."""
    layout = find_layout(folder)
    before = user_state(layout.worktree)
    state = capture_code(Git(layout.worktree), layout, **limits)
    assert user_state(layout.worktree) == before
    assert not list((layout.machinery / "tmp").iterdir())
    return state


def tree(folder: Path, commit: str | None) -> dict[str, tuple[str, bytes]]:
    """Path -> (mode, content) of everything in a commit."""
    assert commit is not None
    listed = subprocess.check_output(["git", "-C", str(folder), "ls-tree", "-r", "-z", commit])
    found = {}
    for line in os.fsdecode(listed).split("\0"):
        if line:
            place, _, path = line.partition("\t")
            mode, kind, name = place.split(" ")
            content = b"" if kind == "commit" else cat(folder, name)
            found[path] = (mode, content)
    return found


def cat(folder: Path, name: str) -> bytes:
    return subprocess.check_output(["git", "-C", str(folder), "cat-file", "blob", name])


def named(state: CodeState) -> dict[str, str]:
    return {left.path: left.reason for left in state.left_out}
