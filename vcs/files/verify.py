"""Whether bytes still are what they were: in a folder, and in a store."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blake3 import blake3

from vcs.digest import Digest
from vcs.errors import Error, IntegrityError, NotFoundError
from vcs.files.ignore import Ignore
from vcs.files.listing import Listing
from vcs.files.tree import read_tree
from vcs.progress import Progress
from vcs.stores.base import Store
from vcs.stores.copying import BLOCK_BYTES


@dataclass(frozen=True, order=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        what: A path, a digest, or the name of a pack.
        kind: `missing`; `changed` (other bytes, another kind, or another executable bit);
            `extra` (a file that the listing does not name); `damaged` (an object whose
            bytes do not have its digest); `unreadable` (the disk failed).
        detail: A sentence.
    """

    what: str
    kind: Literal["missing", "changed", "extra", "damaged", "unreadable"]
    detail: str


def verify_tree(
    listing: Listing, folder: Path, *, ignore: Ignore | None = None, progress: Progress | None = None
) -> list[Problem]:
    """Compare every file of a folder with the listing, by its bytes; no cache is trusted.

    References are not looked at. Problems are sorted by path.
    """
    tree = read_tree(Path(os.path.realpath(folder)), ignore=ignore)
    wanted = {entry.path: entry for entry in listing if entry.kind != "ref"}
    problems: list[Problem] = []
    if progress is not None:
        progress.add_total(len(wanted), listing.size_bytes)
    for path, entry in wanted.items():
        problem: Problem | None = None
        try:
            if entry.kind == "dir" and path in tree.folders:
                pass
            elif path not in tree.files and path not in tree.folders:
                problem = Problem(path, "missing", f"{path} is missing")
            elif not tree.holds(path, entry):
                problem = Problem(path, "changed", f"{path} has other content")
            elif tree.is_executable(path) != entry.executable:
                problem = Problem(path, "changed", f"{path} has another executable bit")
        except Error as error:
            problem = Problem(path, "unreadable", error.message)
        if problem is not None:
            problems.append(problem)
        if progress is not None:
            progress.advance(1, entry.size)
    extra = tree.files.keys() - wanted.keys()
    problems += [Problem(path, "extra", f"{path} is not part of it") for path in extra]
    return sorted(problems)


def verify_store(
    store: Store, digests: Iterable[Digest] | None = None, *, progress: Progress | None = None
) -> list[Problem]:
    """Read objects, all of the store by default, and check that each has its digest.

    A failing disk does not end it; what could not be read is among the problems.
    """
    problems: list[Problem] = []
    for digest in sorted(set(store.list() if digests is None else digests)):
        problem, size = _check(store, digest)
        if problem is not None:
            problems.append(problem)
        if progress is not None:
            progress.add_total(1, size)
            progress.advance(1, size)
    problems += [Problem(name, "damaged", why) for name, why in store.damage().items()]
    return sorted(problems)


def _check(store: Store, digest: Digest) -> tuple[Problem | None, int]:
    hasher = blake3()
    size = 0
    try:
        with store.open(digest) as stream:
            while block := stream.read(BLOCK_BYTES):
                hasher.update(block)
                size += len(block)
    except NotFoundError as error:
        return Problem(digest, "missing", error.message), size
    except IntegrityError as error:
        return Problem(digest, "damaged", error.message), size
    except Error as error:
        return Problem(digest, "unreadable", error.message), size
    except OSError as error:
        return Problem(digest, "unreadable", f"object {digest[:12]}: {error.strerror}"), size
    if hasher.hexdigest() != digest:
        return Problem(digest, "damaged", f"object {digest[:12]} in {store.name} is damaged"), size
    return None, size
