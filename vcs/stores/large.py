"""Storing one large file: as a file of its own, or as a recipe if most of it is here already.

A file that resembles nothing is copied and hashed in one pass. One that resembles an
object, as a sketch of both says, is compared with it while it is hashed, and only its
new bytes are written. See `matching` for how, and `recipes` for what lies on disk.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from blake3 import blake3

from vcs.atomic import disk_error, remove_quietly, write_all
from vcs.digest import Digest
from vcs.errors import IntegrityError, LockedError, StoreError
from vcs.stores.borders import anchors, find_borders
from vcs.stores.copying import Advance, Hashing, clone_file, copy_and_hash, hash_descriptor
from vcs.stores.lines import match_lines
from vcs.stores.matching import BLOCK_BYTES, Matcher, Pieces
from vcs.stores.ranges import RangeFile
from vcs.stores.recent import Sketch, resemble, sketch
from vcs.stores.recipes import MAX_FILES, build, encode

if TYPE_CHECKING:
    from vcs.stores.local import LocalStore

# Smaller files are not worth a recipe and an extent, which take a block each.
RECIPE_FROM_BYTES = 256 << 10
# A recipe has to spare at least this part of the object; it keeps the files of its ranges alive as a whole.
_MIN_KNOWN = 0.3
_MAX_CANDIDATES = 3
_MAX_RANGES = 200_000


class LargeFiles:
    """Stores large files for a batch. Its methods may be called from several threads."""

    def __init__(
        self, store: LocalStore, contains: Callable[[Digest], bool], publish: Callable[[Path, Digest], None]
    ) -> None:
        """`contains` tells whether an object need not be stored; `publish` names a durable file."""
        self._store = store
        self._contains = contains
        self._publish = publish
        self._lock = threading.Lock()
        self._busy = 0

    def put(
        self, source: int, before: os.stat_result, path: Path, like: Digest | None, advance: Advance
    ) -> tuple[Digest, int] | None:
        """Hash and store an open file; None if it changed meanwhile. `like`: an object that it may resemble.

        Raises:
            StoreError: The disk is full, or failed.
        """
        with self._lock:
            alone = not self._busy
            self._busy += 1
        try:
            look = _Look.at(source, before.st_size) if before.st_size >= RECIPE_FROM_BYTES else None
            if look is not None:
                with self._base_for(look, like) as base:
                    done = (
                        self._match(source, before, base, look, advance, alone) if base is not None else None
                    )
                if done == "changed":
                    return None
                if done:
                    self._store.recent.add(done[0], look.windows)
                    return done
            result = self._copy(source, before, advance, alone=alone)
            if result is not None and look is not None:
                self._store.recent.add(result[0], look.windows)
            return result
        except OSError as error:
            raise disk_error(error, f"cannot store {path}") from error
        finally:
            with self._lock:
                self._busy -= 1

    def put_lines(self, data: bytes, digest: Digest, like: Digest) -> bool:
        """Store a text of lines as what is new in it beside another one; False if that is not worth it.

        Raises:
            StoreError: The disk is full, or failed.
        """
        try:
            base = self._store.open_ranges(like) if len(data) >= RECIPE_FROM_BYTES else None
            if base is None:
                return False
            with base:
                before = bytearray(base.size)
                base.read_at(0, memoryview(before))
                extent = _Extent(self._store)
                try:
                    new = bytearray()
                    pieces = match_lines(data, bytes(before), new.extend)
                    extent.write(memoryview(new))
                    return self._name(digest, len(data), pieces, base, extent)
                finally:
                    extent.discard()
        except IntegrityError:  # The other one is damaged, and this one can be stored without it.
            return False
        except OSError as error:
            raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error

    def _copy(
        self, source: int, before: os.stat_result, advance: Advance, *, alone: bool
    ) -> tuple[Digest, int] | None:
        os.lseek(source, 0, os.SEEK_SET)
        fd, temporary = self._store.open_temporary()
        try:
            if clone_file(source, fd):
                digest, size = hash_descriptor(fd, advance=advance)
            else:
                digest, size = copy_and_hash(source, fd, before.st_size, alone=alone, advance=advance)
            if not is_same(before, os.fstat(source), size):
                return None
            if not self._contains(digest):
                settle(fd)
                self._publish(temporary, digest)
            return digest, size
        finally:
            os.close(fd)
            remove_quietly(temporary)

    @contextmanager
    def _base_for(self, look: _Look, like: Digest | None) -> Iterator[RangeFile | None]:
        """Open the object that the file resembles, if one is found."""
        for digest in filter(None, [like, *self._store.recent.similar(look.windows)[:_MAX_CANDIDATES]]):
            try:
                base = self._store.open_ranges(digest)
                if base is None:
                    continue
                with base:
                    if digest != like or resemble(look.windows, _Look.of(base).windows):
                        yield base
                        return
            except IntegrityError:  # A damaged one helps nobody.
                continue
        yield None

    def _match(
        self,
        source: int,
        before: os.stat_result,
        base: RangeFile,
        look: _Look,
        advance: Advance,
        alone: bool,
    ) -> tuple[Digest, int] | Literal["changed"] | None:
        """Store a file as a recipe; None if it is not worth it, or cannot be done."""
        told = 0

        def count(done_bytes: int) -> None:
            nonlocal told
            told += done_bytes
            advance(done_bytes)

        extent = _Extent(self._store)
        try:
            changes = anchors(look.borders, _Look.of(base).borders if look.borders else {})
            matcher = Matcher(before.st_size, base, changes, extent.write, search=not look.borders)
            digest, size = _hash_through(source, before.st_size, matcher, count, alone=alone)
            if not is_same(before, os.fstat(source), size):
                return "changed"
            if self._contains(digest) or self._name(digest, size, matcher.pieces, base, extent):
                return digest, size
        except IntegrityError:
            pass  # The base is cut; the file can be stored without it.
        finally:
            extent.discard()
        if told:
            advance(-told)
        return None

    def _name(self, digest: Digest, size: int, pieces: Pieces, base: RangeFile, extent: _Extent) -> bool:
        if pieces.known_bytes < _MIN_KNOWN * size:
            return False
        placed = _placed(pieces, base, extent)
        if len(placed) > _MAX_RANGES:
            return False
        new = extent.finish()
        recipe = build(
            size, [(file if file is not None else new, offset, length) for file, offset, length in placed]
        )
        fd, temporary = self._store.open_temporary()
        try:
            write_all(fd, encode(recipe))
            settle(fd)
            named = (new, extent.path) if extent.size else None
            return self._store.recipes.publish(digest, recipe, temporary, named)
        except (LockedError, StoreError):  # No locks here, or the folder is another user's.
            return False
        finally:
            os.close(fd)
            remove_quietly(temporary)


@dataclass(frozen=True)
class _Look:
    """What is known of a file before it is read as a whole."""

    borders: dict[str, int]
    windows: Sketch

    @classmethod
    def at(cls, fd: int, size: int) -> _Look:
        """Look at an open file; its position is lost."""
        with open(fd, "rb", closefd=False) as stream:
            borders = find_borders(stream)
            return cls(borders, sketch(stream, size, borders))

    @classmethod
    def of(cls, base: RangeFile) -> _Look:
        """Look at an object; what it raises is what reading raises."""
        reader = io.BufferedReader(base)
        try:
            borders = find_borders(reader)
            return cls(borders, sketch(reader, base.size, borders))
        finally:
            reader.detach()


class _Extent:
    """The new bytes of a recipe, in a temporary file."""

    def __init__(self, store: LocalStore) -> None:
        self.size = 0
        self._fd, self.path = store.open_temporary()
        self._hasher = blake3()

    def write(self, data: memoryview) -> None:
        self._hasher.update(data)
        write_all(self._fd, data)
        self.size += len(data)

    def finish(self) -> Digest:
        """Make it durable and return its digest."""
        if self.size:
            settle(self._fd)
        return Digest(self._hasher.hexdigest())

    def discard(self) -> None:
        """Close it, and remove it if it has no other name yet."""
        os.close(self._fd)
        remove_quietly(self.path)


def _hash_through(
    source: int, size: int, matcher: Matcher, advance: Advance, *, alone: bool
) -> tuple[Digest, int]:
    """Read the file once, for the matcher and the hash; return digest and size."""
    with Hashing(BLOCK_BYTES, size, alone=alone) as hashing:
        position = 0
        while position < size:
            block = hashing.buffer()
            wanted = min(matcher.limit(position), size - position)
            count = os.preadv(source, [memoryview(block)[:wanted]], position)
            if not count:
                break
            hashing.update(count)
            matcher.feed(block, count, position)
            position += count
            advance(count)
        return hashing.digest(), position


def _placed(pieces: Pieces, base: RangeFile, extent: _Extent) -> list[tuple[Digest | None, int, int]]:
    """Return the pieces by the files in which they lie, with offset and length; None stands for the extent.

    If those were too many, the bytes of those that give least go into the extent too.
    """
    placed: list[tuple[Digest | None, int, int]] = []
    starts: list[int] = []
    new_at = 0
    for start, length in pieces.stretches:
        if start < 0:
            placed.append((None, new_at, length))
            starts.append(-1)
            new_at += length
            continue
        for number, offset, part in base.pieces(start, length):
            placed.append((base.files[number], offset, part))
            starts.append(start)
            start += part
    given: dict[Digest, int] = {}
    for digest, _, part in placed:
        if digest is not None:
            given[digest] = given.get(digest, 0) + part
    if len(given) >= MAX_FILES:
        folded = set(sorted(given, key=given.__getitem__)[: len(given) - MAX_FILES // 2])
        for index, (digest, _, length) in enumerate(placed):
            if digest in folded:
                placed[index] = (None, extent.size, length)
                _append(base, starts[index], length, extent)
    return placed


def _append(base: RangeFile, start: int, length: int, extent: _Extent) -> None:
    """Copy bytes of the base into the extent."""
    buffer = memoryview(bytearray(BLOCK_BYTES))
    while length:
        count = base.read_at(start, buffer[: min(length, BLOCK_BYTES)])
        if not count:
            raise IntegrityError("a file that a recipe needs is cut")
        extent.write(buffer[:count])
        start += count
        length -= count


def settle(fd: int) -> None:
    """Make a file durable and read-only."""
    os.fchmod(fd, 0o444)
    os.fsync(fd)


def is_same(before: os.stat_result, after: os.stat_result, size: int) -> bool:
    """Whether a file that was read, `size` bytes of it, is still what it was."""
    return before.st_size == after.st_size == size and before.st_mtime_ns == after.st_mtime_ns
