"""Pointers: small committed files that say which version lies at a path git ignores.

`data/MNIST.tracker` speaks of `data/MNIST` beside it:

```yaml
format: 1
artifact: LeNet5/mnist
type: dataset
version: v3
digest: 3f9a…        # of the listing; what counts when version numbers were dealt anew
size_bytes: 246810
files: 3
kind: file           # absent for a folder
```

Pointers come from whoever pushed last, and are hostile until parsed: a path that would
reach into `.git` or `.tracker` is never one. Leaves to others: finding the version.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vcs.artifacts.manifest import FORMAT, Manifest, check_format
from vcs.atomic import disk_error, write_atomic
from vcs.digest import Digest, parse_digest
from vcs.errors import FormatError, UsageError
from vcs.git import Git
from vcs.layout import POINTER_SUFFIX
from vcs.names import check_artifact_name, check_project, check_type, parse_version
from vcs.paths import check_entry_path
from vcs.yaml_io import dump_yaml, load_yaml, read_text

_GOOD_ONE = "git checkout COMMIT -- FILE, with a good one"
_MARKERS = ("<<<<<<< ", ">>>>>>> ", "||||||| ")
# A hook inherits these from a git that was told how to read patterns (magit does so).
PLAIN_PATTERNS = {
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_NOGLOB_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
}
# The same, for one path with whatever characters.
LITERAL_PATHS = {**PLAIN_PATTERNS, "GIT_LITERAL_PATHSPECS": "1"}
_KEYS = frozenset({"format", "artifact", "type", "version", "digest", "size_bytes", "files", "kind"})


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says.

    Attributes:
        number: 3 for `v3`.
        digest: Of the version's listing.
        single: Whether the path is one file rather than a folder; the listing then has
            one entry, and its own name does not count.
        more: Fields that this release does not know; kept when the pointer is rewritten.
    """

    project: str
    name: str
    type: str
    number: int
    digest: Digest
    size_bytes: int
    file_count: int
    single: bool = False
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def artifact(self) -> str:
        """`project/name`."""
        return f"{self.project}/{self.name}"

    @property
    def version(self) -> str:
        """`v3`."""
        return f"v{self.number}"

    @property
    def qualified_name(self) -> str:
        """`project/name:v3`."""
        return f"{self.artifact}:{self.version}"

    @property
    def short_name(self) -> str:
        """`name:v3`, for people."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True, order=True)
class PointerFile:
    """A pointer file of a working tree, not yet read.

    Attributes:
        path: The path that it speaks of, relative to the working tree.
        in_git: Whether git has it in its index.
        unmerged: Whether a merge left it in conflict.
    """

    path: str
    in_git: bool = True
    unmerged: bool = False

    @property
    def pointer_path(self) -> str:
        """Where the pointer itself lies, relative to the working tree."""
        return pointer_path(self.path)


def pointer_path(path: str) -> str:
    """Return where the pointer of a path lies: `data/MNIST.tracker` for `data/MNIST`."""
    return f"{path}{POINTER_SUFFIX}"


def tracked_path(pointer: str) -> str | None:
    """Return the path of which a pointer speaks; None if it is not named like a pointer."""
    path = pointer.removesuffix(POINTER_SUFFIX)
    return path if path != pointer and not path.endswith("/") and path else None


def pointer_of(manifest: Manifest, *, single: bool, more: Mapping[str, Any] | None = None) -> Pointer:
    """Return the pointer to a version."""
    return Pointer(
        manifest.project,
        manifest.name,
        manifest.type,
        manifest.number,
        manifest.digest,
        manifest.size_bytes,
        manifest.file_count,
        single,
        dict(more or {}),
    )


def render(pointer: Pointer) -> str:
    """Return the text of the file; `parse(render(p)) == p`."""
    known: dict[str, Any] = {
        "format": FORMAT,
        "artifact": pointer.artifact,
        "type": pointer.type,
        "version": pointer.version,
        "digest": pointer.digest,
        "size_bytes": pointer.size_bytes,
        "files": pointer.file_count,
    }
    if pointer.single:
        known["kind"] = "file"
    return dump_yaml({**known, **pointer.more})


def parse(text: str, what: str) -> Pointer:
    """Read a pointer, trusting nothing in it; `what` names it in an error.

    Raises:
        FormatError: Not a pointer, of a newer format, or with the marks of a merge in it.
    """
    if any(line.startswith(_MARKERS) for line in text.splitlines()):
        raise FormatError(
            f"{what} has the marks of a merge in it",
            hint=f"while git merges: tracker checkout; later: {_GOOD_ONE}",
        )
    fields = load_yaml(text, what)
    if not isinstance(fields, dict):
        raise FormatError(f"{what} is empty or no mapping; it is not a pointer")
    check_format(fields.get("format"), what)
    try:
        return _build(fields, what)
    except UsageError as error:
        raise FormatError(f"{what} is damaged: {error.message}", hint=_GOOD_ONE) from error


def read_pointer(path: Path) -> Pointer:
    """Read and parse the file.

    Raises:
        NotFoundError: It does not exist.
        FormatError: See `parse`; or it is a link, which could lead anywhere.
        StoreError: It cannot be read.
    """
    if path.is_symlink():
        raise FormatError(f"the pointer {path} is a link", hint="put the pointer itself there")
    return parse(read_text(path, "pointer"), f"pointer {path}")


def write_pointer(path: Path, pointer: Pointer) -> bool:
    """Create or replace the file; return whether it changed. A reader sees the old or the new one.

    An equal file is left alone, so that git need not read it again.

    Raises:
        StoreError: Nothing has changed.
    """
    text = render(pointer)
    try:
        if path.read_bytes() == text.encode() and not path.is_symlink():
            return False
    except FileNotFoundError:
        pass
    except OSError as error:
        raise disk_error(error, f"cannot read pointer {path}") from error
    write_atomic(path, text)
    return True


def find_pointers(git: Git) -> list[PointerFile]:
    """Return the pointer files of the working tree, sorted by path.

    Those that git has or would take: one process that does not look into ignored
    folders, so the data itself costs nothing. Files that are gone are left out.

    Raises:
        GitError: There is no working tree, or git fails.
    """
    return [file for file in known_pointers(git) if os.path.lexists(git.worktree / file.pointer_path)]


def known_pointers(git: Git) -> list[PointerFile]:
    """Return what `find_pointers` does, and those that are in git's index and not on the disk."""
    pattern = f":(glob)**/*{POINTER_SUFFIX}"
    listed = git.run(
        *("ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard", "--", pattern),
        env=PLAIN_PATTERNS,
    )
    found: dict[str, PointerFile] = {}
    for item in os.fsdecode(listed).split("\0"):
        tag, _, name = item.partition(" ")
        path = tracked_path(name)
        if path is not None and path not in found:
            found[path] = PointerFile(path, in_git=tag != "?", unmerged=tag == "M")
    return sorted(found.values())


