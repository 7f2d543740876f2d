"""Listing to files: plan what to add, replace, remove and keep; then apply.

A file that differs from the listing and is not as the previous listing has it was
changed by hand: it is a conflict, and is lost only to someone who says `overwrite`.
Files that the listing does not name stay, unless `extra="remove"`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from vcs.atomic import make_folder
from vcs.digest import Digest
from vcs.elsewhere import BRING_OBJECTS
from vcs.errors import ConflictError, FormatError, NotFoundError, UsageError
from vcs.files.ignore import Ignore
from vcs.files.inside import Inside
from vcs.files.listing import Entry, Listing, path_key
from vcs.files.staging import Link, Staging
from vcs.files.stat_cache import StatCache
from vcs.files.tree import Tree, read_tree
from vcs.progress import Progress
from vcs.stores.base import Store

Extra: TypeAlias = Literal["keep", "remove"]

_MAX_NAMED = 5


@dataclass(frozen=True)
class CheckoutResult:
    """What a checkout did."""

    added: int
    replaced: int
    removed: int
    kept: int
    written_bytes: int


@dataclass(frozen=True)
class CheckoutPlan:
    """What a checkout would do to `target`. Nothing has been changed yet.

    Attributes:
        target: Absolute, without links.
        add: Entries where nothing is now.
        replace: Entries where something else is now.
        remove: Paths of files and links that go: in the way, or extra.
        keep: Entries that are there as they should be.
        conflicts: Paths among `replace` and `remove` that hold what neither this listing
            nor the previous one has, so that the bytes may exist nowhere else.
        references: Entries that are no files; left to the caller.
    """

    target: Path
    add: tuple[Entry, ...]
    replace: tuple[Entry, ...]
    remove: tuple[str, ...]
    keep: tuple[Entry, ...]
    conflicts: tuple[str, ...]
    references: tuple[Entry, ...]
    _store: Store = field(repr=False)
    _stat_cache: StatCache | None = field(repr=False)
    _tree: Tree = field(repr=False)
    _remove_folders: tuple[str, ...] = field(repr=False)
    _in_way: frozenset[str] = field(repr=False)

    @cached_property
    def write_bytes(self) -> int:
        """The bytes of all files to add and to replace."""
        return sum(entry.size for entry in (*self.add, *self.replace))

    @property
    def changes_nothing(self) -> bool:
        """Whether the target is as it should be already."""
        return not (self.add or self.replace or self.remove)

    def missing(self) -> dict[str, Digest]:
        """Return the objects that the store lacks for this, by path."""
        needed = [entry for entry in (*self.add, *self.replace) if entry.kind == "file"]
        lacking = self._store.missing(Digest(entry.digest) for entry in needed)
        return (
            {entry.path: Digest(entry.digest) for entry in needed if entry.digest in lacking}
            if lacking
            else {}
        )

    def apply(
        self, *, link: Link = "auto", overwrite: bool = False, progress: Progress | None = None
    ) -> CheckoutResult:
        """Do it.

        All files are written beside their place and verified first; only then they are
        moved, so a failure before that changes nothing. Each move is atomic; after a
        kill in between, plan again and apply. Copies are writable, whatever the object
        is; hard links (large files only, on request) are read-only and are not verified.

        Raises:
            ConflictError: Hand-made changes would be lost and `overwrite` is not given,
                or something was changed since the plan was made.
            NotFoundError: The store lacks an object, and cannot get it; its path is named.
            IntegrityError: An object is damaged; its path is named.
            StoreError: The disk is full, or a permission is missing.
        """
        if self.conflicts and not overwrite:
            raise ConflictError(
                f"{_enumerate(self.conflicts)} in {self.target} would be lost: changed or made by hand",
                hint="move them away, or overwrite them on purpose",
            )
        self._obtain(progress)
        if progress is not None:
            progress.add_total(len(self.add) + len(self.replace), self.write_bytes)
        existed = self.target.is_dir()
        make_folder(self.target)
        try:
            self._write_and_move(link, overwrite, progress)
        except BaseException:
            if not existed and not any(self.target.iterdir()):
                self.target.rmdir()
            raise
        return CheckoutResult(
            added=len(self.add),
            replaced=len(self.replace),
            removed=len(self.remove),
            kept=len(self.keep),
            written_bytes=self.write_bytes,
        )

    def _obtain(self, progress: Progress | None) -> None:
        """Bring what the store lacks from elsewhere, or say which path cannot be had."""
        missing = self.missing()
        if missing:
            self._store.obtain(missing.values(), progress)
            missing = self.missing()
        for path, digest in missing.items():
            raise NotFoundError(
                f"cannot check out {path}: object {digest[:12]} is not in {self._store.name}",
                hint=BRING_OBJECTS,
            )

    def _write_and_move(self, link: Link, overwrite: bool, progress: Progress | None) -> None:
        entries: Iterable[Entry] = self.add
        if self.replace:
            entries = sorted((*self.add, *self.replace), key=lambda entry: path_key(entry.path))
        with Staging(self.target, self._store, link=link, stat_cache=self._stat_cache) as staging:
            staging.write(entries, progress)
            with Inside(self.target) as inside:
                if not overwrite:
                    self._check_unchanged(inside)
                for path in self.remove:
                    inside.remove(path)
                for path in self._remove_folders:
                    if not inside.remove_folder(path) and path in self._in_way:
                        raise ConflictError(
                            f"the folder {self.target / path} is in the way, and holds what is never removed",
                            hint="move it away",
                        )
                staging.move(self._roots(entries), inside)

    def _check_unchanged(self, inside: Inside) -> None:
        """Check that what will go is still what the plan saw; the time since is that of writing."""
        for path in (*(entry.path for entry in self.replace), *self.remove):
            now, then = inside.status(path), self._tree.files.get(path)
            if now is not None and then is not None and _signature(now) != _signature(then):
                raise ConflictError(
                    f"{self.target / path} was changed during the checkout", hint="run it again"
                )
        seen = self._tree.folders | self._tree.files.keys()
        for entry in self.add:
            parent = entry.path.rpartition("/")[0]
            in_old_folder = not parent or parent in self._tree.folders
            if in_old_folder and entry.path not in seen and inside.status(entry.path) is not None:
                raise ConflictError(
                    f"{self.target / entry.path} appeared during the checkout", hint="run it again"
                )

    def _roots(self, entries: Iterable[Entry]) -> list[str]:
        """Return what to move: entries, or the topmost folder above them that the target lacks."""
        gone = set(self._remove_folders)
        here = {"", *(folder for folder in self._tree.folders if folder not in gone)}
        roots: dict[str, None] = {}
        by_folder: dict[str, str] = {}
        for entry in entries:
            folder = entry.path.rpartition("/")[0]
            root = by_folder.get(folder)
            if root is None:
                root, above = "", folder
                while above not in here:
                    root, above = above, above.rpartition("/")[0]
                by_folder[folder] = root
            roots[root or entry.path] = None
        return list(roots)


def plan_checkout(
    listing: Listing,
    target: Path,
    store: Store,
    *,
    stat_cache: StatCache | None = None,
    extra: Extra = "keep",
    previous: Listing | None = None,
    ignore: Ignore | None = None,
) -> CheckoutPlan:
    """Compare `listing` with what lies in `target`, which may be missing.

    Files of equal size are read where the stat cache does not know them. `previous` is
    what was checked out there last; without it every difference is a conflict. What
    `ignore` leaves out is not an extra file.

    Raises:
        UsageError: The target is a file.
        FormatError: The listing has a path twice.
        ConflictError: A folder of the listing is a link in the target, which might
            lead outside.
        StoreError: The target cannot be read.
    """
    real = Path(os.path.realpath(target))
    if real.exists() and not real.is_dir():
        raise UsageError(f"{target} is a file", hint="choose a folder")
    if len(listing.by_path) != len(listing):
        raise FormatError("a listing has the same path twice")
    planner = _Planner(listing, real, stat_cache, extra, previous, ignore)
    planner.compare()
    return CheckoutPlan(
        target=real,
        add=tuple(planner.add),
        replace=tuple(planner.replace),
        remove=tuple(planner.remove),
        keep=tuple(planner.keep),
        conflicts=tuple(planner.conflicts),
        references=tuple(entry for entry in listing if entry.kind == "ref"),
        _store=store,
        _stat_cache=stat_cache,
        _tree=planner.tree,
        _remove_folders=tuple(planner.remove_folders),
        _in_way=frozenset(planner.in_way),
    )


class _Planner:
    """The state of one comparison."""

    def __init__(
        self,
        listing: Listing,
        target: Path,
        stat_cache: StatCache | None,
        extra: Extra,
        previous: Listing | None,
        ignore: Ignore | None,
    ) -> None:
        self.add: list[Entry] = []
        self.replace: list[Entry] = []
        self.keep: list[Entry] = []
        self.remove: dict[str, None] = {}
        self.conflicts: dict[str, None] = {}
        self.remove_folders: list[str] = []
        self._wanted = listing.by_path
        if any(entry.kind == "ref" for entry in listing):
            self._wanted = {entry.path: entry for entry in listing if entry.kind != "ref"}
        self._folders = _folders_of(self._wanted.values())
        self._target = target
        self._extra = extra
        self._previous = previous.by_path if previous is not None else {}
        # Folders on disk where the listing has a file or a link, and all below them.
        self.in_way: set[str] = set()
        self.tree = read_tree(target, stat_cache=stat_cache, ignore=ignore, enter=self._concerns)

    def compare(self) -> None:
        """Sort every path into what happens to it."""
        if not self.tree.folders:
            self.add = list(self._wanted.values())
            return
        for folder in sorted(self._folders & self.tree.files.keys()):
            self._clear_way(folder)
        for entry in self._wanted.values():
            self._compare(entry)
        if self._extra == "remove":
            for path in self.tree.files:
                if path not in self._wanted:
                    self._take_away(path)
            unwanted = self.tree.folders - self._folders - {""}
            self.remove_folders += sorted(unwanted - set(self.remove_folders))
        # Deepest first, so that each is empty when its turn comes.
        self.remove_folders.sort(key=lambda path: (-path.count("/"), path))

    def _concerns(self, folder: str) -> bool:
        """Whether to look into a folder of the target."""
        wanted = self._wanted.get(folder)
        if (wanted is not None and wanted.kind != "dir") or folder.rpartition("/")[0] in self.in_way:
            self.in_way.add(folder)
            return True
        return self._extra == "remove" or folder in self._folders

    def _clear_way(self, folder: str) -> None:
        """Something that is no folder lies where the listing has a folder."""
        if stat.S_ISLNK(self.tree.files[folder].st_mode) and not self._is_clean(folder):
            raise ConflictError(
                f"{self._target / folder} is a link, and the files below it would be written elsewhere",
                hint="remove the link, or choose another folder",
            )
        self._take_away(folder)

    def _compare(self, entry: Entry) -> None:
        path = entry.path
        if path in self.tree.folders:
            if entry.kind == "dir":
                self.keep.append(entry)
                return
            self._take_folder_away(path)
            self.add.append(entry)
        elif path not in self.tree.files or path in self.remove:
            self.add.append(entry)
        elif self.tree.holds(path, entry) and self.tree.is_executable(path) == entry.executable:
            self.keep.append(entry)
        elif entry.kind == "dir":
            self._take_away(path)
            self.add.append(entry)
        else:
            self.replace.append(entry)
            if not self.tree.holds(path, entry) and not self._is_clean(path):
                self.conflicts[path] = None

    def _take_folder_away(self, folder: str) -> None:
        inside = f"{folder}/"
        for path in self.tree.files:
            if path.startswith(inside):
                self._take_away(path)
        below = [path for path in self.tree.folders if path.startswith(inside)]
        self.remove_folders += [*below, folder]

    def _take_away(self, path: str) -> None:
        self.remove[path] = None
        if not self._is_clean(path):
            self.conflicts[path] = None

    def _is_clean(self, path: str) -> bool:
        """Whether the path holds what the previous listing has there."""
        before = self._previous.get(path)
        return before is not None and self.tree.holds(path, before)


def _folders_of(entries: Iterable[Entry]) -> set[str]:
    folders: set[str] = set()
    for entry in entries:
        folder = entry.path if entry.kind == "dir" else entry.path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino, stat.S_IFMT(status.st_mode)


def _enumerate(paths: tuple[str, ...]) -> str:
    named = ", ".join(paths[:_MAX_NAMED])
    return f"{named} and {len(paths) - _MAX_NAMED} more" if len(paths) > _MAX_NAMED else named
