"""One line in a `.gitignore`: put there, and taken away again, with nothing else touched.

Line ends and a missing newline at the end stay as the user has them. The rules of git
are in the manual under gitignore: a line that begins with a slash speaks of the file's
own folder only.
"""

from __future__ import annotations

import re
from pathlib import Path

from vcs.atomic import disk_error, write_atomic
from vcs.errors import ConflictError, StoreError, UsageError

GITIGNORE = ".gitignore"
_SPECIAL = re.compile(r"([\\*?\[])")


def line_for(name: str) -> str:
    """Return the line that ignores just the file or folder `name` of the same folder.

    Raises:
        UsageError: No line can: the name has a line break.
    """
    if "\n" in name or "\r" in name:
        raise UsageError(f"{name!r} has a line break, and git cannot ignore it", hint="rename it")
    escaped = _SPECIAL.sub(r"\\\1", name)
    kept = escaped.rstrip(" ")
    # git drops spaces at the end of a line unless each stands behind a backslash.
    return f"/{kept}" + "\\ " * (len(escaped) - len(kept))


def has_line(file: Path, line: str) -> bool:
    """Whether the file has the line.

    Raises: as `add_line` does.
    """
    return line in map(_without_end, _read(file)[0])


def add_line(file: Path, line: str) -> bool:
    """Append the line unless it is there; return whether the file changed. Creates the file.

    Raises:
        ConflictError: The file is a link, which git does not follow.
        StoreError: Nothing has changed.
    """
    lines, end = _read(file)
    if line in map(_without_end, lines):
        return False
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    _write(file, [*lines, f"{line}{end}"])
    return True


def remove_line(file: Path, line: str) -> bool:
    """Remove every such line; return whether the file changed. A file left empty is removed.

    Raises: as `add_line` does.
    """
    lines, _ = _read(file)
    kept = [one for one in lines if _without_end(one) != line]
    if len(kept) == len(lines):
        return False
    if kept:
        _write(file, kept)
        return True
    try:
        file.unlink()
    except OSError as error:
        raise disk_error(error, f"cannot remove {file}") from error
    return True


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _read(file: Path) -> tuple[list[str], str]:
    """Return the lines with their ends, and the end that the file uses."""
    if file.is_symlink():
        raise ConflictError(f"{file} is a link, which git does not follow", hint="put the file itself there")
    try:
        text = file.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return [], "\n"
    except OSError as error:
        raise disk_error(error, f"cannot read {file}") from error
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    return lines, "\r\n" if lines and lines[0].endswith("\r\n") else "\n"


def _write(file: Path, lines: list[str]) -> None:
    try:
        mode = file.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = 0o644
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    write_atomic(file, "".join(lines).encode(errors="surrogateescape"), mode=mode)
