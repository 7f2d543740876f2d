"""What commits bring in: the one in the making, from the index that it is made from, and made ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from hooks.call import Call
from vcs.errors import FormatError
from vcs.git import Git
from vcs.records.ledger_tree import read_objects
from vcs.tracked.pointer import PLAIN_PATTERNS, Pointer, parse, tracked_path

EVERY_POINTER = ":(glob)**/*.tracker"
_ABSENT = "0"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs between two trees.

    Attributes:
        status: A: added, M: modified, R: moved as it was, T: of another type.
        mode: As git has it, `100644`.
        blob, old_blob: Ids; all zeros where there is nothing.
    """

    path: str
    status: str
    mode: str
    blob: str
    old_blob: str

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file rather than a link or a submodule."""
        return self.mode.startswith("100")

    @property
    def was_there(self) -> bool:
        """Whether the older tree has something at the path."""
        return self.old_blob.strip(_ABSENT) != ""


def staged(call: Call, base: str | None = None) -> list[Change]:
    """Return what the commit in the making changes against HEAD, or against `base`.

    Raises:
        GitError: git fails.
    """
    command = ("diff-index", "--cached", "--raw", "-z", "--find-renames=100%", "--diff-filter=ACMRT")
    done = call.git.call(*command, base or "HEAD", "--", env=call.index_env)
    if done.code == 0:
        return list(parse_raw(done.output))
    # Before the first commit there is no HEAD; any other trouble comes again here.
    against = base or call.git.head() or empty_tree(call.git)
    return list(parse_raw(call.git.run(*command, against, "--", env=call.index_env)))


def changed_pointers(git: Git, old: str, new: str) -> list[Change]:
    """Return the pointers that differ between two commits or trees, without those that are gone."""
    options = ("-r", "--raw", "-z", "--no-renames", "--diff-filter=ACMT")
    return list(parse_raw(git.run("diff-tree", *options, old, new, "--", EVERY_POINTER, env=PLAIN_PATTERNS)))


def own_pointers(git: Git, commit: str) -> list[tuple[str, Pointer]]:
    """Return path and pointer of each that a commit brings in: of a merge, those that no parent has.

    What cannot be read (somebody passed by pre-commit) is left out.

    Raises:
        GitError: git fails.
    """
    parents = git.text("show", "-s", "--no-show-signature", "--format=%P", commit).split()
    if len(parents) < 2:
        return read_pointers(git, changed_pointers(git, parents[0] if parents else empty_tree(git), commit))
    options = ("-c", "-r", "-z", "--name-only", "--no-commit-id")
    listed = git.run("diff-tree", *options, commit, "--", EVERY_POINTER, env=PLAIN_PATTERNS)
    names = {name for name in os.fsdecode(listed).split("\0") if name}
    return read_pointers(git, [one for one in changed_pointers(git, parents[0], commit) if one.path in names])


def read_pointers(git: Git, changes: Iterable[Change]) -> list[tuple[str, Pointer]]:
    """Return path and pointer of those changes that can be read.

    Raises:
        GitError: git fails.
    """
    named = [(path, one) for one in changes if (path := tracked_path(one.path)) is not None]
    found = []
    for (path, one), content in zip(named, read_objects(git, [one.blob for _, one in named]), strict=True):
        with suppress(FormatError):
            found.append((path, parse((content or b"").decode(errors="replace"), one.path)))
    return found


def empty_tree(git: Git) -> str:
    """Return the id of the tree that holds nothing."""
    return git.run("hash-object", "-t", "tree", "--stdin", input=b"").decode().strip()


def parse_raw(output: bytes) -> Iterator[Change]:
    """Read what git's plumbing prints with `--raw -z`."""
    fields = iter(os.fsdecode(output).split("\0"))
    for about in fields:
        if not about.startswith(":"):
            continue
        _, mode, old_blob, blob, status = about[1:].split(" ")
        path = next(fields)
        if status[0] in "RC":
            path = next(fields)
        yield Change(path, status[0], mode, blob, old_blob)


def blob_sizes(git: Git, blobs: Iterable[str]) -> dict[str, int]:
    """Return the sizes of those blobs that are there."""
    wanted = list(dict.fromkeys(blobs))
    if not wanted:
        return {}
    asked = "".join(f"{blob}\n" for blob in wanted).encode()
    printed = git.run("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", input=asked)
    rows = (line.split(" ") for line in printed.decode().splitlines())
    return {row[0]: int(row[2]) for row in rows if len(row) == 3 and row[1] == "blob"}
