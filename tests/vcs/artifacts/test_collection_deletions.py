"""Deleted versions, and links between collections."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vcs.artifacts.collecting import latest, log
from tests.vcs.versioning import layout_in, listing_of
from vcs.artifacts.collection import Collections
from vcs.errors import NotFoundError, UsageError


def test_a_deleted_number_never_comes_back(collections: Collections) -> None:
    """Also for the same content."""
    log(collections, "A")
    newest = log(collections, "B")
    collections.delete(newest, delete_aliases=True)
    assert log(collections, "B").version == "v2"
    with pytest.raises(NotFoundError, match="v1 was deleted on "):
        collections.resolve("x:v1", project="P")


def test_a_version_with_aliases_is_not_deleted_unasked(collections: Collections) -> None:
    """They are named."""
    manifest = log(collections, "A", aliases=["best"])
    with pytest.raises(UsageError, match="best, latest"):
        collections.delete(manifest)
    assert latest(collections) == "v0"


def test_latest_goes_back_to_what_it_named_before(collections: Collections) -> None:
    """Other aliases of a deleted version are gone."""
    for text in "ABC":
        log(collections, text, aliases=["best"])
    log(collections, "B")  # latest is v1, before that v2
    moved = collections.delete(collections.resolve("x:v1", project="P"), delete_aliases=True)
    assert [(move.alias, move.version) for move in moved] == [("latest", "v2")]
    collections.delete(collections.resolve("x:v2", project="P"), delete_aliases=True)
    assert collections.aliases("P", "x") == {"latest": "v0"}


def test_the_last_version_can_be_deleted(collections: Collections) -> None:
    """The collection is then no longer listed."""
    manifest = log(collections, "A")
    collections.delete(manifest, delete_aliases=True)
    assert collections.versions("P", "x") == []
    assert collections.names() == []
    assert collections.aliases("P", "x") == {}
    with pytest.raises(NotFoundError, match="deleted already"):
        collections.delete(manifest)


def test_a_deleted_version_cannot_be_edited(collections: Collections) -> None:
    """An edit would be lost."""
    manifest = log(collections, "A")
    collections.delete(manifest, delete_aliases=True)
    with pytest.raises(NotFoundError):
        collections.edit(manifest, description="x")


def test_a_deletion_that_stopped_half_way_is_a_deletion(collections: Collections, tmp_path: Path) -> None:
    """The manifest came back (killed before the unlink, or a pull): the edit log decides."""
    layout = layout_in(tmp_path)
    log(collections, "A")
    manifest = log(collections, "B")
    text = layout.manifest("P", "x", 1).read_text()
    collections.delete(manifest, delete_aliases=True)
    layout.manifest("P", "x", 1).write_text(text)
    assert [version.version for version in collections.versions("P", "x")] == ["v0"]
    with pytest.raises(NotFoundError):
        collections.resolve("x:v1", project="P")
    assert log(collections, "B").version == "v2"


def test_a_link_is_a_version_of_the_target_with_the_same_contents(collections: Collections) -> None:
    """With numbers of its own, and it says where it came from."""
    collections.log("registry", "production", "model", listing_of("Z"))
    source = log(collections, "A", description="one", metadata={"a": 1})
    linked = collections.link(source, "registry", "production", ["prod"], run="r")
    assert linked.manifest.qualified_name == "registry/production:v1"
    assert linked.manifest.source == "P/x:v0"
    assert linked.manifest.digest == source.digest
    assert collections.listing(linked.manifest) == listing_of("A")
    assert collections.aliases("registry", "production") == {"prod": "v1", "latest": "v1"}
    assert collections.alias_log("registry", "production")[-1].run == "r"


def test_linking_twice_finds_the_link_and_linking_a_link_links_its_source(collections: Collections) -> None:
    """So links never form chains."""
    source = log(collections, "A")
    first = collections.link(source, "registry", "m")
    assert collections.link(source, "registry", "m").new is False
    second = collections.link(first.manifest, "other", "m")
    assert second.manifest.source == "P/x:v0"
    with pytest.raises(UsageError, match="is in P/x already"):
        collections.link(first.manifest, "P", "x")


def test_editing_a_link_edits_its_source(collections: Collections, tmp_path: Path) -> None:
    """And both show it; the ledger is told of the source's file."""
    source = log(collections, "A")
    link = collections.link(source, "registry", "m").manifest
    collections.edit(link, description="both")
    assert collections.effective(source).description == "both"
    assert collections.effective(link).description == "both"
    assert layout_in(tmp_path).edits("P", "x") in collections.paths_of(link)


def test_a_link_ends_the_lifetime_of_its_source(collections: Collections) -> None:
    """What is linked is meant to stay."""
    source = log(collections, "A")
    collections.edit(source, ttl_s=60)
    assert collections.link(source, "registry", "m").changed == ("ttl_s",)
    assert collections.effective(source).ttl_s is None


def test_a_link_survives_its_source_and_the_source_its_link(collections: Collections) -> None:
    """Deleting one leaves the other."""
    source = log(collections, "A", description="one")
    collections.edit(source, description="two")
    link = collections.link(source, "registry", "m").manifest
    other = collections.link(source, "registry", "n").manifest
    collections.delete(other, delete_aliases=True)
    assert collections.resolve("x", project="P") == source
    collections.delete(source, delete_aliases=True)
    assert collections.effective(link).description == "two"
    assert collections.edit(link, description="three").description == "three"


def test_a_link_needs_the_type_of_its_target(collections: Collections) -> None:
    """As logging does."""
    collections.log("registry", "m", "dataset", listing_of("Z"))
    with pytest.raises(UsageError, match="'dataset'"):
        collections.link(log(collections, "A"), "registry", "m")


def test_a_link_to_something_else_by_now_stands_for_itself(collections: Collections, tmp_path: Path) -> None:
    """Hostile, or renumbered by a merge: an edit must not hit a stranger."""
    stranger = log(collections, "B")
    link = collections.link(stranger, "registry", "m").manifest
    path = layout_in(tmp_path).manifest("P", "x", 0)
    other = collections.log("Q", "x", "model", listing_of("C")).manifest
    text = layout_in(tmp_path).manifest("Q", "x", other.number).read_text()
    path.write_text(text.replace("project: Q", "project: P"))
    collections.edit(link, description="mine")
    assert collections.effective(collections.resolve("x:v0", project="P")).description == ""
    assert collections.effective(link).description == "mine"
