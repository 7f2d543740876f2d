"""What `.trackerignore` leaves out: the rules of gitignore.

A file of rules speaks of the folder it lies in and of everything below; of several
rules the last one of the deepest file decides. What lies in a folder that is left out
is left out, whatever is said about it. `.git` and `.tracker` are always left out.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from vcs.atomic import disk_error
from vcs.files.ignore_rules import RuleSet, compile_rules
from vcs.layout import IGNORE_FILE
from vcs.paths import is_reserved_name

# Unfinished checkouts; see vcs/files/checkout.py.
STAGING_PREFIX = ".tracker-checkout."
_MAY_BE_RESERVED = re.compile(r"[.gG]|.*[^\x00-\x7f]", re.DOTALL)


def is_always_left_out(name: str) -> bool:
    """Whether nothing of this name ever enters an artifact."""
    if not _MAY_BE_RESERVED.match(name):
        return False
    return is_reserved_name(name) or name.startswith(STAGING_PREFIX)


@dataclass(frozen=True)
class _File:
    """One file of rules; `folder` is where it lies, relative to the top, with a slash at the end."""

    folder: str
    rules: RuleSet


class Rules:
    """The rules that hold in one folder: its own file's and those above it."""

    __slots__ = ("_files", "_folder")

    def __init__(self, folder: str, files: tuple[_File, ...]) -> None:
        self._folder = folder
        self._files = files

    def __bool__(self) -> bool:
        return bool(self._files)

    def leaves_out(self, name: str, *, is_dir: bool) -> bool:
        """Whether the rules leave out an entry of this folder, which is not left out itself."""
        path = self._folder + name
        for file in reversed(self._files):
            decision = file.rules.decide(path[len(file.folder) :], is_dir=is_dir)
            if decision is not None:
                return decision
        return False


class Ignore:
    """The rules for a folder and everything below it. Each file of rules is read once."""

    def __init__(self, top: Path, start: str, filename: str) -> None:
        """For callers of `load`: `start` is the folder's path in `top`, empty or with a slash at the end."""
        self._top = top
        self._start = start
        self._filename = filename
        self._rules: dict[str, Rules] = {}

    @classmethod
    def load(cls, folder: Path, *, filename: str = IGNORE_FILE, top: Path | None = None) -> Ignore:
        """Return the rules for `folder`.

        Files of rules are read when first needed. With `top`, a folder above, those in
        it and on the way down hold too; without, only those in `folder` and below.

        Raises:
            StoreError: A file of rules cannot be read; later calls may raise it as well.
        """
        folder = folder.resolve()
        start = ""
        if top is not None:
            top = top.resolve()
            if folder.is_relative_to(top) and folder != top:
                start = f"{folder.relative_to(top).as_posix()}/"
        ignore = cls(folder if not start or top is None else top, start, filename)
        ignore.rules("")
        return ignore

    def rules(self, folder: str) -> Rules:
        """Return the rules that hold in a folder: its path, empty or ending with a slash."""
        return self._rules_at(self._start + folder)

    def matches(self, relpath: str, is_dir: bool = False) -> bool:
        """Whether a path of the folder, or a folder that it lies in, is left out."""
        parts = relpath.strip("/").split("/")
        folder = ""
        for number, name in enumerate(parts):
            last = number == len(parts) - 1
            if is_always_left_out(name):
                return True
            if self.rules(folder).leaves_out(name, is_dir=is_dir or not last):
                return True
            folder += f"{name}/"
        return False

    def _rules_at(self, folder: str) -> Rules:
        found = self._rules.get(folder)
        if found is None:
            above: tuple[_File, ...] = ()
            if folder:
                parent = folder[: folder.rfind("/", 0, -1) + 1]
                above = self._rules_at(parent)._files
            own = self._read(folder)
            found = self._rules[folder] = Rules(folder, (*above, own) if own else above)
        return found

    def _read(self, folder: str) -> _File | None:
        path = os.path.join(self._top, folder, self._filename)
        try:
            with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
                lines = [line.removesuffix("\r") for line in stream.read().split("\n")]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        rules = compile_rules(lines)
        return _File(folder, rules) if rules is not None else None
