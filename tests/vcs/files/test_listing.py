"""The lines of a listing, in both of their forms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vcs.artifacts.manifest import Manifest, decode_listing
from vcs.digest import digest_bytes
from vcs.errors import FormatError
from vcs.files.listing import Entry, Listing, decode_lines, encode_named, encode_short

D = digest_bytes(b"")
KINDS = (
    (Entry("a", D, 5), f'{{"path":"a","digest":"{D}","size":5}}', f'["a","{D}",5]'),
    (
        Entry('b "ü', D, 0, executable=True),
        f'{{"path":"b \\"ü","digest":"{D}","size":0,"executable":true}}',
        f'["b \\"ü","{D}",0,"file",true]',
    ),
    (
        Entry("c", D, 0, kind="dir"),
        f'{{"path":"c","digest":"{D}","size":0,"kind":"dir"}}',
        f'["c","{D}",0,"dir"]',
    ),
    (
        Entry("d", D, 0, kind="link", target="a"),
        f'{{"path":"d","digest":"{D}","size":0,"kind":"link","target":"a"}}',
        f'["d","{D}",0,"link",false,"a"]',
    ),
)
ENTRIES = [entry for entry, _, _ in KINDS]
LONG = Listing(Entry(f"{number:04}", D, 1) for number in range(1001))


def test_lines_are_as_documented() -> None:
    """Written down in docs/formats.md; the digests of artifacts hang on every byte."""
    assert encode_named(ENTRIES).decode() == "".join(f"{named}\n" for _, named, _ in KINDS)
    assert encode_short(ENTRIES).decode() == "".join(f"{short}\n" for _, _, short in KINDS)
    assert decode_lines(encode_named(ENTRIES)) == decode_lines(encode_short(ENTRIES)) == ENTRIES


def test_more_than_a_thousand_entries_do_not_name_their_fields() -> None:
    """So that a line costs less; fewer lie in a manifest, where people read them."""
    assert Listing(LONG.entries[:1000]).encoded == encode_named(LONG.entries[:1000])
    assert LONG.encoded == encode_short(LONG.entries)
    assert Listing.decode(LONG.encoded) == LONG


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        f'["a","{D}"]',
        f'["a","{D}","5"]',
        f'["a","{D}",5,"file",false,"",1]',
        f'["a","{D}",5,"pipe"]',
        f'["../a","{D}",5]',
        f'["a","{D}",-5]',
        '["a","xyz",5]',
        f'["b","{D}",5]\n["b","{D}",5]',
        f'["b","{D}",5]\n{{"path":"c","digest":"{D}","size":5}}',
        f'{{"path":"c","digest":"{D}","size":5}}\n["d","{D}",5]',
    ],
)
def test_damaged_and_hostile_lines_are_refused(line: str) -> None:
    """Too few fields, too many, of the wrong type, unsafe, twice, of both forms."""
    with pytest.raises(FormatError):
        Listing.decode(f"{line}\n".encode())


@pytest.mark.parametrize("named", [True, False])
def test_contents_have_one_digest_only(named: bool) -> None:
    """A listing in the form of another length is none, though its digest be right."""
    entries = LONG.entries if named else LONG.entries[:1000]
    data = encode_named(entries) if named else encode_short(entries)
    manifest = Manifest(
        project="p",
        name="a",
        number=0,
        type="t",
        digest=digest_bytes(data),
        file_count=len(entries),
        size_bytes=len(entries),
        created="2026-11-23T07:30:00.123Z",
    )
    with pytest.raises(FormatError, match="canonical"):
        decode_listing(manifest, data)
    right = replace(manifest, digest=Listing(entries).digest)
    assert decode_listing(right, Listing(entries).encoded).entries == entries


def test_a_plain_file_may_not_spell_its_defaults_out() -> None:
    """Else the same contents would have two digests."""
    data = encode_short(LONG.entries[1:]) + f'["z","{D}",1,"file"]\n'.encode()
    listing = Listing.decode(data)
    assert listing.encoded != data
