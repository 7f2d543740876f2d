"""Inventories: what a remote holds and where, as immutable files that are cheap to read.

Each push leaves one; together they are the remote's index. An object lies in ranges of
files: a small one in one range of a pack, a large one in parts. Parts may be shared, so
an object that resembles another is mostly ranges that are there already. A file and
everything in it is named by its content, so two pushes that race write the same bytes.
See docs/formats.md for the form.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from blake3 import blake3

from vcs.digest import Digest
from vcs.errors import FormatError, IntegrityError

if TYPE_CHECKING:
    import msgspec

MAGIC = b"TINV0001"
BLOCK_BYTES = 1 << 20
"""A part is checked in blocks of this size, so that a piece of it can be read and checked alone."""

PACK_FOLDER, PART_FOLDER = "packs/", "parts/"
_PACK_START = 8  # After the magic of a pack.
_DIGEST_BYTES = 32

# Name of the part, offset in it, length.
PartRange: TypeAlias = tuple[bytes, int, int]


@dataclass(frozen=True, slots=True)
class PackEntry:
    """A pack of a remote: small objects end to end.

    Attributes:
        name: The BLAKE3 of its index.
        size: Of the file.
        digests: Of the objects, 32 bytes each, in the order in which they lie.
        sizes: Of the objects, 4 bytes each.
    """

    name: bytes
    size: int
    digests: bytes
    sizes: bytes

    @property
    def key(self) -> str:
        """Where it lies in the bucket."""
        return pack_key(self.name)

    def __len__(self) -> int:
        return len(self.digests) // _DIGEST_BYTES

    def raws(self) -> list[bytes]:
        """Return the digests one by one."""
        return [raw for (raw,) in struct.iter_unpack("32s", self.digests)]

    def lengths(self) -> Sequence[int]:
        """Return the sizes one by one."""
        return [size for (size,) in struct.iter_unpack("<I", self.sizes)]

    def places(self, wanted: set[bytes]) -> list[tuple[int, int, bytes]]:
        """Return offset, size and digest of those objects, in the order in which they lie."""
        lengths = self.lengths()
        starts = accumulate(lengths, initial=_PACK_START)
        return [
            (start, size, raw)
            for start, size, raw in zip(starts, lengths, self.raws(), strict=False)
            if raw in wanted
        ]


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A part of a remote: bytes of large objects.

    Attributes:
        name: The BLAKE3 of its bytes.
        blocks: The BLAKE3 of each MiB, 32 bytes each.
    """

    name: bytes
    size: int
    blocks: bytes

    @property
    def key(self) -> str:
        """Where it lies in the bucket."""
        return part_key(self.name)

    def block(self, number: int) -> bytes:
        """Return the digest of one block."""
        return self.blocks[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]


@dataclass(frozen=True, slots=True)
class LargeEntry:
    """A large object of a remote: its size, and the ranges of parts that it is made of."""

    size: int
    ranges: tuple[PartRange, ...]


@dataclass
class Inventory:
    """What one file says. Parts may be in it without an object: what an interrupted push got done."""

    packs: list[PackEntry] = field(default_factory=list)
    parts: list[PartEntry] = field(default_factory=list)
    large: dict[bytes, LargeEntry] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.packs or self.parts or self.large)

    def add(self, other: Inventory) -> None:
        """Take in another one; what is in both counts once."""
        packs, parts = {pack.name for pack in self.packs}, {part.name for part in self.parts}
        self.packs += [pack for pack in other.packs if pack.name not in packs]
        self.parts += [part for part in other.parts if part.name not in parts]
        self.large |= other.large


class RemoteIndex:
    """All inventories of a remote together. About 100 bytes of memory an object."""

    def __init__(self, inventories: Iterable[Inventory] = ()) -> None:
        self.packs: list[PackEntry] = []
        self.parts: dict[bytes, PartEntry] = {}
        self._packs: set[bytes] = set()
        self._small: dict[bytes, int] = {}
        self._large: dict[bytes, LargeEntry] = {}
        for inventory in inventories:
            self.add(inventory)

    def add(self, inventory: Inventory) -> None:
        """Take in what one more inventory says."""
        for pack in inventory.packs:
            if pack.name not in self._packs:
                self._packs.add(pack.name)
                self._small.update(dict.fromkeys(pack.raws(), len(self.packs)))
                self.packs.append(pack)
        self.parts.update((part.name, part) for part in inventory.parts)
        self._large.update(inventory.large)

    def __contains__(self, raw: bytes) -> bool:
        return raw in self._small or self.large(raw) is not None

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    def digests(self) -> set[Digest]:
        """Return every object."""
        return {Digest(raw.hex()) for raw in (*self._small, *self._large)}

    def pack_of(self, raw: bytes) -> PackEntry | None:
        """Return the pack that has a small object."""
        number = self._small.get(raw)
        return self.packs[number] if number is not None else None

    def large(self, raw: bytes) -> LargeEntry | None:
        """Return where a large object lies; None if a part that it needs is not known."""
        entry = self._large.get(raw)
        if entry is None or any(name not in self.parts for name, _, _ in entry.ranges):
            return None
        return entry

    def larges(self) -> Iterable[tuple[bytes, LargeEntry]]:
        """Yield every large object."""
        return self._large.items()

    def size(self, raw: bytes) -> int | None:
        """Return the size of an object; None if it is not there."""
        entry = self.large(raw)
        if entry is not None:
            return entry.size
        pack = self.pack_of(raw)
        if pack is None:
            return None
        return pack.lengths()[pack.raws().index(raw)]


