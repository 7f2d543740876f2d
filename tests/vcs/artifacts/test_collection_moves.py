"""Aliases that move, and edits."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.vcs.artifacts.collecting import files_of, log
from tests.vcs.versioning import layout_in
from vcs.artifacts.collection import Collections
from vcs.errors import NotFoundError, UsageError


def test_an_alias_can_be_moved_and_removed(collections: Collections) -> None:
    """By hand, without logging anything; a move that is none is None."""
    log(collections, "A")
    log(collections, "B")
    move = collections.move_alias("P", "x", "best", "v0", run="r")
    assert move is not None
    assert (move.alias, move.version, move.previous, move.run) == ("best", "v0", None, "r")
    assert collections.move_alias("P", "x", "best", "v0") is None
    removed = collections.remove_alias("P", "x", "best")
    assert removed is not None
    assert removed.previous == "v0"
    assert collections.remove_alias("P", "x", "best") is None
    assert collections.aliases("P", "x") == {"latest": "v1"}


def test_an_alias_can_be_moved_to_what_another_names(collections: Collections) -> None:
    """It then names that version, not the alias."""
    log(collections, "A", aliases=["best"])
    log(collections, "B")
    collections.move_alias("P", "x", "prod", "best")
    log(collections, "C", aliases=["best"])
    assert collections.aliases("P", "x")["prod"] == "v0"


@pytest.mark.parametrize(("alias", "version"), [("best", "v7"), ("best", "nope")])
def test_an_alias_cannot_name_what_is_not_there(collections: Collections, alias: str, version: str) -> None:
    """Nothing is written."""
    log(collections, "A")
    with pytest.raises(NotFoundError):
        collections.move_alias("P", "x", alias, version)
    assert collections.aliases("P", "x") == {"latest": "v0"}


def test_an_alias_of_nothing_leaves_no_trace(collections: Collections, tmp_path: Path) -> None:
    """Neither a collection nor a log appears."""
    with pytest.raises(NotFoundError, match="no artifact 'x'"):
        collections.move_alias("P", "x", "best", "v0")
    assert collections.remove_alias("P", "x", "best") is None
    assert files_of(tmp_path) == {}


def test_latest_falls_back_to_the_highest_version(collections: Collections, tmp_path: Path) -> None:
    """When a writer was killed between the manifest and its alias, or the log was lost."""
    log(collections, "A")
    log(collections, "B", aliases=["best"])
    layout_in(tmp_path).aliases("P", "x").unlink()
    assert collections.aliases("P", "x") == {"latest": "v1"}


def test_an_edit_changes_what_may_change_and_no_manifest(collections: Collections, tmp_path: Path) -> None:
    """Fields that are not given stay; equal values are not written again."""
    manifest = log(collections, "A", description="one", metadata={"a": 1})
    before = layout_in(tmp_path).manifest("P", "x", 0).read_bytes()
    details = collections.edit(manifest, metadata={"a": 2}, tags=["paper"], ttl_s=60.0)
    assert (details.description, details.metadata, details.tags, details.ttl_s) == (
        "one",
        {"a": 2},
        ("paper",),
        60.0,
    )
    edits = layout_in(tmp_path).edits("P", "x").read_bytes()
    assert collections.edit(manifest, metadata={"a": 2}, tags=["paper"], ttl_s=60.0) == details
    assert layout_in(tmp_path).edits("P", "x").read_bytes() == edits
    assert layout_in(tmp_path).manifest("P", "x", 0).read_bytes() == before


def test_an_edit_can_empty_a_field(collections: Collections) -> None:
    """None is a lifetime: for ever."""
    manifest = log(collections, "A", description="one", metadata={"a": 1}, tags=["t"])
    collections.edit(manifest, ttl_s=5)
    details = collections.edit(manifest, description="", metadata={}, tags=[], ttl_s=None)
    assert (details.description, details.metadata, details.tags, details.ttl_s) == ("", {}, (), None)


@pytest.mark.parametrize("change", [{"ttl_s": 0}, {"ttl_s": -1}, {"ttl_s": math.nan}, {"tags": ["a,b"]}])
def test_an_edit_that_cannot_be_is_refused(collections: Collections, change: dict[str, object]) -> None:
    """And nothing is changed."""
    manifest = log(collections, "A")
    with pytest.raises(UsageError):
        collections.edit(manifest, **change)  # type: ignore[arg-type]
    assert collections.effective(manifest).updated is None


def test_a_collection_has_a_description_of_its_own(collections: Collections) -> None:
    """Apart from those of its versions."""
    manifest = log(collections, "A")
    collections.edit_collection("P", "x", description="all LeNets", tags=["vision"])
    assert collections.collection_details("P", "x").description == "all LeNets"
    assert collections.collection_details("P", "x").tags == ("vision",)
    assert collections.effective(manifest).description == ""
    with pytest.raises(NotFoundError):
        collections.edit_collection("P", "none", description="x")