def check_tracked_path(path: str) -> str:
    """Return the path if a pointer may speak of it.

    Raises:
        FormatError: It would reach into `.git` or `.tracker`, is not Unicode, or is a
            pointer's own name.
    """
    check_entry_path(path)
    if tracked_path(path) is not None:
        raise FormatError(f"{path!r} is named like a pointer, and can have none")
    return path


def _build(fields: dict[Any, Any], what: str) -> Pointer:
    project, slash, name = _text(fields, "artifact", what).rpartition("/")
    if not slash:
        raise FormatError(f"{what} is damaged: artifact must be project/name")
    version = _text(fields, "version", what)
    number = parse_version(version)
    if number is None:
        raise FormatError(f"{what} is damaged: version cannot be {version[:80]!r}")
    kind = fields.get("kind")
    if kind not in (None, "file", "folder"):
        raise FormatError(f"{what} is damaged: kind cannot be {repr(kind)[:80]}")
    try:
        digest = parse_digest(fields.get("digest"))
    except FormatError as error:
        raise FormatError(f"{what} is damaged: {error.message}", hint=_GOOD_ONE) from error
    return Pointer(
        check_project(project),
        check_artifact_name(name),
        check_type(_text(fields, "type", what)),
        number,
        digest,
        _count(fields, "size_bytes", what),
        _count(fields, "files", what),
        kind == "file",
        {key: value for key, value in fields.items() if key not in _KEYS},
    )


def _text(fields: dict[Any, Any], key: str, what: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise FormatError(f"{what} is damaged: {key} cannot be {repr(value)[:80]}")
    return value


def _count(fields: dict[Any, Any], key: str, what: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise FormatError(f"{what} is damaged: {key} cannot be {repr(value)[:80]}")
    return value
