"""Which paths an artifact may contain.

A path of an artifact is relative, with `/` between its parts, and means the same
file on every system. Paths that come from a manifest are hostile until they
passed here: none may leave the folder it is checked out into, and none may reach
into `.git` or `.tracker`, where a file is as good as a command.
"""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence

from vcs.errors import FormatError, UsageError

MAX_PATH_BYTES = 4096

# An empty part also finds a path that is empty, begins or ends with `/`, or has `//`.
_BAD_PART = re.compile(r"(?:^|/)(?:\.{0,2})(?:/|$)|[\\\0]|^[A-Za-z]:")
# True for a name that is surely good in any folder that is not very deep: the quick way for most.
is_plain_name = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_\-. ]{0,100}").fullmatch
_PLAIN_NAMES = re.compile(r"(?:[A-Za-z0-9_\-][A-Za-z0-9_\-. ]{0,100}/)*")
_RESERVED = frozenset({".git", "git~1", ".tracker"})
_MAYBE_RESERVED = re.compile(r"\.git|git~1|\.tracker", re.IGNORECASE)
# Characters that HFS+ leaves out when it compares names, so `.g\u200cit` would be `.git` there.
_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def check_entry_path(path: str) -> str:
    """Return `path` unchanged if an artifact may contain it.

    Raises:
        FormatError: It is empty, absolute, has a drive, a backslash, NUL, an empty
            part, `.` or `..`; is longer than 4096 bytes, is not Unicode, or has a
            part `.git` or `.tracker` (also as other systems spell these).
    """
    if _BAD_PART.search(path):
        raise FormatError(f"unsafe path {path!r}: {_why_bad(path)}")
    if path.isascii():
        if len(path) > MAX_PATH_BYTES:
            raise FormatError(f"path of {len(path)} bytes is too long: {path[:60]!r}…")
        if _MAYBE_RESERVED.search(path):
            _check_reserved(path, path)
        return path
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        raise FormatError(f"path {path!r} is not valid Unicode") from None
    if length > MAX_PATH_BYTES:
        raise FormatError(f"path of {length} bytes is too long: {path[:60]!r}…")
    _check_reserved(path, _IGNORABLE.sub("", path))
    return path


def is_reserved_name(name: str) -> bool:
    """Whether a file or folder of this name belongs to git or to us, never to an artifact."""
    return _IGNORABLE.sub("", name).rstrip(" .").lower() in _RESERVED


def check_no_collisions(paths: Iterable[str]) -> None:
    """Check that the paths can lie in one folder, on any file system.

    Raises:
        FormatError: One comes twice, is a file and a folder at once, or differs
            from another only in case or in how its characters are composed. Both
            paths are named.
    """
    by_key: dict[str, str] = {}
    for path in paths:
        key = _key(path)
        if key in by_key:
            _refuse_pair(by_key[key], path)
        by_key[key] = path
    folders: set[str] = set()
    for key, path in by_key.items():
        end = key.rfind("/")
        while end > 0:
            folder = key[:end]
            if folder in folders:
                break
            folders.add(folder)
            if folder in by_key:
                raise FormatError(f"{by_key[folder]!r} is a file and also the folder of {path!r}")
            end = key.rfind("/", 0, end)


def collide(names: Sequence[str]) -> bool:
    """Whether two names in one folder are one on some file system."""
    joined = "/".join(names)
    if joined.isascii():
        return len(set(joined.lower().split("/"))) != max(1, len(names))
    return len(set(map(_key, names))) != len(names)


def are_plain_names(names: Sequence[str]) -> bool:
    """Whether `is_plain_name` is true of all of them, at the price of one call."""
    return _PLAIN_NAMES.fullmatch("/".join([*names, ""])) is not None


def check_link(path: str, target: str) -> str:
    """Return `target` unchanged if a symbolic link at `path` may point there.

    It may point to anything in the same artifact, also to nothing. `..` counts only at
    the beginning: behind a name, which can be a link itself, it could lead anywhere.

    Raises:
        FormatError: It leaves the artifact, is absolute, or is not Unicode.
    """
    ups = 0
    parts = target.split("/")
    while ups < len(parts) and parts[ups] in ("..", "."):
        ups += 1
    if not target or target.startswith("/") or ".." in parts[ups:] or "\0" in target:
        raise FormatError(f"the link {path!r} points to {target!r}, which is not a plain relative path")
    if parts[:ups].count("..") > path.count("/"):
        raise FormatError(f"the link {path!r} points to {target!r}, outside of the folder")
    try:
        target.encode()
    except UnicodeEncodeError:
        raise FormatError(f"the link {path!r} points to {target!r}, which is not valid Unicode") from None
    return target


def to_entry_path(name: str | os.PathLike[str]) -> str:
    """Return the path for a name that a user gave: `./a//b/` becomes `a/b`.

    Raises:
        UsageError: The name is empty or leaves the artifact; see `check_entry_path`.
    """
    text = os.fspath(name)
    if os.sep == "\\":
        text = text.replace("\\", "/")
    if text.startswith("/"):
        raise UsageError(
            f"the name {text!r} in an artifact must be relative", hint="leave out the first slash"
        )
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts:
        raise UsageError(f"{text!r} is no name for a file in an artifact")
    try:
        return check_entry_path("/".join(parts))
    except FormatError as error:
        raise UsageError(f"{text!r} cannot be a name in an artifact: {error.message}") from None


def _key(path: str) -> str:
    """What two paths have in common if some file system takes them for one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _refuse_pair(first: str, second: str) -> None:
    if first == second:
        raise FormatError(f"the path {first!r} comes twice")
    raise FormatError(f"the paths {first!r} and {second!r} are one file on some file systems")


def _check_reserved(path: str, plain: str) -> None:
    for part in plain.split("/"):
        if part.rstrip(" .").lower() in _RESERVED:
            raise FormatError(f"unsafe path {path!r}: {part!r} belongs to git or to the tracker")


def _why_bad(path: str) -> str:
    if not path:
        return "it is empty"
    if "\\" in path or "\0" in path:
        return "it has a backslash or a NUL"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "it is absolute"
    if ".." in path.split("/"):
        return "it has '..'"
    return "it has an empty part or '.'"


def look_hint(path: str | os.PathLike[str]) -> str:
    """Return what to type to see what there is instead of a path that is missing."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return f"see what is there: ls {shlex.quote(folder)}"
