"""Remotes added to and removed from `tracker.yaml`, by its lines: what people wrote stays as it is.

After each change the text is parsed again, and must say what was meant; a file of a form
that this cannot change by lines is left alone, with the lines to write in the error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vcs.atomic import write_atomic
from vcs.errors import AlreadyExistsError, FormatError, NotFoundError, UsageError
from vcs.layout import SETTINGS_FILE
from vcs.remotes import Remote
from vcs.yaml_io import dump_yaml, load_yaml

_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "~"})
_TOP = re.compile(r"[^\s#][^:]*:")


def add_remote(root: Path, remote: Remote, *, default: bool) -> None:
    """Write a remote into the settings of a project; the first one becomes the default.

    Raises:
        AlreadyExistsError: There is one of that name.
        FormatError: The file is written in a way that cannot be added to.
        StoreError: It cannot be written.
    """
    assert remote.name is not None
    text, before = _read(root)
    known = before.get("remotes") or {}
    if remote.name in known:
        raise AlreadyExistsError(
            f"there is a remote {remote.name!r} already", hint=f"tracker remote rm {remote.name}"
        )
    value: Any = {"url": remote.url, **remote.options} if remote.options else remote.url
    lines = _without_end(text)
    line = f"  {_flow(remote.name)}: {_flow(value)}"
    at = _find(lines, "remotes")
    if at is None:
        lines += ["remotes:", line]
    elif lines[at].split("#")[0].strip() == "remotes:":
        indent = _indent_of_block(lines, at)
        lines.insert(_end_of_block(lines, at), indent + line.strip())
    after = {**before, "remotes": {**known, remote.name: value}}
    if default or (not known and "remote" not in before):
        after["remote"] = remote.name
        _set(lines, "remote", remote.name)
    _write(root, lines, after)


def remove_remote(root: Path, name: str) -> None:
    """Take a remote out of the settings of a project; what lies on it stays.

    Raises:
        NotFoundError: There is none of that name.
        FormatError: The file is written in a way that this cannot change.
        StoreError: It cannot be written.
    """
    text, before = _read(root)
    known = dict(before.get("remotes") or {})
    if name not in known:
        raise NotFoundError(f"there is no remote {name!r}", hint="see: tracker remote ls")
    del known[name]
    lines = _without_end(text)
    after = {**before, "remotes": known}
    if not known:
        del after["remotes"]
    at = _find(lines, "remotes")
    if at is not None:
        end = _end_of_block(lines, at)
        inside = _without_entry(lines[at + 1 : end], name)
        lines[at:end] = [lines[at], *inside] if known else inside
    if before.get("remote") == name:
        del after["remote"]
        mine = _find(lines, "remote")
        if mine is not None:
            del lines[mine]
    _write(root, lines, after)


def _read(root: Path) -> tuple[str, dict[str, Any]]:
    path = root / SETTINGS_FILE
    try:
        content = load_yaml(path, "settings")
    except NotFoundError:
        return "", {}
    if content is not None and not isinstance(content, dict):
        raise FormatError(f"{path} is not a mapping", hint="write lines such as `project: LeNet5`")
    return path.read_text(encoding="utf-8"), dict(content or {})


def _write(root: Path, lines: list[str], meant: Mapping[str, Any]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    try:
        says = load_yaml(text, "settings") or {}
    except FormatError:
        says = None
    if says != meant:
        remotes = dump_yaml({key: meant[key] for key in ("remotes", "remote") if key in meant})
        raise FormatError(
            f"{SETTINGS_FILE} is written in a form that cannot be changed by a program",
            hint=f"write into it yourself:\n{remotes}",
        )
    write_atomic(root / SETTINGS_FILE, text)


def _without_end(text: str) -> list[str]:
    return text.splitlines()


def _find(lines: list[str], key: str) -> int | None:
    """Return the line of a key of the file itself."""
    return next((at for at, line in enumerate(lines) if re.match(rf"{re.escape(key)}\s*:", line)), None)


def _end_of_block(lines: list[str], at: int) -> int:
    """Return the line after the last one that belongs to the key at `at`."""
    end = last = at + 1
    while end < len(lines) and not _TOP.match(lines[end]):
        end += 1
        if lines[end - 1].strip() and lines[end - 1][0] in " \t":
            last = end
    return last


def _indent_of_block(lines: list[str], at: int) -> str:
    inside = (line for line in lines[at + 1 : _end_of_block(lines, at)] if line.strip().partition("#")[0])
    first = next(inside, "  ")
    return first[: len(first) - len(first.lstrip())] or "  "


def _without_entry(lines: list[str], name: str) -> list[str]:
    """Return the lines of a block without those of one key."""
    kept: list[str] = []
    depth: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if depth is not None and (not line.strip() or indent > depth):
            continue
        depth = None
        if re.match(rf"\s+['\"]?{re.escape(name)}['\"]?\s*:", line):
            depth = indent
            continue
        kept.append(line)
    return kept


def _set(lines: list[str], key: str, value: str) -> None:
    at = _find(lines, key)
    if at is None:
        lines.append(f"{key}: {_flow(value)}")
    else:
        lines[at] = f"{key}: {_flow(value)}"


def _flow(value: Mapping[str, Any] | str) -> str:
    """Return a value on one line of YAML."""
    if not isinstance(value, str):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if "\n" in value:
        raise UsageError(f"an address has one line: {value!r}")
    plain = re.fullmatch(r"[A-Za-z/~.][A-Za-z0-9_./~@:+-]*", value) is not None
    if plain and not value.endswith(":") and value.lower() not in _WORDS_OF_YAML:
        return value
    return "'" + value.replace("'", "''") + "'"
