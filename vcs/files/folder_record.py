"""What was seen of a folder when it was walked last, and which digests its files had then.

The rows of a folder are kept as they were encoded, in the order in which the system named
them. A walk encodes what it sees in the same way, so a folder in which nothing changed is
known by one comparison of bytes, and its rows are not even decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
from blake3 import blake3

# Name, size, mtime_ns, ctime_ns, inode and mode of what is no folder.
Row: TypeAlias = tuple[str, int, int, int, int, int]
# Size, mtime_ns, ctime_ns, inode and digest of a file.
Known: TypeAlias = tuple[int, int, int, int, bytes]

DIGEST_BYTES = 32
NO_DIGEST = bytes(DIGEST_BYTES)
"""Stands for the digest of what is no file of an artifact: a link, or what is left out."""
NOWHERE = "/"
"""The prefix of a record that no walk has made."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[Row], list[str]]).decode


class FolderRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A folder as it was.

    Attributes:
        seen: Its rows and the names of its folders; see `encode_seen`. A file that was too
            young to be trusted has a row that no file can have.
        raws: The digest of each row, end to end.
        prefix: Its path in the artifact when its names were checked, with a slash at the end.
        packs: Packs of a store that have all its objects but those `elsewhere`, if they are there.
        elsewhere: Digests, end to end.
        collides: Whether two names are one on some file system.
        plain: Whether every row is a file of the artifact.
    """

    seen: bytes
    raws: bytes
    prefix: str = NOWHERE
    packs: tuple[str, ...] = ()
    elsewhere: bytes = b""
    collides: bool = False
    plain: bool = True

    @property
    def mark(self) -> bytes:
        """What two records have in common if they make the same lines of a listing."""
        hasher = blake3(self.seen)
        hasher.update(self.raws)
        return hasher.digest()

    def rows(self) -> tuple[list[Row], list[str]]:
        """Return the rows and the names of the folders.

        Raises:
            msgspec.MsgspecError: They are damaged.
        """
        return _decode(self.seen)


def encode_seen(rows: Sequence[Row], folders: Sequence[str]) -> bytes | None:
    """Return what stands for rows and folders in just this order; None if a name or a time has no form."""
    try:
        return _encode((rows, folders))
    except (UnicodeEncodeError, OverflowError):
        return None


def record_of(known: Mapping[str, Known]) -> FolderRecord:
    """Return a record that knows some files, and from which no walk takes a folder for unchanged."""
    rows = [(name, *one[:4], 0) for name, one in known.items()]
    raws = b"".join([one[4] for one in known.values()])
    return FolderRecord(encode_seen(rows, ()) or b"", raws, elsewhere=raws)


def untrusted(name: str) -> Row:
    """Return the row of a file that has to be read again: no file has such a mode."""
    return (name, 0, 0, 0, 0, 0)


def split(raws: bytes) -> list[bytes]:
    """Return the digests one by one."""
    return [raws[at : at + DIGEST_BYTES] for at in range(0, len(raws), DIGEST_BYTES)]
