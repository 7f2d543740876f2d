"""All contents read again, what is wrong named by artifact and path, and mended where it can be.

Damage is set aside, never thrown away: bytes that do not have their digest go to
`damaged/` of the store. Then the object is missing instead of wrong, so that it comes
back with the next thing that brings it: a remote, another place in the store, or the
file that it once was, when that is added again.

Order: the damaged bytes have a second name before the store lets go of them.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vcs.artifacts.collection_reader import CollectionReader
from vcs.atomic import disk_error, make_folder, write_atomic
from vcs.digest import Digest, digest_bytes
from vcs.errors import Error, IntegrityError, NotFoundError
from vcs.files.verify import Problem, verify_store
from vcs.stores.local import LocalStore

if TYPE_CHECKING:
    from vcs.progress import Progress

Bring = Callable[[Iterable[Digest]], object]
"""Brings objects into the store from somewhere else; what cannot be had stays missing."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        problem: What, by digest, pack or file.
        names: What it is of: `project/name:v3 path`; empty for what no version has.
    """

    problem: Problem
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        objects: How many objects were read.
        findings: What is wrong with contents and records.
        absent: How many objects versions have that are not here.
    """

    objects: int
    findings: tuple[Finding, ...]
    absent: frozenset[Digest]


@dataclass(frozen=True)
class Repaired:
    """What mending came to.

    Attributes:
        set_aside: How many damaged things lie in `damaged/` now.
        brought: Objects that are whole again.
        lost: Objects that are nowhere to be had.
    """

    set_aside: int
    brought: frozenset[Digest]
    lost: frozenset[Digest]


def verify_everything(
    collections: CollectionReader, store: LocalStore, *, progress: Progress | None = None
) -> Verified:
    """Read every object of the store and every version of the records.

    A failing disk does not end it. Objects that are merely not here are counted, not
    findings: they may be with a remote.
    """
    there = set(store.list())
    names = _names_of(collections)
    findings = [
        Finding(problem, tuple(names.get(problem.what, ())))
        for problem in verify_store(store, there, progress=progress)
        if problem.kind != "missing"  # collected meanwhile
    ]
    for project, name in collections.names():
        for damaged in collections.problems(project, name):
            problem = Problem(str(damaged.path), "damaged", f"{damaged.path}: {damaged.reason}")
            findings.append(Finding(problem, (f"{project}/{name}",)))
    absent = frozenset(Digest(digest) for digest in names if Digest(digest) not in there)
    return Verified(len(there), tuple(findings), store_missing(store, absent))


def store_missing(store: LocalStore, digests: Iterable[Digest]) -> frozenset[Digest]:
    """Return those that are not in the store, looking again."""
    return frozenset(store.missing(digests))


def repair(store: LocalStore, verified: Verified, bring: Bring) -> Repaired:
    """Set damage aside, and bring back what is damaged or missing. Interrupted, it can be repeated.

    Raises:
        StoreError, LockedError: The disk failed; what is not set aside is as it was.
        Error: What `bring` raises; the damage is set aside by then.
    """
    bad = {Digest(one.problem.what) for one in verified.findings if _is_object(one.problem)}
    packs = [one.problem.what for one in verified.findings if one.problem.what.endswith(".pack")]
    whole = {}
    for digest in sorted(bad):
        with suppress(NotFoundError, IntegrityError):
            whole[digest] = store.read_bytes(digest)  # Another copy of it is whole.
        _set_aside(store, digest)
    if bad:
        store.delete(bad)
    for name in packs:
        _move_aside(store, store.packs.folder / name)
    store.refresh(force=True)
    for data in whole.values():
        store.put_bytes(data)
    wanted = {*store.missing({*bad, *verified.absent})}
    if wanted:
        bring(sorted(wanted))
    lost = frozenset(store.missing({*bad, *verified.absent}))
    brought = frozenset(({*bad} | wanted) - lost)
    return Repaired(len(bad) + len(packs), brought, lost)


def damaged_folder(store: LocalStore) -> Path:
    """Return where damage is set aside."""
    return store.objects.parent / "damaged"


def _names_of(collections: CollectionReader) -> dict[str, list[str]]:
    """Digest to `project/name:v3 path` for all contents of all versions that can be read."""
    names: dict[str, list[str]] = {}
    for project, name in collections.names():
        for manifest in collections.versions(project, name):
            if manifest.lines is None:
                names.setdefault(manifest.digest, []).append(f"{manifest.qualified_name} (its listing)")
            with suppress(Error):
                for entry in collections.listing(manifest):
                    if entry.kind == "file":
                        names.setdefault(entry.digest, []).append(f"{manifest.qualified_name} {entry.path}")
    return names


def _is_object(problem: Problem) -> bool:
    return problem.kind in ("damaged", "unreadable") and len(problem.what) == len(digest_bytes(b""))


def _set_aside(store: LocalStore, digest: Digest) -> None:
    """Keep a copy of damaged bytes, or the recipe that leads to them."""
    folder = damaged_folder(store)
    make_folder(folder)
    try:
        for path in (Path(store.loose_path(digest)), Path(store.recipes.path(digest))):
            target = folder / f"{digest}{'.recipe' if path.parent.name == 'recipes' else ''}"
            if path.exists():
                with suppress(FileExistsError):
                    try:
                        os.link(path, target)
                    except PermissionError:
                        shutil.copy2(path, target)
                return
        with suppress(Error), store.open(digest) as stream:
            write_atomic(folder / digest, stream.read())
    except OSError as error:
        # A disk that cannot be read any more keeps its bytes to itself.
        if not isinstance(error, FileNotFoundError) and error.errno != errno.EIO:
            raise disk_error(error, f"cannot set {digest[:12]} aside") from error


def _move_aside(store: LocalStore, path: Path) -> None:
    make_folder(damaged_folder(store))
    try:
        os.rename(path, damaged_folder(store) / path.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error(error, f"cannot set {path} aside") from error
