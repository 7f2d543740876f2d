"""Three-way merge of listings, path by path.

What one side changed is taken; what both changed alike is taken once; what both changed
differently is a conflict, and so are a file and a folder of one name, and two names that
are one on some file systems. The executable bit is merged apart from the content.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vcs.files.listing import Entry, Listing, path_key

Side: TypeAlias = Literal["ours", "theirs"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path that cannot be merged.

    Attributes:
        base, ours, theirs: What each has there; None is nothing.
    """

    path: str
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None

    def __str__(self) -> str:
        """`a.txt (changed on both sides)`."""
        if self.ours is None or self.theirs is None:
            if self.base is None:
                return f"{self.path} (clashes with a name on the other side)"
            who = "theirs" if self.theirs is None else "ours"
            return f"{self.path} (removed in {who}, changed in the other)"
        what = "added" if self.base is None else "changed"
        return f"{self.path} ({what} on both sides)"


@dataclass(frozen=True)
class MergedListing:
    """What a merge came to.

    Attributes:
        listing: Everything that could be merged; at a path in conflict it has what ours has.
        conflicts: Sorted by path; empty if all is well.
    """

    listing: Listing
    conflicts: tuple[Conflict, ...]


def merge_listings(
    base: Listing, ours: Listing, theirs: Listing, *, prefer: Side | None = None
) -> MergedListing:
    """Merge what two sides made of a base. With `prefer`, that side wins where both changed a path.

    Swapping the sides gives the same listing and conflicts, as long as nothing is preferred.
    """
    was, mine, other = base.by_path, ours.by_path, theirs.by_path
    merged: dict[str, Entry] = {}
    conflicts: dict[str, Conflict] = {}
    for path in {**mine, **other}:
        before, left, right = was.get(path), mine.get(path), other.get(path)
        agreed, entry = _merge(before, left, right)
        if not agreed:
            entry = right if prefer == "theirs" else left
            if prefer is None:
                conflicts[path] = Conflict(path, before, left, right)
        if entry is not None:
            merged[path] = entry
    _drop_full_folders(merged)
    preferred = other if prefer == "theirs" else mine
    for path in _clashes(merged.keys() | conflicts.keys()):
        if path not in preferred:
            merged.pop(path, None)
        if prefer is None:
            conflicts[path] = Conflict(path, was.get(path), mine.get(path), other.get(path))
    return MergedListing(
        Listing(merged.values()),
        tuple(conflicts[path] for path in sorted(conflicts, key=path_key)),
    )


def _merge(before: Entry | None, left: Entry | None, right: Entry | None) -> tuple[bool, Entry | None]:
    """Return whether the sides can be merged, and what comes out."""
    if left == right or right == before:
        return True, left
    if left == before:
        return True, right
    if left is None or right is None or left.kind != "file" or right.kind != "file":
        return False, None
    bits, contents = (left.executable, right.executable), (_content(left), _content(right))
    if before is None or before.kind != "file":
        return False, None
    bit = bits[0] if bits[0] == bits[1] or bits[1] == before.executable else bits[1]
    if contents[0] == contents[1] or contents[1] == _content(before):
        chosen = left
    elif contents[0] == _content(before):
        chosen = right
    else:
        return False, None
    return True, Entry(chosen.path, chosen.digest, chosen.size, executable=bit)


def _content(entry: Entry) -> tuple[str, int]:
    return entry.digest, entry.size


def _drop_full_folders(merged: dict[str, Entry]) -> None:
    """Take out the entries of empty folders that are not empty any more."""
    folders = folders_of(merged)
    for path in [path for path, entry in merged.items() if entry.kind == "dir" and path in folders]:
        del merged[path]


def _clashes(merged: Collection[str]) -> set[str]:
    """Return the paths that cannot lie in one folder with another."""
    folders = folders_of(merged)
    clashing = {path for path in merged if path in folders}
    if clashing:
        below = tuple(f"{path}/" for path in clashing)
        clashing |= {path for path in merged if path.startswith(below)}
    by_name: dict[str, str] = {}
    for path in merged:
        first = by_name.setdefault(_folded(path), path)
        if first != path:
            clashing |= {first, path}
    return clashing


def folders_of(paths: Iterable[str]) -> set[str]:
    """Return every folder above one of the paths."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _folded(path: str) -> str:
    """What two paths have in common if some file system takes them for one; as in `vcs.paths`."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
