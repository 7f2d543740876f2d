"""Which paths can be tracked, and which tracked paths a user means."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from vcs.errors import FormatError, NotFoundError, UsageError
from vcs.git import Git
from vcs.layout import POINTER_SUFFIX
from vcs.names import near
from vcs.paths import look_hint
from vcs.tracked.gitignore_line import GITIGNORE, line_for
from vcs.tracked.pointer import LITERAL_PATHS, PointerFile, check_tracked_path, pointer_path, tracked_path
from vcs.tracked.scan import kind_at

_SHOWN = 3


@dataclass(frozen=True)
class Selection:
    """Tracked paths that a user means.

    Attributes:
        named: Those that the user named themselves, rather than a folder above them.
    """

    files: tuple[PointerFile, ...]
    named: frozenset[str] = frozenset()


def relative(worktree: Path, path: Path | str) -> str:
    """Return a path of the current folder as one of the working tree, with `/`; empty for the tree itself.

    Links on the way are followed, the last part is not.

    Raises:
        UsageError: It lies outside.
    """
    absolute = os.path.abspath(path)
    top = os.path.realpath(worktree)
    if os.path.realpath(absolute) == top:
        return ""
    parent, name = os.path.split(absolute)
    real = os.path.join(os.path.realpath(parent), name)
    if not real.startswith(os.path.join(top, "")):
        raise UsageError(
            f"{path} lies outside of the working tree {worktree}",
            hint="move it in, or keep versions of it without a pointer: tracker add PATH",
        )
    return os.path.relpath(real, top)


def select(files: Sequence[PointerFile], worktree: Path, paths: Iterable[Path | str]) -> Selection:
    """Return the tracked paths that are given: by path, by pointer, or by a folder above.

    Raises:
        NotFoundError: Nothing is tracked there.
        UsageError: A path lies outside of the working tree, or within a tracked one.
    """
    known = {file.path: file for file in files}
    chosen: dict[str, PointerFile] = {}
    named: set[str] = set()
    for given in paths:
        path = relative(worktree, given)
        # The last is how messages spell a path, also to somebody who is in a subfolder.
        candidates = (path, tracked_path(path), os.fspath(given))
        exact = next((one for one in candidates if one in known), None)
        if exact is not None:
            chosen[exact] = known[exact]
            named.add(exact)
            continue
        below = [file for file in files if not path or file.path.startswith(f"{path}/")]
        if not below and path:
            raise _not_tracked(path, known)
        chosen.update((file.path, file) for file in below)
    return Selection(tuple(sorted(chosen.values())), frozenset(named))


def check_trackable(git: Git, path: str, files: Sequence[PointerFile]) -> None:
    """Check that a path of the working tree can be tracked; `files` are those that are.

    Raises:
        UsageError: It is the working tree, belongs to git or to us, is a link, lies in
            another repository, holds or lies in a tracked path, or is in git already.
        NotFoundError: Nothing is there.
    """
    if not path:
        raise UsageError("the whole working tree cannot be tracked", hint="name a folder or a file in it")
    own = tracked_path(path)
    if own is not None:
        raise UsageError(
            f"{path} is named like a pointer", hint=f"name the data itself: tracker track {quote(own)}"
        )
    try:
        check_tracked_path(path)
    except FormatError as error:
        raise UsageError(f"{path!r} cannot be tracked: {error.message}") from error
    line_for(path)
    for folder in _folders_above(path):
        if (git.worktree / folder / ".git").exists():
            raise UsageError(
                f"{path} lies in another repository, {folder}", hint=f"track it there: cd {quote(folder)}"
            )
    if kind_at(git.worktree / path) is None:
        raise NotFoundError(f"no such file or folder: {path}", hint=look_hint(git.worktree / path))
    for file in files:
        if path.startswith(f"{file.path}/"):
            raise UsageError(
                f"{path} lies in {file.path}, which is tracked",
                hint=f"tracker commit {quote(file.path)} stores it too",
            )
        if file.path.startswith(f"{path}/"):
            raise UsageError(
                f"{path} holds {file.path}, which is tracked",
                hint=f"first: tracker untrack {quote(file.path)}",
            )
    _check_not_in_git(git, path)


def check_pointer_visible(git: Git, path: str, *, in_git: bool = False) -> bool:
    """Check that git would take the pointer of a path; return whether it ignores the path itself.

    A pointer that is `in_git` stays there, whatever is ignored. Only what the
    repository's own `.gitignore` files say counts for the path: other people have only
    those.

    Raises:
        UsageError: git ignores the pointer; the rule is named.
    """
    pointer = pointer_path(path)
    ignored = _ignored_by(git, [path, pointer])
    if pointer in ignored and not in_git:
        source, line, pattern = ignored[pointer]
        raise UsageError(
            f"git ignores {pointer} (`{pattern}` in {source}, line {line}), so it could not be committed",
            hint="let git see pointers: " + _how_to_show(pattern, pointer),
        )
    source = ignored[path][0] if path in ignored else ""
    return os.path.basename(source) == GITIGNORE and not os.path.isabs(source)


def _how_to_show(pattern: str, pointer: str) -> str:
    folder = pattern.strip("/*")
    if folder and pointer.startswith(f"{folder}/"):
        shown = ", ".join(f"`!{folder}/**/{name}`" for name in ("", f"*{POINTER_SUFFIX}", GITIGNORE))
        return f"write `{folder}/**`, {shown} there instead"
    return f"add the lines `!*{POINTER_SUFFIX}` and `!{GITIGNORE}` below it"


def _ignored_by(git: Git, paths: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Return source, line and pattern for each path that git ignores."""
    # With the index git would take a name such as `*` for a pattern, and find other files there.
    done = git.call(
        "check-ignore",
        "--no-index",
        "--stdin",
        "-z",
        "--verbose",
        input=b"".join(os.fsencode(path) + b"\0" for path in paths),
    )
    fields = os.fsdecode(done.output).split("\0")
    found = {}
    for source, line, pattern, path in zip(*(fields[start::4] for start in range(4)), strict=False):
        if not pattern.startswith("!"):
            found[path] = (source, line, pattern)
    return found


def _check_not_in_git(git: Git, path: str) -> None:
    listed = os.fsdecode(git.run("ls-files", "-z", "--", path, env=LITERAL_PATHS)).split("\0")[:-1]
    if not listed:
        return
    if listed == [path]:
        raise UsageError(
            f"git tracks {path} already",
            hint=f"let git forget it, and keep the file: git rm --cached {quote(path)}",
        )
    shown = ", ".join(listed[:_SHOWN]) + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")
    raise UsageError(
        f"git tracks files of {path} already: {shown}",
        hint=f"let git forget them, and keep the files: git rm -r --cached {quote(path)}",
    )


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _not_tracked(path: str, known: Iterable[str]) -> NotFoundError | UsageError:
    for tracked in known:
        if path.startswith(f"{tracked}/"):
            return UsageError(
                f"{path} is a part of {tracked}, which is tracked as a whole", hint=f"name {tracked}"
            )
    hint = near(path, known) or f"track it: tracker track {quote(path)}"
    return NotFoundError(f"nothing is tracked at {path}", hint=hint)
