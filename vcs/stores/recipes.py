"""Recipes: an object as ranges of bytes that lie in files already, and of a few new ones.

A recipe is a small file, `recipes/<digest>`; see docs/formats.md. Its ranges refer to
files that hold their content plainly and are named by the BLAKE3 of it: whole objects
under `objects/`, and `extents/<digest>`, which are no objects: the new bytes of a
recipe, and deleted objects whose bytes recipes still need. A range never refers to a
recipe, so reading never goes deeper than one step. An extent is in place and durable
before the recipe that needs it gets its name.

A few new bytes are one file with their recipe, which stands behind them and has its
length and `TRCPEND1` behind itself: the file then has both names. So a version of a
table that grew by some lines takes one block of the disk.
"""

from __future__ import annotations

import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from vcs.atomic import NO_LINKS, disk_error, fsync_directory, make_folder, remove_quietly, write_atomic
from vcs.digest import Digest
from vcs.errors import IntegrityError
from vcs.lock import file_lock
from vcs.stores.ranges import Range, RangeFile

MAGIC = b"TRCP0001"
END = b"TRCPEND1"
# A recipe of more files than this takes the smallest parts into its own extent.
MAX_FILES = 32

_HEAD = struct.Struct("<8sQII")  # magic, size of the object, number of files, number of ranges
_RANGE = struct.Struct("<IQQ")  # number of the file, offset in it, length
_TAIL = struct.Struct("<I8s")  # bytes of a recipe that stands behind an extent, END
_DIGEST_BYTES = 32
_NAME_CHARACTERS = 64
_MAX_BYTES = 64 << 20
_LOCK_TIMEOUT_S = 600.0
# Storing the object whole needs no lock.
_PUBLISH_TIMEOUT_S = 10.0
_MAX_LOADED = 64


@dataclass(frozen=True)
class Recipe:
    """What an object is made of.

    Attributes:
        size: In bytes; the sum of the ranges.
        files: The digests of the files that ranges refer to.
        ranges: In the order of the object: number of the file, offset in it, length.
    """

    size: int
    files: tuple[Digest, ...]
    ranges: tuple[Range, ...]


def encode(recipe: Recipe) -> bytes:
    """Return the bytes of a recipe file."""
    head = _HEAD.pack(MAGIC, recipe.size, len(recipe.files), len(recipe.ranges))
    digests = b"".join(bytes.fromhex(digest) for digest in recipe.files)
    body = head + digests + b"".join(_RANGE.pack(*one) for one in recipe.ranges)
    return body + blake3(body).digest()


def encode_behind_extent(recipe: Recipe) -> bytes:
    """Return what follows the bytes of an extent in a file that is both."""
    body = encode(recipe)
    return body + _TAIL.pack(len(body), END)


def decode(data: bytes, name: str) -> Recipe:
    """Read the bytes of a recipe file, which may be an extent before; nothing is believed unchecked.

    Raises:
        IntegrityError: They are cut, damaged, or of another format.
    """
    if data.endswith(END) and len(data) >= _TAIL.size:
        end = len(data) - _TAIL.size
        data = data[max(0, end - _TAIL.unpack_from(data, end)[0]) : end]
    body, check = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if len(body) < _HEAD.size or blake3(body).digest() != check:
        raise _damaged(name, "its recipe is cut or damaged")
    magic, size, files, count = _HEAD.unpack_from(body)
    ranges_at = _HEAD.size + files * _DIGEST_BYTES
    if magic != MAGIC or len(body) != ranges_at + count * _RANGE.size:
        raise _damaged(name, "its recipe is of a form that this version cannot read")
    ranges = tuple(_RANGE.iter_unpack(body[ranges_at:]))
    if sum(length for _, _, length in ranges) != size or any(one[0] >= files for one in ranges):
        raise _damaged(name, "its recipe does not add up")
    starts = range(_HEAD.size, ranges_at, _DIGEST_BYTES)
    return Recipe(size, tuple(Digest(body[at : at + _DIGEST_BYTES].hex()) for at in starts), ranges)


