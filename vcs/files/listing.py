"""What an artifact contains: entries, sorted by path, and their canonical bytes.

The canonical form is one line of compact JSON an entry, sorted by the UTF-8 bytes of
the path, fields in a fixed order, defaults left out: objects with named fields, which
people read in manifests, or, of more than 1,000 entries, arrays. Its BLAKE3 is the digest
of the artifact, so equal contents have equal digests wherever they were added.
Paths are hostile until they passed `vcs.paths.check_entry_path`; `Listing.decode`
lets every path pass through it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Literal

import msgspec

from vcs.digest import Digest, digest_bytes, parse_digest
from vcs.errors import FormatError, NotFoundError
from vcs.paths import check_entry_path, check_no_collisions

Kind = Literal["file", "link", "dir", "ref"]

MAX_NAMED = 1000
"""Up to so many entries the lines of a listing name their fields."""
# Entries that are encoded at once: bounds what that takes in memory.
_AT_ONCE = 4096


class Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One path of an artifact.

    Attributes:
        path: Relative, with `/`, without `..`; unique in its listing.
        digest: Of the bytes; of the target's text for a link; of nothing (the
            digest of zero bytes) for an empty directory; for a reference, what
            identifies its content as far as that is known.
        size: In bytes; 0 for links and directories.
        kind: file, link (symbolic), dir (an empty directory) or ref (a URI).
        executable: Whether the owner may execute the file.
        target: What a link points to, or the URI of a reference.
    """

    path: str
    digest: str
    size: int
    kind: Kind = "file"
    executable: bool = False
    target: str = ""


class _Named(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """An entry whose line names its fields."""

    path: str
    digest: str
    size: int
    kind: Kind = "file"
    executable: bool = False
    target: str = ""


_path_of = attrgetter("path")
_fields_of = attrgetter(*Entry.__struct_fields__)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)
_named_decoder = msgspec.json.Decoder(_Named)


def path_key(path: str) -> bytes:
    """The order of paths in a listing: by their UTF-8 bytes."""
    return path.encode()


def encode_named(entries: Iterable[Entry]) -> bytes:
    """Return lines that name their fields, in the order in which the entries come."""
    return _encoder.encode_lines([_Named(*_fields_of(entry)) for entry in entries])


def encode_short(entries: Sequence[Entry]) -> bytes:
    """Return lines that are arrays, in the order in which the entries come."""
    return b"".join(
        _encoder.encode_lines([_short(entry) for entry in entries[at : at + _AT_ONCE]])
        for at in range(0, len(entries), _AT_ONCE)
    )


def _short(entry: Entry) -> tuple[object, ...]:
    """Return the fields without those at the end that have their default."""
    if entry.target:
        return (entry.path, entry.digest, entry.size, entry.kind, entry.executable, entry.target)
    if entry.executable:
        return (entry.path, entry.digest, entry.size, entry.kind, True)
    if entry.kind != "file":
        return (entry.path, entry.digest, entry.size, entry.kind)
    return (entry.path, entry.digest, entry.size)


def decode_lines(data: bytes) -> list[Entry]:
    """Read lines of either form, all of one; paths and digests are not looked at.

    Raises:
        msgspec.MsgspecError: They are damaged.
    """
    if data.startswith(b"{"):
        return [Entry(*_fields_of(named)) for named in _named_decoder.decode_lines(data)]
    return _decoder.decode_lines(data)


class Listing:
    """An immutable, sorted sequence of entries with unique paths.

    Made from entries or from their text; the other is made when it is asked for, so that
    what only passes through need not be taken apart.

    Attributes:
        kept_at: The place of the store into which this process has put all of it; None if
            that is not known. While the process lives, garbage collection leaves it there.
    """

    __slots__ = ("__dict__", "kept_at")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Sort the entries; the caller has checked that the paths are unique and safe."""
        self.kept_at: str | None = None
        # In the order of code points, which is that of their UTF-8 bytes.
        self.__dict__["entries"] = tuple(sorted(entries, key=_path_of))

    @classmethod
    def of_text(
        cls,
        encoded: Callable[[], bytes],
        *,
        count: int,
        file_count: int,
        size_bytes: int,
        digest: Digest | None = None,
    ) -> Listing:
        """Build a listing whose canonical bytes `encoded` returns, from what is known of it.

        The caller has made these bytes, or checked them; nothing is looked at again.
        """
        listing = cls.__new__(cls)
        listing.kept_at = None
        known = {"_encode": encoded, "_count": count, "file_count": file_count, "size_bytes": size_bytes}
        listing.__dict__.update(known if digest is None else {**known, "digest": digest})
        return listing

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        count: int = self.__dict__.get("_count", -1)
        return count if count >= 0 else len(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listing) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The entries, sorted by the bytes of their paths."""
        return tuple(decode_lines(self.encoded))

    @cached_property
    def encoded(self) -> bytes:
        """The canonical bytes."""
        make: Callable[[], bytes] | None = self.__dict__.get("_encode")
        if make is not None:
            return make()
        return encode_named(self.entries) if len(self.entries) <= MAX_NAMED else encode_short(self.entries)

    @cached_property
    def digest(self) -> Digest:
        """The digest of the artifact that has these entries."""
        return digest_bytes(self.encoded)

    def forget_encoded(self) -> None:
        """Let go of the canonical bytes, which are a quarter of it in memory and can be made again."""
        self.__dict__.pop("encoded", None)

    @cached_property
    def size_bytes(self) -> int:
        """The sum of the sizes of all entries."""
        return sum(entry.size for entry in self.entries)

    @cached_property
    def file_count(self) -> int:
        """The number of entries that are files or references."""
        return sum(entry.kind in ("file", "ref") for entry in self.entries)

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """The entries by path."""
        return {entry.path: entry for entry in self.entries}

    def get(self, path: str) -> Entry:
        """Return the entry at `path`.

        Raises:
            NotFoundError: There is none.
        """
        try:
            return self.by_path[path]
        except KeyError:
            raise NotFoundError(f"no path {path!r} in this artifact") from None

    def under(self, folder: str) -> tuple[Entry, ...]:
        """Return the entries below `folder`, in order; all of them for the empty string."""
        if not folder:
            return self.entries
        low = f"{folder.rstrip('/')}/".encode()
        keys = self.entries
        start = bisect_left(keys, low, key=lambda e: path_key(e.path))
        end = bisect_left(keys, low[:-1] + b"0", lo=start, key=lambda e: path_key(e.path))
        return keys[start:end]

    @classmethod
    def decode(cls, data: bytes) -> Listing:
        """Read canonical bytes back, trusting nothing in them.

        Raises:
            FormatError: Not canonical entries, an unsafe path, a path twice, or two
                paths that are one on a case-insensitive file system.
        """
        try:
            entries = decode_lines(data)
        except msgspec.MsgspecError as error:
            raise FormatError(f"damaged listing: {error}") from error
        return cls.checked(entries)

    @classmethod
    def checked(cls, entries: Iterable[Entry]) -> Listing:
        """Build a listing from entries that came from outside.

        Raises:
            FormatError: As for `decode`.
        """
        listing = cls(entries)
        for entry in listing.entries:
            check_entry_path(entry.path)
            parse_digest(entry.digest)
            if entry.size < 0:
                raise FormatError(f"negative size of {entry.path!r}")
        check_no_collisions(entry.path for entry in listing.entries)
        return listing
