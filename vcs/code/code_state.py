"""The exact code of a run, as a commit, without touching anything of the user's.

What runs is what lies in the working tree, committed or not. Its tree is made in a
private copy of the index, through git's own filters as `git add` would, so only what
has changed is read. The commit gets a ref of ours and nothing else: HEAD, branches,
index and stash stay as they are, and no rebase or gc takes it away. HEAD gets such a
ref too.

What is untracked goes in as well, unless it is ignored, large, one of very many, or
looks like a secret; all of that but the ignored is named.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from vcs.atomic import disk_error, make_folder, remove_quietly
from vcs.code.git_status import ABSENT, Changed, read_status
from vcs.code.untracked import LeftOut, choose_untracked, find_secret_in, left_out
from vcs.files.ignore import Ignore
from vcs.git import Git, failure
from vcs.layout import CODE_REFS, Layout
from vcs.secrets import find_secret
from vcs.settings import CodeLimits

_ABANDONED_S = 24 * 3600
_MOST_HIDDEN = 1000
# A tag in lower case is assume-unchanged, S is skip-worktree.
_HIDDEN = re.compile(rb"(?:^|\0)[a-zS] ")
# A disk that takes nothing more is not the fault of the file.
_DISK_FAILED = re.compile(
    r"No space left|[Qq]uota exceeded|File too large|Read-only file system|Input/output error"
    r"|insufficient permission for adding an object"
)
_MESSAGE = "The working tree of a run, with what was not committed\n"
# core.safecrlf would refuse files whose line ends change on the way back.
_UPDATE = ("-c", "core.safecrlf=false", "update-index", "--add", "--replace", "-z", "--stdin")

Environment = Mapping[str, str]


@dataclass(frozen=True)
class CodeState:
    """What code ran.

    Attributes:
        commit: HEAD; None before the first commit.
        branch: None when detached.
        remote: Without user name and password.
        code_commit: The commit that holds exactly what ran but for `left_out`: HEAD
            itself when that does. None without any code.
        dirty: Whether HEAD alone is not what ran.
        left_out: Sorted by path.
    """

    commit: str | None
    branch: str | None
    remote: str | None
    code_commit: str | None
    dirty: bool
    left_out: list[LeftOut] = field(default_factory=list)


def capture_code(
    git: Git,
    layout: Layout,
    *,
    limit_bytes: int = CodeLimits.file_bytes,
    total_bytes: int = CodeLimits.total_bytes,
    folder_files: int = CodeLimits.folder_files,
) -> CodeState:
    """Make the code of the working tree a commit, and keep it alive with a ref.

    Equal code on an equal HEAD by one user gives an equal commit: its dates are HEAD's.
    The ref is in place when this returns. A second call costs the same and changes
    nothing. Costs a `git status` and some ten milliseconds more, plus what has changed.

    Raises:
        GitError: git fails; there is no working tree.
        StoreError: The disk is full or read-only.
    """
    limits = CodeLimits(limit_bytes, total_bytes, folder_files)
    with _private_index(git, layout) as index:
        env = {"GIT_INDEX_FILE": str(index)}
        status = read_status(git, env=env)
        named = _hidden_changes(git, env)
        code_commit = status.head
        if status.changed or status.untracked:
            ignore = Ignore.load(git.worktree)
            chosen, refused = choose_untracked(git.worktree, status.untracked, ignore.matches, limits)
            named += refused
            if status.changed or chosen:
                named += _bring_up_to_date(git, env, status.changed, chosen, limits)
                code_commit = _commit(git, env, status.head)
    if code_commit is not None and not (git.common_dir / CODE_REFS / code_commit).exists():
        git.update_ref(f"{CODE_REFS}{code_commit}", code_commit)
    return CodeState(
        commit=status.head,
        branch=status.branch,
        remote=git.remote_url(status.branch),
        code_commit=code_commit,
        dirty=code_commit != status.head or bool(status.changed or named),
        left_out=sorted(set(named), key=lambda one: (one.path, one.reason)),
    )


@contextmanager
def _private_index(git: Git, layout: Layout) -> Iterator[Path]:
    """A copy of the user's index, removed at the end."""
    folder = layout.machinery / "tmp"
    index = folder / f"index-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        make_folder(folder)
        _remove_abandoned(folder)
        with suppress(FileNotFoundError):  # Nothing was ever added.
            # With its time: git mistrusts an entry whose file is not older than the index.
            shutil.copy2(git.git_dir / "index", index)
    except OSError as error:
        remove_quietly(index)
        raise disk_error(error, "cannot copy git's index") from error
    try:
        yield index
    finally:
        for left in (index, index.with_name(f"{index.name}.lock")):  # The lock of a git that was killed.
            with suppress(FileNotFoundError):
                os.unlink(left)


