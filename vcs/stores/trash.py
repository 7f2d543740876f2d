"""Objects taken out of a store, into a folder from which they can come back.

A trash has the form of a store. Moving is by rename, so an object is always in the store
or in the trash, whatever kills the process. Who adds an object that is there already
touches its file instead of writing it; so after each rename the time of the file is
looked at again, and what was touched meanwhile goes back: it is wanted.

A pack goes as a whole, after what is still wanted of it was written anew; packs of which
little is garbage stay. What a recipe in the trash needs is linked there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vcs.atomic import disk_error, fsync_directory, make_folder
from vcs.digest import Digest
from vcs.errors import IntegrityError
from vcs.lock import file_lock
from vcs.stores.local import LocalStore
from vcs.stores.packs import Pack

_LOCK_TIMEOUT_S = 600.0
# Writing a pack anew costs what stays in it.
_WORTH_A_REWRITE = 0.5


@dataclass(frozen=True)
class Trashed:
    """What went.

    Attributes:
        digests: The objects that are gone from the store.
        kept: Garbage that stays: young, touched meanwhile, or in a pack that is mostly wanted.
    """

    digests: frozenset[Digest]
    kept: frozenset[Digest]


def open_store(folder: Path) -> LocalStore:
    """Return the store that lies in a folder of a trash."""
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def move_to_trash(
    store: LocalStore, digests: Iterable[Digest], trash: Path, *, unused_since_s: float
) -> Trashed:
    """Move objects that nobody put or asked for since a moment (by the disk's clock) to a trash.

    What is younger stays. Interrupted, it can be repeated, with the same trash or another.

    Raises:
        StoreError, LockedError: The disk failed; every object is in the store or the trash.
    """
    wanted = set(digests)
    try:
        _move_packed(store, wanted, trash, unused_since_s)
        _move_files(store, wanted, trash, unused_since_s)
    except OSError as error:
        raise disk_error(error, f"cannot move objects to {trash}") from error
    gone = store.missing(wanted)
    return Trashed(frozenset(gone), frozenset(wanted - gone))


def restore_trash(store: LocalStore, trash: Path) -> int:
    """Bring everything of a trash back; return how many objects. Interrupted, it can be repeated.

    Raises:
        StoreError: The disk failed; what is not back is still in the trash.
    """
    bin_ = open_store(trash)
    count = len(set(bin_.list()))
    try:
        for source, target in (
            (bin_.objects, store.objects),
            (bin_.recipes.extents, store.recipes.extents),
            (bin_.recipes.folder, store.recipes.folder),
            (bin_.packs.folder, store.packs.folder),
        ):
            for path in sorted(source.rglob("*")) if source.is_dir() else []:
                if path.is_file() and path.name != "lock":
                    _link(path, target / path.relative_to(source))
    except OSError as error:
        raise disk_error(error, f"cannot bring {trash} back") from error
    store.refresh(force=True)
    shutil.rmtree(trash, ignore_errors=True)
    return count


def _move_packed(store: LocalStore, wanted: set[Digest], trash: Path, unused_since_s: float) -> None:
    with file_lock(store.packs.folder / "lock", timeout_s=_LOCK_TIMEOUT_S, what="the store"):
        store.refresh(force=True)
        raws = {bytes.fromhex(digest) for digest in wanted}
        for pack in list(store.packs):
            gone = raws.intersection(pack)
            if not gone or not _is_worth_it(pack, gone) or pack.path.stat().st_mtime >= unused_since_s:
                continue
            store.copy_without(pack, gone)
            target = trash / "packs" / pack.path.name
            if not _take(pack.path, target, unused_since_s):
                continue  # Somebody relies on it; what was copied is there twice.
            fsync_directory(pack.path.parent)
        store.refresh(force=True)


def _is_worth_it(pack: Pack, gone: set[bytes]) -> bool:
    sizes = {raw: place[1] for raw in pack if (place := pack.place(raw)) is not None}
    garbage = sum(sizes.get(raw, 0) for raw in gone)
    return len(gone) == len(sizes) or garbage >= _WORTH_A_REWRITE * sum(sizes.values())


def _move_files(store: LocalStore, wanted: set[Digest], trash: Path, unused_since_s: float) -> None:
    recipes = store.recipes
    with recipes.lock():
        for digest in sorted(wanted.intersection(recipes.names())):
            with suppress(IntegrityError):  # A recipe that is damaged brings nothing back.
                recipe = recipes.load(digest)
                for needed in recipe.files if recipe is not None else ():
                    place = recipes.place_of(needed)
                    if place is not None:
                        _link(place, trash / "extents" / needed)
            _take(Path(recipes.path(digest)), trash / "recipes" / digest, unused_since_s)
        try:
            still_needed = recipes.needed()
        except IntegrityError:
            return  # Nobody knows what a damaged recipe needs: all files stay.
        for digest in sorted(wanted):
            path = Path(store.loose_path(digest))
            target = trash / "objects" / digest[:2] / digest[2:]
            if not path.exists():
                continue
            if digest in still_needed:
                if path.stat().st_mtime < unused_since_s:
                    _link(path, target)
                    recipes.keep(digest, path)
                    extent = recipes.extents / digest
                    if extent.stat().st_mtime >= unused_since_s:
                        os.rename(extent, path)
            else:
                _take(path, target, unused_since_s)
        recipes.sweep(still_needed)


def _take(path: Path, target: Path, unused_since_s: float) -> bool:
    """Move a file if it is not younger; back again if it was touched at that moment."""
    make_folder(target.parent)
    try:
        if path.stat().st_mtime >= unused_since_s:
            return False
        os.rename(path, target)
    except FileNotFoundError:
        return False
    if target.stat().st_mtime >= unused_since_s:
        _link(target, path)
        target.unlink()
        return False
    return True


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; one that is there has the same content."""
    make_folder(target.parent)
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        # No links on this file system.
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.copy2(source, temporary)
        os.rename(temporary, target)
