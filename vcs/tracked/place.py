"""One tracked path brought from what lies there to a version: plan, then apply.

A three-way merge decides: what the base has and nobody touched follows the version; a
file changed by hand stays where the version leaves it as it was, and is a conflict where
it does not. A file deleted by hand comes back, as that loses nothing, unless that is not
wanted. With force everything becomes as in the version, and what exists nowhere else is
saved first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Literal, TypeAlias

from vcs.atomic import disk_error, make_folder
from vcs.digest import digest_bytes
from vcs.elsewhere import BRING_OBJECTS
from vcs.errors import ConflictError, NotFoundError
from vcs.files.checkout import CheckoutPlan, plan_checkout
from vcs.files.ignore import Ignore
from vcs.files.inside import Inside
from vcs.files.listing import Entry, Listing, path_key
from vcs.files.listing_merge import merge_listings
from vcs.progress import Progress
from vcs.repo import Repo
from vcs.stores.copying import clone_file, copy_and_hash
from vcs.tracked.scan import check_way

HandMade: TypeAlias = Literal["keep", "conflict", "force"]
"""What becomes of files changed by hand that the version leaves as they were: they stay,
without a word (a switch of branches); they are conflicts (the path itself was asked
for); or they, and those in the way, become as in the version."""

_MAX_NAMED = 5
_NOTHING = digest_bytes(b"")


@dataclass(frozen=True)
class Content:
    """What lies at a path, lay there, or is to.

    Attributes:
        listing: Of a file, its only entry has the name that the path has.
        single: Whether it is a file.
    """

    listing: Listing
    single: bool


@dataclass(frozen=True)
class Placing:
    """What bringing one path to a version would do. Nothing has been changed yet.

    Attributes:
        path: Relative to the working tree.
        kept: Files changed, added or deleted by hand that stay so.
        conflicts: Files changed by hand that are in the way; it cannot be applied.
        saves: Files changed by hand that are saved, then overwritten or removed.
        moves: Whether the target is another version than the one put there last.
    """

    path: str
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    saves: tuple[str, ...] = ()
    moves: bool = False
    _where: Path = field(default=Path(), repr=False)
    _plan: CheckoutPlan | None = field(default=None, repr=False)
    _goes: bool = field(default=False, repr=False)
    _single: bool = field(default=False, repr=False)

    @property
    def add(self) -> tuple[str, ...]:
        """Files that would be written where nothing is."""
        return tuple(entry.path for entry in self._plan.add) if self._plan is not None else ()

    @property
    def replace(self) -> tuple[str, ...]:
        """Files that would be written over others."""
        return tuple(entry.path for entry in self._plan.replace) if self._plan is not None else ()

    @property
    def remove(self) -> tuple[str, ...]:
        """Files that would be removed."""
        if self._goes and self._single:
            return (self._where.name,)
        return self._plan.remove if self._plan is not None else ()

    @property
    def write_bytes(self) -> int:
        """The size of what would be written."""
        return self._plan.write_bytes if self._plan is not None else 0

    @property
    def changes_nothing(self) -> bool:
        """Whether the path is as it should be, but for what is kept or in conflict."""
        if self._goes:
            return False
        return self._plan is None or self._plan.changes_nothing

    @property
    def problem(self) -> ConflictError | None:
        """The error for files changed by hand that are in the way."""
        if not self.conflicts:
            return None
        path = quote(self.path)
        force = " --force" if self.moves else ""
        return ConflictError(
            f"changed by hand, and would be lost: {enumerate_paths(self.conflicts)} in {self.path}",
            hint=f"tracker commit{force} {path} makes a version of what is there; "
            f"tracker checkout --force {path} overwrites it, keeping a copy",
        )

    def apply(self, save_to: Path, progress: Progress | None = None) -> None:
        """Do it: save first, then write everything beside its place, then move.

        `save_to` is where a copy of the path would lie: a file, or a folder with some of its files.

        A failure before the moves changes nothing; after a kill in between, plan again.

        Raises:
            ConflictError: There are conflicts, or something changed since the plan was made.
            NotFoundError, IntegrityError: The store lacks an object, or has it damaged.
            StoreError: The disk is full, or a permission is missing.
        """
        if self.problem is not None:
            raise self.problem
        if self._single:
            _save(self._where.parent, self.saves, save_to.parent)
        else:
            _save(self._where, self.saves, save_to)
        if self._goes and self._single:
            with Inside(self._where.parent) as inside:
                inside.remove(self._where.name)
        elif self._plan is not None:
            self._plan.apply(overwrite=False, progress=progress)
        if self._goes:
            _remove_empty(self._where)


def plan_placing(
    repo: Repo,
    path: str,
    target: Content | None,
    here: Content | None,
    base: Content | None,
    *,
    hand_made: HandMade = "keep",
    restore: bool = True,
) -> Placing:
    """Compare, and plan. Without a target, what was put there goes as far as nobody changed it.

    Without a base every difference was made by hand. `restore` brings back what was
    deleted by hand although the target has not changed it.

    Raises:
        NotFoundError: The store lacks an object; its path is named.
        ConflictError, StoreError: See `vcs.files.checkout.plan_checkout`.
    """
    where = repo.layout.worktree / path
    check_way(repo.layout.worktree, path)
    alike = base is not None and here is not None and base.single == here.single
    before = base.listing if base is not None and alike else Listing()
    if target is None:
        return _plan_removal(repo, path, where, here, before)
    if here is None:
        decided = _Decision(target.listing)
    elif here.single == target.single:
        decided = _decide(before, here.listing, target.listing, hand_made, restore=restore)
    else:
        own = _hand_made(here.listing, before, Listing())
        force = hand_made == "force"
        decided = _Decision(target.listing, conflicts=() if force else own, saves=own if force else ())
    single = here.single if here is not None else target.single
    moves = base is None or (base.listing, base.single) != (target.listing, target.single)
    placing = Placing(
        path, decided.kept, decided.conflicts, decided.saves, moves=moves, _where=where, _single=single
    )
    if decided.conflicts:
        return placing
    plan = _plan(repo, where, Content(decided.final, target.single), here)
    if plan.conflicts:  # Left out by .trackerignore, in a folder that a file is to replace; or made just now.
        return replace(placing, conflicts=plan.conflicts)
    missing = plan.missing()
    obtainable = repo.store.obtainable(missing.values()) if missing else set()
    for name, digest in missing.items():
        if digest in obtainable:
            continue
        raise NotFoundError(
            f"{path} cannot be brought here: the object {digest[:12]} of {name} is not in {repo.store.name}",
            hint=BRING_OBJECTS,
        )
    return replace(placing, _plan=plan)


def enumerate_paths(paths: tuple[str, ...]) -> str:
    """Return the first five as one phrase."""
    named = ", ".join(paths[:_MAX_NAMED])
    return f"{named} and {len(paths) - _MAX_NAMED} more" if len(paths) > _MAX_NAMED else named


@dataclass(frozen=True)
class _Decision:
    """What a path is to hold in the end, and what becomes of changes by hand."""

    final: Listing
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    saves: tuple[str, ...] = ()


def _decide(
    before: Listing, here: Listing, target: Listing, hand_made: HandMade, *, restore: bool
) -> _Decision:
    if hand_made == "force":
        return _Decision(target, saves=_hand_made(here, before, target))
    was, wanted = before.by_path, target.by_path
    ours = here
    if restore:
        gone = [entry for entry in before if entry.path not in here.by_path]
        ours = Listing([*here, *gone]) if gone else here
    merged = merge_listings(before, ours, target)
    # What was deleted by hand, and empty folders, can be brought back; they are in nobody's way.
    blocking = {
        conflict.path
        for conflict in merged.conflicts
        if conflict.ours is not None and conflict.ours.kind != "dir" and conflict.path in here.by_path
    }
    final = merged.listing
    yielding = {conflict.path for conflict in merged.conflicts} - blocking
    if yielding and not blocking:
        rest = [entry for entry in final if entry.path not in yielding]
        final = Listing([*rest, *(wanted[path] for path in yielding if path in wanted)])
    kept = {
        path for path in final.by_path.keys() | wanted.keys() if final.by_path.get(path) != wanted.get(path)
    }
    if hand_made == "conflict":
        blocking |= {path for path in kept if path in here.by_path and path in was}
    return _Decision(final, kept=_ordered(kept - blocking), conflicts=_ordered(blocking))


def _hand_made(here: Listing, before: Listing, target: Listing) -> tuple[str, ...]:
    """Return the files that neither the base nor the target has as they are here."""
    was, wanted = before.by_path, target.by_path
    return tuple(
        entry.path
        for entry in here
        if entry.kind != "dir" and entry not in (was.get(entry.path), wanted.get(entry.path))
    )


def _plan(repo: Repo, where: Path, final: Content, here: Content | None) -> CheckoutPlan:
    """Plan from what lies here, all of which is accounted for, to what is to lie here."""
    if not final.single and (here is None or not here.single):
        return plan_checkout(
            final.listing,
            where,
            repo.store,
            stat_cache=repo.stat_cache,
            extra="remove",
            previous=here.listing if here is not None else None,
            ignore=Ignore.load(where, top=repo.layout.worktree),
        )
    # Seen from the folder around it, a file can take the place of a folder and the other way round.
    return plan_checkout(
        _around(final, where.name),
        where.parent,
        repo.store,
        stat_cache=repo.stat_cache,
        previous=_around(here, where.name) if here is not None else None,
    )


def _around(content: Content, name: str) -> Listing:
    """Return the listing of the folder around a path, of which nothing else is known."""
    if content.single:
        return content.listing
    if not len(content.listing):
        return Listing([Entry(name, _NOTHING, 0, "dir")])
    return Listing(
        Entry(f"{name}/{entry.path}", entry.digest, entry.size, entry.kind, entry.executable, entry.target)
        for entry in content.listing
    )


def _plan_removal(repo: Repo, path: str, where: Path, here: Content | None, before: Listing) -> Placing:
    """Plan to take away what was put there; what was made by hand stays."""
    if here is None:
        return Placing(path, _where=where)
    own = _hand_made(here.listing, before, Listing())
    if here.single:
        return Placing(path, kept=own, _where=where, _goes=not own, _single=True)
    stays = Listing(entry for entry in here.listing if entry.path in set(own))
    plan = _plan(repo, where, Content(stays, False), here)
    return Placing(path, kept=own, _where=where, _plan=plan, _goes=not plan.changes_nothing or not own)


def _save(folder: Path, names: Iterable[str], save_to: Path) -> None:
    """Keep a copy of files; where that can be, a second name for the same bytes."""
    for name in names:
        source, target = folder / name, save_to / name
        make_folder(target.parent)
        try:
            if source.is_symlink():
                os.symlink(os.readlink(source), target)
                continue
            with suppress(OSError):
                os.link(source, target)
                continue
            _copy(source, target)
        except OSError as error:
            raise disk_error(error, f"cannot keep a copy of {source} as {target}") from error


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        if not clone_file(reader.fileno(), writer.fileno()):
            copy_and_hash(reader.fileno(), writer.fileno(), os.fstat(reader.fileno()).st_size, alone=True)
        os.fsync(writer.fileno())


def _remove_empty(folder: Path) -> None:
    """Remove a folder if it is empty now, and those above it that this leaves empty, as git does."""
    with suppress(OSError):
        while True:
            if folder.is_dir():
                folder.rmdir()
            folder = folder.parent


def _ordered(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths, key=path_key))