def pack_key(name: bytes) -> str:
    """Return where a pack lies in the bucket."""
    text = name.hex()
    return f"{PACK_FOLDER}{text[:2]}/{text}.pack"


def part_key(name: bytes) -> str:
    """Return where a part lies in the bucket."""
    text = name.hex()
    return f"{PART_FOLDER}{text[:2]}/{text}"


def block_digests(data: bytes | memoryview) -> bytes:
    """Return the digest of each block of a part, one after the other."""
    view = memoryview(data)
    return b"".join(blake3(view[at : at + BLOCK_BYTES]).digest() for at in range(0, len(view), BLOCK_BYTES))


def encode_inventory(inventory: Inventory) -> bytes:
    """Return the bytes of an inventory file; equal contents give equal bytes."""
    import msgspec

    names = sorted({name for entry in inventory.large.values() for name, _, _ in entry.ranges})
    number = {name: at for at, name in enumerate(names)}
    content = {
        "packs": [
            [pack.name, pack.size, pack.digests, pack.sizes]
            for pack in sorted(inventory.packs, key=lambda pack: pack.name)
        ],
        "parts": [
            [part.name, part.size, part.blocks]
            for part in sorted(inventory.parts, key=lambda part: part.name)
        ],
        "names": b"".join(names),
        "large": [
            [
                raw,
                entry.size,
                [x for name, start, length in entry.ranges for x in (number[name], start, length)],
            ]
            for raw, entry in sorted(inventory.large.items())
        ],
    }
    body = MAGIC + msgspec.msgpack.encode(content)
    return body + blake3(body).digest()


def decode_inventory(data: bytes, name: str) -> Inventory:
    """Read the bytes of an inventory file; nothing in them is believed before the checksum is right.

    Raises:
        IntegrityError: They are cut or damaged.
        FormatError: A newer form, or one that does not add up.
    """
    import msgspec

    body, check = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if len(data) < len(MAGIC) + _DIGEST_BYTES or blake3(body).digest() != check:
        raise IntegrityError(f"the inventory {name[:12]} of the remote is cut or damaged")
    if not body.startswith(MAGIC):
        raise FormatError(
            f"the inventory {name[:12]} is of a form that this version cannot read",
            hint="use a newer version",
        )
    try:
        content = _decoder().decode(memoryview(body)[len(MAGIC) :])
        return _checked(content)
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise FormatError(f"the inventory {name[:12]} of the remote does not add up: {error}") from error


def _decoder() -> msgspec.msgpack.Decoder[_Content]:
    import msgspec

    return msgspec.msgpack.Decoder(_Content)


@dataclass
class _Content:
    """An inventory file as it is written."""

    packs: list[tuple[bytes, int, bytes, bytes]]
    parts: list[tuple[bytes, int, bytes]]
    names: bytes
    large: list[tuple[bytes, int, list[int]]]


def _checked(content: _Content) -> Inventory:
    packs = [PackEntry(*fields) for fields in content.packs]
    for pack in packs:
        if len(pack.sizes) % 4 or len(pack.digests) != len(pack.sizes) * 8:
            raise ValueError("a pack")
        if sum(pack.lengths()) > pack.size - _PACK_START:
            raise ValueError("the sizes of a pack")
        _check_name(pack.name)
    parts = [PartEntry(*fields) for fields in content.parts]
    for part in parts:
        if part.size < 1 or len(part.blocks) != -(-part.size // BLOCK_BYTES) * _DIGEST_BYTES:
            raise ValueError("a part")
        _check_name(part.name)
    if len(content.names) % _DIGEST_BYTES:
        raise ValueError("the names of parts")
    names = [raw for (raw,) in struct.iter_unpack("32s", content.names)]
    large = {}
    for raw, size, flat in content.large:
        _check_name(raw)
        steps = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        ranges = tuple((names[number], start, length) for number, start, length in steps)
        if any(start < 0 or length < 1 for _, start, length in ranges) or sum(r[2] for r in ranges) != size:
            raise ValueError("a large object")
        large[raw] = LargeEntry(size, ranges)
    return Inventory(packs, parts, large)


def _check_name(name: bytes) -> None:
    if len(name) != _DIGEST_BYTES:
        raise ValueError("a name")
