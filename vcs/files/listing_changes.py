"""What differs between two listings, found in their texts: only lines that differ are taken apart."""

from __future__ import annotations

from vcs.files.listing import Listing
from vcs.stores.lines import match_lines


def differing(before: bytes, after: bytes) -> tuple[Listing, Listing]:
    """Return the entries that only the one has, and those that only the other has.

    `before` may come from anywhere: what is taken from it is checked as by `Listing.decode`.

    Raises:
        FormatError: An entry that differs is damaged or hostile.
    """
    if before[:1] != after[:1]:  # Of the two forms of lines each has another: nothing is equal.
        old, new = Listing.decode(before), Listing.decode(after)
        both = set(old) & set(new)
        return Listing(set(old) - both), Listing(set(new) - both)
    added = bytearray()
    pieces = match_lines(after, before, added.extend)
    removed, at = [], 0
    for start, length in sorted(stretch for stretch in pieces.stretches if stretch[0] >= 0):
        removed.append(before[at:start])
        at = max(at, start + length)
    removed.append(before[at:])
    return Listing.decode(b"".join(removed)), Listing.decode(bytes(added))
