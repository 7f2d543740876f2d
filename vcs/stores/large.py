"""Storing one large object: as a file of its own, or as a recipe if most of it is here already.

A file that resembles nothing is copied and hashed in one pass. One that resembles an
object, as a sketch of both says, is compared with it while it is hashed, and only its
new bytes are written. See `matching` for how, and `recipes` for what lies on disk.
Small objects that are stored as files, being few, may become recipes in the same way.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from blake3 import blake3

from vcs.atomic import disk_error, remove_quietly, write_all
from vcs.digest import Digest
from vcs.errors import IntegrityError, LockedError, StoreError
from vcs.stores.borders import anchors, find_borders
from vcs.stores.copying import Advance, Hashing, clone_file, copy_and_hash, hash_descriptor
from vcs.stores.lines import match_lines
from vcs.stores.local_files import LocalFiles, settle
from vcs.stores.mapped import Lost, Match, is_worth_it, match_mapped
from vcs.stores.matching import BLOCK_BYTES, Matcher, Pieces, Read, read_block
from vcs.stores.one_file import is_same
from vcs.stores.ranges import RangeFile
from vcs.stores.recent import Sketch, resemble, sketch
from vcs.stores.recipes import MAX_FILES, Recipe, build, encode, encode_behind_extent
from vcs.stores.small_files import LARGE_BYTES

# What a file takes on most disks is a number of these.
_BLOCK_OF_DISK = 4 << 10
# An object of two blocks or less gains nothing by a recipe.
RECIPE_FROM_BYTES = 2 * _BLOCK_OF_DISK + 1
# New bytes that are fewer are one file with their recipe.
_ONE_FILE_BYTES = 64 << 10
# A recipe has to spare at least this part of the object; it keeps the files of its ranges alive as a whole.
_MIN_KNOWN = 0.3
_MAX_CANDIDATES = 3
# What is looked for of a file in one that it should resemble, how far from its place, and how often found.
_PROBES, _MIN_PROBES = 16, 2
_PROBE_BYTES = 64
_PROBE_REACH_BYTES = 64 << 10
_MAX_RANGES = 200_000


class LargeFiles:
    """Stores large files for a batch. Its methods may be called from several threads."""

    def __init__(
        self, store: LocalFiles, contains: Callable[[Digest], bool], publish: Callable[[Path, Digest], None]
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
            look = _Look.at(source, before.st_size)
            with self._base_for(look, like, lambda at, size: os.pread(source, size, at)) as base:
                done = self._match(source, before, base, look, advance, alone) if base is not None else None
            if done == "changed":
                return None
            result = done or self._copy(source, before, advance, alone=alone)
            if result is not None:
                self._store.recent.add(result[0], look.windows)
            return result
        except OSError as error:
            raise disk_error(error, f"cannot store {path}") from error
        finally:
            with self._lock:
                self._busy -= 1

    def put_small(self, data: bytes, digest: Digest, like: Digest | None) -> bool:
        """Store an object as what is new in it beside one that it resembles; False if that is not worth it.

        It is remembered in either case, for those that come after it.

        Raises:
            OSError: The disk failed.
        """
        if len(data) < RECIPE_FROM_BYTES:
            return False
        look = _Look.through(io.BytesIO(data), len(data))
        try:
            with self._base_for(look, like, lambda at, size: data[at : at + size]) as base:
                return base is not None and self._match_small(data, digest, base, look)
        except IntegrityError:  # The base is cut; the object can be stored without it.
            return False
        finally:
            self._store.recent_small.add(digest, look.windows)

    def _match_small(self, data: bytes, digest: Digest, base: RangeFile, look: _Look) -> bool:
        extent = _Extent(self._store)
        try:
            matcher = self._matcher(len(data), base, look, extent, lambda at, size: data[at : at + size])
            position = 0
            while position < len(data):
                block = bytearray(data[position : position + matcher.limit(position)])
                matcher.feed(block, len(block), position)
                position += len(block)
            return self._name(digest, len(data), matcher.pieces, base, extent)
        finally:
            extent.discard()

    def put_lines(self, data: bytes, digest: Digest, like: Digest) -> bool:
        """Store a text of lines as what is new in it beside another one; False if that is not worth it.

        Raises:
            StoreError: The disk is full, or failed.
        """
        try:
            base = self._store.open_ranges(like)
            if base is None:
                return False
            with base:
                before = bytearray(base.size)
                base.read_at(0, memoryview(before))
                extent = _Extent(self._store)
                try:
                    new = bytearray()
                    pieces = match_lines(data, before, new.extend)
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
    def _base_for(
        self, look: _Look, like: Digest | None, read: Callable[[int, int], bytes]
    ) -> Iterator[RangeFile | None]:
        """Open the object that this one resembles, if one is found; `read` gives its bytes at an offset."""
        logs = [self._store.recent] if look.size >= LARGE_BYTES else []
        if look.size < 2 * LARGE_BYTES:  # A small one may have grown into a large one.
            logs.append(self._store.recent_small)
        similar = [digest for log in logs for digest in log.similar(look.windows)[:_MAX_CANDIDATES]]
        for digest in filter(None, [like, *similar]):
            try:
                base = self._store.open_ranges(digest)
                if base is None:
                    continue
                with base:
                    if (
                        digest != like
                        or resemble(look.windows, _Look.of(base).windows)
                        or _shares_moved(read, look.size, base)
                    ):
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
        if alone and is_worth_it(before.st_size, base):
            with suppress(Lost):
                return self._match_by(match_mapped, source, before, base, look, advance)
        return self._match_by(partial(_match_read, alone=alone), source, before, base, look, advance)

    def _match_by(
        self,
        match: Match,
        source: int,
        before: os.stat_result,
        base: RangeFile,
        look: _Look,
        advance: Advance,
    ) -> tuple[Digest, int] | Literal["changed"] | None:
        told = 0

        def count(done_bytes: int) -> None:
            nonlocal told
            told += done_bytes
            advance(done_bytes)

        extent = _Extent(self._store)
        try:
            matcher = self._matcher(
                before.st_size, base, look, extent, lambda at, size: os.pread(source, size, at)
            )
            digest, size = match(source, before.st_size, matcher, base, extent.fd, count)
            if not is_same(before, os.fstat(source), size):
                return "changed"
            if self._contains(digest) or self._name(digest, size, matcher.pieces, base, extent):
                return digest, size
        except IntegrityError:
            pass  # The base is cut; the file can be stored without it.
        except Lost:
            advance(-told)
            raise
        finally:
            extent.discard()
        if told:
            advance(-told)
        return None

    def _matcher(self, size: int, base: RangeFile, look: _Look, extent: _Extent, read: Read) -> Matcher:
        changes = anchors(look.borders, _Look.of(base).borders if look.borders else {})
        return Matcher(size, base, changes, extent.write, read=read, search=not look.borders)

    def _name(self, digest: Digest, size: int, pieces: Pieces, base: RangeFile, extent: _Extent) -> bool:
        if pieces.known_bytes < _MIN_KNOWN * size:
            return False
        placed = _placed(pieces, base, extent)
        if len(placed) > _MAX_RANGES:
            return False
        new = extent.digest()
        recipe = build(
            size, [(file if file is not None else new, offset, length) for file, offset, length in placed]
        )
        behind = encode_behind_extent(recipe) if extent.size else encode(recipe)
        if _blocks(extent.size + len(behind)) >= _blocks(size):
            return False
        try:
            if extent.size + len(behind) > _ONE_FILE_BYTES:
                return self._name_apart(digest, recipe, (new, extent) if extent.size else None)
            extent.end(behind)
            named = (new, extent.path) if extent.size else None
            return self._store.recipes.publish(digest, recipe, extent.path, named)
        except (LockedError, StoreError):  # No locks here, or the folder is another user's.
            return False

    def _name_apart(self, digest: Digest, recipe: Recipe, new: tuple[Digest, _Extent] | None) -> bool:
        """Name a recipe and an extent that are two files."""
        fd, temporary = self._store.open_temporary()
        try:
            write_all(fd, encode(recipe))
            settle(fd)
            if new is not None:
                new[1].end()
            named = (new[0], new[1].path) if new is not None else None
            return self._store.recipes.publish(digest, recipe, temporary, named)
        finally:
            os.close(fd)
            remove_quietly(temporary)


@dataclass(frozen=True)
class _Look:
    """What is known of a file before it is read as a whole."""

    size: int
    borders: dict[str, int]
    windows: Sketch

    @classmethod
    def at(cls, fd: int, size: int) -> _Look:
        """Look at an open file; its position is lost."""
        with open(fd, "rb", closefd=False) as stream:
            return cls.through(stream, size)

    @classmethod
    def of(cls, base: RangeFile) -> _Look:
        """Look at an object; what it raises is what reading raises."""
        reader = io.BufferedReader(base)
        try:
            return cls.through(reader, base.size)
        finally:
            reader.detach()

    @classmethod
    def through(cls, stream: BinaryIO, size: int) -> _Look:
        """Look at what a stream of this size gives."""
        borders = find_borders(stream)
        return cls(size, borders, sketch(stream, size, borders))


class _Extent:
    """The new bytes of a recipe, in a temporary file."""

    def __init__(self, store: LocalFiles) -> None:
        self.size = 0
        self.fd, self.path = store.open_temporary()
        self._hasher = blake3()

    def write(self, data: memoryview) -> None:
        self._hasher.update(data)
        write_all(self.fd, data)
        self.size += len(data)

    def digest(self) -> Digest:
        """Return the digest of what was written."""
        return Digest(self._hasher.hexdigest())

    def end(self, behind: bytes = b"") -> None:
        """Write what stands behind the new bytes and is not of them, and make it durable."""
        write_all(self.fd, behind)
        settle(self.fd)

    def discard(self) -> None:
        """Close it, and remove it if it has no other name yet."""
        os.close(self.fd)
        remove_quietly(self.path)


def _match_read(
    source: int,
    size: int,
    matcher: Matcher,
    base: RangeFile,
    extent: int,
    advance: Advance,
    *,
    alone: bool,
) -> tuple[Digest, int]:
    """Read the file once, for the matcher, which has base and extent, and the hash; return digest and size.

    Reading and hashing a block takes about as long as reading and comparing the base's.
    """
    with Hashing(BLOCK_BYTES, size, alone=alone) as hashing:
        position = 0
        while position < size:
            block = hashing.buffer()
            wanted = min(matcher.limit(position), size - position)
            count = read_block(source, block, wanted, position)
            if not count:
                break
            hashing.update(count, partial(matcher.feed, block, count, position))
            position += count
            advance(count)
        return hashing.digest(), position


def _shares_moved(read: Callable[[int, int], bytes], size: int, base: RangeFile) -> bool:
    """Whether bytes of a file lie near by in the base, so that all of it may have moved a little."""
    found = 0
    hay = memoryview(bytearray(2 * _PROBE_REACH_BYTES))
    for number in range(_PROBES):
        at = size * number // _PROBES
        needle = read(at, _PROBE_BYTES)
        start = max(0, min(at, base.size) - _PROBE_REACH_BYTES)
        count = base.read_at(start, hay)
        if needle.count(needle[:1]) != len(needle) and needle in bytes(hay[:count]):
            found += 1
    return found >= _MIN_PROBES


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


def _blocks(size: int) -> int:
    return -(-size // _BLOCK_OF_DISK)