def _remove_abandoned(folder: Path) -> None:
    """Remove the private indexes of processes that were killed long ago."""
    with os.scandir(folder) as found:
        for old in found:
            with suppress(FileNotFoundError):
                if old.name.startswith("index-") and time.time() - old.stat().st_mtime > _ABANDONED_S:
                    os.unlink(old)


def _hidden_changes(git: Git, env: Environment) -> list[LeftOut]:
    """Name the tracked files that differ although git was told not to look at them.

    They stay as the index has them, because people hide their passwords so.
    """
    # One line for each tracked file: no more is done with them than this unless one is hidden.
    if not _HIDDEN.search(git.run("ls-files", "-v", "-z", env=env)):
        return []
    expected = {}
    for line in os.fsdecode(git.run("ls-files", "-v", "-s", "-z", env=env)).split("\0"):
        place, _, path = line.partition("\t")
        if _HIDDEN.match(os.fsencode(line)) and "\n" not in path and os.path.isfile(git.worktree / path):
            expected[path] = place.split(" ")[2]
    if not expected:
        return []
    looked_at = list(expected)[:_MOST_HIDDEN]
    paths = "".join(f"{path}\n" for path in looked_at)
    found = git.run("hash-object", "--stdin-paths", input=os.fsencode(paths)).decode().splitlines()
    named = [
        left_out(path, "hidden") for path, now in zip(looked_at, found, strict=True) if now != expected[path]
    ]
    # So many are a way to make git fast, and reading all of them would make it slow again.
    return named + ([left_out("./", "hidden")] if len(expected) > _MOST_HIDDEN else [])


def _bring_up_to_date(
    git: Git, env: Environment, changed: Sequence[Changed], chosen: Sequence[str], limits: CodeLimits
) -> list[LeftOut]:
    """Make the private index hold what the working tree has; return what it does not take."""
    named = [left_out(one.path, "submodule") for one in changed if one.inner]
    lines, updates = [], []
    for one in changed:
        if not one.present:
            lines.append(f"0 {'0' * len(one.head_id)}\t{one.path}")
        elif _has_new_secret(git, one, limits.file_bytes):
            named.append(left_out(one.path, "secret"))
            lines.append(f"{one.head_mode} {one.head_id}\t{one.path}")
        else:
            updates.append(one.path)
    if lines:
        text = "".join(f"{line}\0" for line in lines)
        git.run("update-index", "-z", "--index-info", env=env, input=os.fsencode(text))
    refused = _update([*updates, *chosen], git, env)
    return named + [left_out(path, "unreadable") for path in refused]


def _has_new_secret(git: Git, changed: Changed, limit_bytes: int) -> bool:
    """Whether a tracked file contains a secret that it does not contain in HEAD."""
    path = os.path.join(git.worktree, changed.path)
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit_bytes or not find_secret_in(path):
            return False
    except OSError:
        return False  # Whatever is wrong with it, git will say.
    if changed.head_mode == ABSENT:
        return True
    return find_secret(git.run("cat-file", "blob", changed.head_id)) is None


def _update(paths: Sequence[str], git: Git, env: Environment) -> list[str]:
    """Take files into the private index, and return those that git refuses.

    Those are found by halving. A killed git or a failing disk is an error, not a refusal.
    """
    if not paths:
        return []
    text = os.fsencode("".join(f"{path}\0" for path in paths))
    done = git.call(*_UPDATE, env=env, input=text)
    if done.code == 0:
        return []
    if done.code < 0 or _DISK_FAILED.search(done.errors):
        raise failure(["update-index"], done)
    if len(paths) == 1:
        return [*paths]
    middle = len(paths) // 2
    return [*_update(paths[:middle], git, env), *_update(paths[middle:], git, env)]


def _commit(git: Git, env: Environment, head: str | None) -> str:
    """Write the private index as a commit on HEAD; HEAD itself if it has that tree."""
    tree = git.run("write-tree", env=env).decode().strip()
    when, parent = "0 +0000", ""
    if head is not None:
        header = git.run("--no-replace-objects", "cat-file", "commit", head).partition(b"\n\n")[0]
        if header.startswith(f"tree {tree}\n".encode()):
            return head
        date = re.search(rb"^committer .* (\d+) [+-]\d{4}$", header, re.MULTILINE)
        when = f"{int(date[1])} +0000" if date else when
        parent = f"parent {head}\n"
    who = git.identity()
    text = f"tree {tree}\n{parent}author {who} {when}\ncommitter {who} {when}\n\n{_MESSAGE}"
    # Not `git commit-tree`: it would add what the user's settings say about encodings.
    made = git.run("hash-object", "-t", "commit", "-w", "--stdin", input=text.encode(errors="replace"))
    return made.decode().strip()
