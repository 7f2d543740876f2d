"""What a working tree remembers of each tracked path: what was put there last.

The base is the version that track, commit or checkout left at the path; it tells a file
changed by hand from one that is merely old.

A lost or damaged memory costs a base that has to be guessed; so it is read without
complaint. Small files, one for each path, so that processes do not undo each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from vcs.atomic import disk_error, write_atomic
from vcs.digest import digest_bytes, parse_digest
from vcs.errors import FormatError, UsageError
from vcs.git import Git
from vcs.layout import tracked_memory
from vcs.lock import file_lock
from vcs.names import parse_artifact_ref

LOCK_TIMEOUT_S = 60.0
_MAX_BYTES = 1 << 20
_BASE, _MOVING = ".base.json", ".moving"


class Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The version that was put at a path last.

    Attributes:
        artifact: `project/name:v3`.
        digest: Of its listing.
        single: Whether the path is a file.
        placed: Whether a checkout put it there, so that a checkout may take it away.
    """

    path: str
    artifact: str
    digest: str
    single: bool = False
    placed: bool = False


_encode = msgspec.json.Encoder().encode
_decode_base = msgspec.json.Decoder(Base).decode


class TrackedMemory:
    """The memories of one working tree."""

    def __init__(self, git: Git) -> None:
        """Nothing is read or made before it is needed."""
        self.folder = tracked_memory(git.git_dir)

    def base(self, path: str) -> Base | None:
        """Return what was put at a path last, if that is known."""
        base = _read_base(self._file(path, _BASE))
        return base if base is not None and base.path == path else None

    def set_base(self, base: Base) -> None:
        """Remember what lies at a path now; a checkout that had begun there is over.

        Raises:
            StoreError: Nothing has changed.
        """
        if base != self.base(base.path):
            # Durable: with an old base, what a checkout wrote would pass for changed by hand.
            write_atomic(self._file(base.path, _BASE), _encode(base))
        self._remove(base.path, _MOVING)

    def begin(self, path: str) -> None:
        """Remember that a checkout begins at a path, so that what a kill leaves is not taken for a change.

        Raises:
            StoreError: The disk refuses.
        """
        write_atomic(self._file(path, _MOVING), "")

    def is_unfinished(self, path: str) -> bool:
        """Whether a checkout of a path began and did not end."""
        return self._file(path, _MOVING).exists()

    def bases(self) -> list[Base]:
        """Return every base, sorted by path."""
        try:
            names = [name for name in os.listdir(self.folder) if name.endswith(_BASE)]
        except OSError:
            return []
        found = (_read_base(self.folder / name) for name in names)
        return sorted((base for base in found if base is not None), key=lambda base: base.path)

    def forget(self, path: str) -> None:
        """Remember nothing of a path.

        Raises:
            StoreError: The disk refuses.
        """
        for kind in (_BASE, _MOVING):
            self._remove(path, kind)

    @contextmanager
    def turn(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Wait until nobody else changes tracked paths of this working tree.

        Raises:
            LockedError: Somebody does for all that time.
        """
        what = "the tracked paths of this working tree"
        with file_lock(self.folder / "lock", timeout_s=timeout_s, what=what):
            yield

    def _remove(self, path: str, kind: str) -> None:
        try:
            self._file(path, kind).unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, f"cannot forget {path}") from error

    def _file(self, path: str, kind: str) -> Path:
        return self.folder / f"{digest_bytes(os.fsencode(path))[:24]}{kind}"


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_MAX_BYTES)


def _read_base(file: Path) -> Base | None:
    try:
        base = _decode_base(_read(file))
        parse_digest(base.digest)
        parse_artifact_ref(base.artifact)
    except (OSError, msgspec.MsgspecError, FormatError, UsageError):
        return None
    return base
