"""Laws of manifests: parse(render(m)) == m, and no damaged text passes for one."""

from __future__ import annotations

from dataclasses import fields
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_yaml_roundtrip import MAPPINGS, TEXT
from vcs.artifacts.edits import same_value
from vcs.artifacts.manifest import Manifest, Origin, decode_listing, lines_of, parse, render
from vcs.clock import iso_time
from vcs.digest import digest_bytes
from vcs.errors import FormatError
from vcs.files.listing import Entry, Listing

NAMES = st.text(ascii_letters + digits + "_-", min_size=1, max_size=20)
PARTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"), min_size=1, max_size=8
)
VERSIONS = st.none() | st.integers(0, 10**6).map(lambda number: f"v{number}")
COUNTS = st.integers(0, 2**61)
ENTRIES = st.builds(
    Entry,
    # A number in front keeps paths apart whatever their case and form.
    path=st.tuples(st.integers(0, 10**9), PARTS).map(lambda pair: f"{pair[0]}x{pair[1]}x"),
    digest=TEXT.map(lambda text: digest_bytes(text.encode())),
    size=COUNTS,
    kind=st.sampled_from(["file", "ref"]),
    executable=st.booleans(),
    target=TEXT,
)
LISTINGS = st.lists(ENTRIES, max_size=5, unique_by=lambda entry: entry.path.partition("x")[0]).map(Listing)
ORIGINS = st.builds(
    Origin,
    run=st.none() | NAMES,
    step=st.none() | COUNTS,
    commit=st.none() | NAMES,
    branch=st.none() | TEXT,
    code_commit=st.none() | NAMES,
    dirty=st.none() | st.booleans(),
)


@st.composite
def manifests(draw: st.DrawFn) -> tuple[Manifest, Listing]:
    """A manifest and the listing that it is of."""
    listing = draw(LISTINGS)
    manifest = Manifest(
        project=draw(NAMES),
        name=draw(NAMES),
        number=draw(st.integers(0, 10**6)),
        type=draw(NAMES | st.sampled_from(["yes", "1.5", "null", "a: b", "'"])),
        digest=listing.digest,
        file_count=listing.file_count,
        size_bytes=min(listing.size_bytes, 2**61),
        created=iso_time(draw(st.integers(0, 4 * 10**9))),
        origin=draw(ORIGINS),
        description=draw(TEXT),
        metadata=draw(MAPPINGS),
        tags=tuple(draw(st.lists(TEXT, max_size=3))),
        parent=draw(VERSIONS),
        source=draw(st.none() | st.just("other/x:v3")),
        was=draw(VERSIONS),
        lines=lines_of(listing),
        more={f"x-{key}": value for key, value in draw(MAPPINGS).items()},
    )
    return manifest, listing


def values(manifest: Manifest) -> list[Any]:
    """All fields, for a comparison in which NaN equals NaN."""
    found = {each.name: getattr(manifest, each.name) for each in fields(manifest)}
    origin = found.pop("origin")
    return [*found.values(), *(getattr(origin, each.name) for each in fields(origin))]


@given(manifests())
def test_what_is_rendered_is_parsed_back(made: tuple[Manifest, Listing]) -> None:
    """Every field and every entry."""
    manifest, listing = made
    again = parse(render(manifest), path="v0.yaml")
    assert same_value(values(again), values(manifest))
    if manifest.lines is not None and listing.size_bytes < 2**61:
        assert decode_listing(again, again.lines or b"") == listing


@given(manifests(), st.data())
def test_a_damaged_manifest_is_refused_or_keeps_its_contents(
    made: tuple[Manifest, Listing], data: st.DataObject
) -> None:
    """A cut is always found; a changed byte never changes the entries unnoticed."""
    text = render(made[0])
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(FormatError):
        parse(text[:cut], path="v0.yaml")
    position = data.draw(st.integers(0, len(text) - 1))
    changed = text[:position] + data.draw(st.characters(exclude_categories=["Cs"])) + text[position + 1 :]
    try:
        again = parse(changed, path="v0.yaml")
    except FormatError:
        return
    assert (again.digest, again.lines) == (made[0].digest, made[0].lines)
