"""The format of packs, byte by byte, and finding things in them."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from blake3 import blake3

import vcs.stores.packs
from vcs.digest import digest_bytes
from vcs.errors import IntegrityError
from vcs.stores.packs import Pack, PackFolder, PackWriter


def raw(data: bytes) -> bytes:
    """The digest of `data`, as bytes."""
    return blake3(data).digest()


def write_pack(path: Path, contents: list[bytes]) -> Path:
    """A pack of these objects."""
    path.parent.mkdir(exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    writer = PackWriter(fd)
    for data in contents:
        writer.append(raw(data), data)
    writer.finish()
    os.close(fd)
    return path


def test_the_format_is_as_documented(tmp_path: Path) -> None:
    """Written down in docs/formats.md."""
    path = write_pack(tmp_path / "x.pack", [b"hello", b"", b"world!"])
    first, second, third = sorted([b"hello", b"", b"world!"], key=raw)
    offsets = {b"hello": 8, b"": 13, b"world!": 13}
    fan_out = [sum(raw(d)[0] <= byte for d in offsets) for byte in range(256)]
    index = struct.pack("<II256I", 3, 0, *fan_out) + raw(first) + raw(second) + raw(third)
    for data in (first, second, third):
        index += struct.pack("<II", offsets[data], len(data))

    assert path.read_bytes() == (
        b"TPAK0002helloworld!" + index + struct.pack("<Q", len(index)) + blake3(index).digest() + b"TPAKEND1"
    )


@pytest.mark.parametrize("map_from", [0, 1 << 40], ids=["mapped", "read"])
@pytest.mark.parametrize("count", [1, 2, 255, 3000])
def test_every_object_is_found_and_no_other(
    tmp_path: Path, count: int, map_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By search and, after many questions, by set; the index mapped or read."""
    monkeypatch.setattr(vcs.stores.packs, "_MAP_FROM_BYTES", map_from)
    contents = [b"%d" % number for number in range(count)]
    pack = Pack(write_pack(tmp_path / "x.pack", contents))

    for _ in range(2):
        for data in contents:
            assert raw(data) in pack
            assert raw(data + b"!") not in pack
    assert sorted(pack) == sorted(map(raw, contents))
    data_bytes = (tmp_path / "x.pack").read_bytes()
    for data in contents:
        place = pack.place(raw(data))
        assert place is not None
        assert data_bytes[place[0] : sum(place)] == data
    assert pack.place(raw(b"absent")) is None


@pytest.mark.parametrize("same_bytes", [1, 4, 30])
def test_digests_that_are_not_spread_evenly_are_found_too(tmp_path: Path, same_bytes: int) -> None:
    """As nobody has them by chance: many begin alike, and a few do not."""
    alike = [b"\x80" * same_bytes + raw(b"%d" % number)[same_bytes:] for number in range(1000)]
    others = [raw(b"other %d" % number) for number in range(50)]
    fd = os.open(tmp_path / "x.pack", os.O_RDWR | os.O_CREAT)
    writer = PackWriter(fd)
    for digest in (*alike[::2], *others[::2]):
        writer.append(digest, b"")
    writer.finish()
    os.close(fd)
    pack = Pack(tmp_path / "x.pack")

    assert all(digest in pack for digest in (*alike[::2], *others[::2]))
    assert not any(digest in pack for digest in {*alike[1::2], *others[1::2]} - {*alike[::2]})


def test_many_and_long_objects_are_written_whole(tmp_path: Path) -> None:
    """More buffers than one call takes, and more bytes than are held back."""
    contents = [os.urandom(number % 3000) + b"%d" % number for number in range(3000)]
    folder = PackFolder(tmp_path)
    pack = Pack(write_pack(tmp_path / "x.pack", contents))
    for data in contents:
        place = pack.place(raw(data))
        assert place is not None
        assert folder.read(pack.path, *place) == data


def test_a_folder_sees_packs_come_and_go(tmp_path: Path) -> None:
    """Also within one tick of the folder's clock."""
    folder = PackFolder(tmp_path / "packs")
    assert folder.refresh() is False
    for number in range(30):
        write_pack(tmp_path / "packs" / f"{number}.pack", [b"%d" % number])
        assert folder.find(raw(b"%d" % number)) is None
        assert folder.refresh() is True
        assert folder.find(raw(b"%d" % number)) is not None
    (tmp_path / "packs" / "0.pack").unlink()
    assert folder.refresh() is True
    assert folder.find(raw(b"0")) is None
    assert folder.refresh() is False


@pytest.mark.parametrize("count", [3, 2000], ids=["few are searched", "many are compared"])
def test_what_no_pack_has_is_lacking(tmp_path: Path, count: int) -> None:
    """Whichever way is quicker, and with the table that many single questions make."""
    contents = [b"%d" % number for number in range(2000)]
    write_pack(tmp_path / "packs" / "a.pack", contents[:1500])
    write_pack(tmp_path / "packs" / "b.pack", contents[1000:])
    folder = PackFolder(tmp_path / "packs")
    folder.refresh()
    absent = {raw(b"absent %d" % number) for number in range(5)}
    asked = absent | {raw(data) for data in contents[-count:]}

    assert folder.lacking(asked) == absent
    folder.table()
    assert folder.lacking(asked) == absent


@pytest.mark.parametrize("count", [3, 1000], ids=["few are searched", "many are compared"])
def test_places_are_in_the_order_in_which_objects_lie(tmp_path: Path, count: int) -> None:
    """Which is that of writing, not that of digests."""
    contents = [b"%d" % number for number in range(1000)]
    path = write_pack(tmp_path / "x.pack", contents)
    found = list(Pack(path).places({raw(data) for data in [*contents[:count], b"absent"]}))

    assert [digest for _, _, digest in found] == [raw(data) for data in contents[:count]]
    whole = path.read_bytes()
    assert [whole[at : at + size] for at, size, _ in found] == contents[:count]


def test_more_packs_than_descriptors_can_be_read(tmp_path: Path) -> None:
    """Only a few are kept open."""
    for number in range(100):
        write_pack(tmp_path / "packs" / f"{number}.pack", [b"%d" % number])
    folder = PackFolder(tmp_path / "packs")
    folder.refresh()
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(2):
        for number in range(100):
            pack = folder.find(raw(b"%d" % number))
            assert pack is not None
            place = pack.place(raw(b"%d" % number))
            assert place is not None
            assert folder.read(pack.path, *place) == b"%d" % number
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 32


def test_a_pack_of_more_than_4_gib_gets_no_index(tmp_path: Path) -> None:
    """Its offsets have 32 bits; none is written that means another place."""
    fd = os.open(tmp_path / "x.pack", os.O_RDWR | os.O_CREAT)
    writer = PackWriter(fd)
    writer.end = 1 << 32
    writer.append(raw(b"x"), b"x")
    with pytest.raises(ValueError, match="4 GiB"):
        writer.write_index()
    os.close(fd)


def test_a_place_behind_the_objects_is_refused(tmp_path: Path) -> None:
    """The index is whole and lies: its own bytes are no object."""
    path = write_pack(tmp_path / "x.pack", [b"hello"])
    whole = path.read_bytes()
    index = bytearray(whole[13:-48])
    index[-4:] = struct.pack("<I", 999)
    path.write_bytes(
        whole[:13] + index + struct.pack("<Q", len(index)) + blake3(bytes(index)).digest() + b"TPAKEND1"
    )
    with pytest.raises(IntegrityError, match=digest_bytes(b"hello")[:12]):
        Pack(path).place(raw(b"hello"))