class RecipeFolder:
    """The recipes and extents of a store, also those that other processes make. Safe from threads."""

    def __init__(self, objects: Path) -> None:
        """Use `recipes` and `extents` beside the folder of whole objects; they may be missing."""
        self.folder = objects.parent / "recipes"
        self.extents = objects.parent / "extents"
        self._objects = objects
        self._prefix = f"{self.folder}{os.sep}"
        self._thread_lock = threading.Lock()
        self._loaded: OrderedDict[tuple[Digest, int, int], Recipe] = OrderedDict()

    def lock(self, timeout_s: float = _LOCK_TIMEOUT_S) -> AbstractContextManager[None]:
        """Hold off those who delete, while the files that a recipe needs are looked up and it is named.

        Raises:
            LockedError, StoreError: As `file_lock`.
        """
        return file_lock(self.folder / "lock", timeout_s=timeout_s, what="the store")

    def names(self) -> list[Digest]:
        """Return the object of every recipe."""
        try:
            return [Digest(name) for name in os.listdir(self.folder) if len(name) == _NAME_CHARACTERS]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise disk_error(error, f"cannot read {self.folder}") from error

    def load(self, digest: Digest) -> Recipe | None:
        """Return the recipe; None if there is none.

        Raises:
            IntegrityError: It is cut or damaged.
        """
        path = self.path(digest)
        if not os.path.exists(path):  # Most objects have none, and this is the cheapest way to see.
            return None
        try:
            with open(path, "rb") as stream:
                status = os.fstat(stream.fileno())
                # An object that was deleted and came again has another recipe.
                key = (digest, status.st_ino, status.st_mtime_ns)
                with self._thread_lock:
                    recipe = self._loaded.get(key)
                    if recipe is not None:
                        self._loaded.move_to_end(key)
                        return recipe
                data = stream.read(_MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        recipe = decode(data, digest)
        with self._thread_lock:
            self._loaded[key] = recipe
            while len(self._loaded) > _MAX_LOADED:
                self._loaded.popitem(last=False)
        return recipe

    def of(self, digests: Collection[Digest]) -> dict[Digest, Recipe]:
        """Return the recipes that some objects have; damaged ones are left out."""
        found: dict[Digest, Recipe] = {}
        for digest in set(self.names()).intersection(digests):
            with suppress(IntegrityError):
                recipe = self.load(digest)
                if recipe is not None:
                    found[digest] = recipe
        return found

    def has(self, digest: Digest) -> bool:
        """Whether there is a recipe that can be followed: readable, and its files are there."""
        try:
            recipe = self.load(digest)
        except IntegrityError:
            return False
        return recipe is not None and all(self.place_of(one) is not None for one in recipe.files)

    def open(self, digest: Digest) -> RangeFile | None:
        """Open the object behind a recipe; None if there is no recipe. What is open stays readable.

        Raises:
            IntegrityError: The recipe is damaged, or a file that it needs is not there.
        """
        for attempt in range(3):
            recipe = self.load(digest)
            if recipe is None:
                return None
            try:
                paths = [self.place_of(one) or self.extents / one for one in recipe.files]
                return RangeFile(digest, recipe.files, paths, recipe.ranges)
            except FileNotFoundError as error:
                # Someone deletes: a file has just become an extent, or the recipe is going away.
                if attempt == 2:
                    name = Path(error.filename).name
                    raise _damaged(digest, f"{name[:12]}, which its recipe needs, is gone") from error
            except OSError as error:
                raise disk_error(error, f"cannot read object {digest[:12]}") from error
        return None

    def path(self, digest: Digest) -> str:
        """Return where the recipe of an object lies."""
        return f"{self._prefix}{digest}"

    def place_of(self, digest: Digest) -> Path | None:
        """Return the file with that content, whole object or extent; None if there is neither."""
        for path in (self._objects / digest[:2] / digest[2:], self.extents / digest):
            if path.exists():
                return path
        return None

    def publish(
        self, digest: Digest, recipe: Recipe, temporary: Path, extent: tuple[Digest, Path] | None
    ) -> bool:
        """Name an extent and a recipe, both complete and durable; False if a file they need is gone.

        They may be one file.

        Raises:
            OSError, StoreError, LockedError: The recipe is not visible.
        """
        make_folder(self.folder)
        with self.lock(_PUBLISH_TIMEOUT_S):
            if extent is not None:
                self._name_extent(*extent, is_recipe=extent[1] == temporary)
            places = [self.place_of(one) for one in recipe.files]
            if None in places:
                return False
            # The names of those files, some of them given a moment ago by another process.
            for folder in {place.parent for place in places if place is not None}:
                fsync_directory(folder)
            os.rename(temporary, self.path(digest))
        fsync_directory(self.folder)
        return True

    def _name_extent(self, digest: Digest, temporary: Path, *, is_recipe: bool) -> None:
        make_folder(self.extents)
        target = self.extents / digest
        if not is_recipe:
            os.rename(temporary, target)
        elif not target.exists():
            try:
                os.link(temporary, target)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                write_atomic(target, temporary.read_bytes(), mode=0o444)

    def delete(self, digests: Iterable[Digest]) -> set[Digest]:
        """Remove recipes; return which there were. Under `lock`; the extents stay, see `sweep`."""
        removed = set()
        for digest in set(digests).intersection(self.names()):
            os.unlink(self.path(digest))
            removed.add(digest)
        return removed

    def needed(self) -> dict[Digest, set[Digest]]:
        """Return the files that recipes need, and which recipes those are. Reads every recipe.

        Raises:
            IntegrityError: A recipe is damaged, so nobody can tell what it needs.
        """
        needed: dict[Digest, set[Digest]] = {}
        for name in self.names():
            recipe = self.load(name)
            for digest in recipe.files if recipe is not None else ():
                needed.setdefault(digest, set()).add(name)
        return needed

    def keep(self, digest: Digest, path: Path) -> None:
        """Turn a whole object that recipes need into an extent, which is no object. Under `lock`."""
        make_folder(self.extents)
        os.rename(path, self.extents / digest)

    def sweep(self, needed: dict[Digest, set[Digest]]) -> None:
        """Remove extents that no recipe needs, or that are objects too. Under `lock`."""
        try:
            names = os.listdir(self.extents)
        except FileNotFoundError:
            return
        for name in names:
            if Digest(name) not in needed or (self._objects / name[:2] / name[2:]).exists():
                remove_quietly(self.extents / name)


def build(size: int, pieces: Sequence[tuple[Digest, int, int]]) -> Recipe:
    """Return the recipe of pieces: digest of a file, offset in it, length."""
    numbers: dict[Digest, int] = {}
    ranges: list[Range] = []
    for digest, offset, length in pieces:
        number = numbers.setdefault(digest, len(numbers))
        if ranges and ranges[-1][0] == number and ranges[-1][1] + ranges[-1][2] == offset:
            ranges[-1] = (number, ranges[-1][1], ranges[-1][2] + length)
        else:
            ranges.append((number, offset, length))
    return Recipe(size, tuple(numbers), tuple(ranges))


def _damaged(digest: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"object {digest[:12]} is damaged: {why}", hint="find what it belongs to: tracker artifact verify"
    )
