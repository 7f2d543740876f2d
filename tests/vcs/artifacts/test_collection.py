"""Artifacts by name: making versions, aliases, edits and deletions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.vcs.artifacts.collecting import files_of, latest, log
from tests.vcs.versioning import collections_in, layout_in, listing_of
from vcs.artifacts.collection import Collections
from vcs.artifacts.manifest import Origin
from vcs.errors import FormatError, LockedError, NotFoundError, UsageError
from vcs.files.listing import Entry, Listing
from vcs.layout import Layout
from vcs.lock import file_lock
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore


def test_versions_are_numbered_from_v0(collections: Collections) -> None:
    """Each new content is the next number."""
    assert [log(collections, text).version for text in "ABC"] == ["v0", "v1", "v2"]


def test_the_same_content_again_is_the_version_that_has_it(collections: Collections) -> None:
    """A, B, A gives v0, v1, v0, and latest goes with it."""
    found = []
    for text in "ABA":
        logged = collections.log("P", "x", "model", listing_of(text))
        found.append((logged.manifest.version, logged.new, latest(collections)))
    assert found == [("v0", True, "v0"), ("v1", True, "v1"), ("v0", False, "v0")]


def test_what_moved_is_told(collections: Collections) -> None:
    """The caller prints a notice from it."""
    log(collections, "A", aliases=["best"])
    log(collections, "B")
    logged = collections.log("P", "x", "model", listing_of("A"))
    assert [(move.alias, move.version, move.previous) for move in logged.moved] == [("latest", "v0", "v1")]


def test_logging_the_newest_content_again_changes_nothing(collections: Collections, tmp_path: Path) -> None:
    """No file is touched."""
    log(collections, "A", aliases=["best"], metadata={"acc": 0.5})
    before = files_of(tmp_path)
    logged = collections.log("P", "x", "model", listing_of("A"), aliases=["best"], metadata={"acc": 0.5})
    assert (logged.new, logged.moved, logged.changed) == (False, (), ())
    assert files_of(tmp_path) == before


def test_latest_is_always_among_the_aliases(collections: Collections) -> None:
    """Whatever else is given, also twice."""
    manifest = log(collections, "A", aliases=["best", "best", "latest"])
    assert collections.aliases_of(manifest) == ["best", "latest"]


def test_a_given_alias_moves(collections: Collections) -> None:
    """An alias is unique in its collection."""
    log(collections, "A", aliases=["best"])
    log(collections, "B", aliases=["best"])
    assert collections.aliases("P", "x") == {"best": "v1", "latest": "v1"}


def test_spared_aliases_of_another_run_stay_and_own_and_free_ones_move(collections: Collections) -> None:
    log(collections, "a", origin=Origin(run="first"), aliases=["best"])
    log(collections, "b", origin=Origin(run="again"), aliases=["best", "mine"], spare_aliases=True)
    assert collections.aliases("P", "x") == {"best": "v0", "latest": "v0", "mine": "v1"}
    log(collections, "c", origin=Origin(run="again"), aliases=["mine"], spare_aliases=True)
    assert collections.aliases("P", "x") == {"best": "v0", "latest": "v0", "mine": "v2"}


def test_the_alias_log_keeps_history(collections: Collections) -> None:
    """Every move with its run and time, so any can be undone."""
    for text in "ABA":
        log(collections, text, origin=Origin(run=f"run{text}"))
    moves = collections.alias_log("P", "x")
    assert [(move.version, move.previous, move.run) for move in moves] == [
        ("v0", None, "runA"),
        ("v1", "v0", "runB"),
        ("v0", "v1", "runA"),
    ]
    assert moves[0].time < moves[1].time < moves[2].time


def test_the_version_keeps_all_that_was_said(collections: Collections) -> None:
    """And reads back as it was returned."""
    origin = Origin("if8bjzd0", 1200, "9fceb02", "main", "1c0ffee", True)
    manifest = log(
        collections,
        "A",
        origin=origin,
        description="the first",
        metadata={"acc": (0.5, math.inf)},
        tags=["paper", "paper"],
        parent="v3",
    )
    assert collections.resolve("x:v0", project="P") == manifest
    assert (manifest.origin, manifest.tags, manifest.parent) == (origin, ("paper",), "v3")
    assert manifest.metadata == {"acc": [0.5, math.inf]}


def test_the_listing_comes_back(collections: Collections) -> None:
    """From the manifest, or from its object where it is long."""
    for count in (0, 1, 1000, 1001):
        listing = listing_of("A", count)
        manifest = collections.log("P", f"n{count}", "dataset", listing).manifest
        assert collections.listing(collections.resolve(f"n{count}", project="P")) == listing
        assert (manifest.lines is None) is (count > 1000)


def test_a_long_listing_that_is_not_here_is_named(tmp_path: Path) -> None:
    """As after a clone that has not fetched yet."""
    manifest = collections_in(tmp_path).log("P", "x", "dataset", listing_of("A", 1001)).manifest
    with pytest.raises(NotFoundError, match="listing of P/x:v0"):
        collections_in(tmp_path, MemoryStore()).listing(manifest)


def test_metadata_alone_makes_no_version(collections: Collections) -> None:
    """It is updated as an edit and reported, so the caller can warn."""
    log(collections, "A", metadata={"acc": 0.5}, description="one", tags=["a"])
    logged = collections.log(
        "P", "x", "model", listing_of("A"), metadata={"acc": 0.7}, description="two", tags=["b"]
    )
    assert (logged.new, logged.changed) == (False, ("description", "metadata", "tags"))
    details = collections.effective(logged.manifest)
    assert (details.description, details.metadata, details.tags) == ("two", {"acc": 0.7}, ("a", "b"))
    assert logged.manifest.metadata == {"acc": 0.5}


def test_what_is_not_given_again_stays(collections: Collections) -> None:
    """A script that logs the same file without metadata wipes nothing."""
    log(collections, "A", metadata={"acc": math.nan}, description="one", tags=["a"])
    logged = collections.log("P", "x", "model", listing_of("A"), metadata={}, description="")
    assert logged.changed == ()
    again = collections.log("P", "x", "model", listing_of("A"), metadata={"acc": math.nan}, tags=["a"])
    assert again.changed == ()


def test_a_collection_has_one_type_for_life(collections: Collections) -> None:
    """Also after all its versions were deleted; the type is named and nothing is written."""
    manifest = log(collections, "A")
    with pytest.raises(UsageError, match="P/x is of type 'model' and cannot hold a 'dataset'"):
        collections.log("P", "x", "dataset", listing_of("B"))
    with pytest.raises(ValueError, match="'model'"):
        collections.log("P", "x", "dataset", listing_of("A"))
    collections.delete(manifest, delete_aliases=True)
    with pytest.raises(UsageError, match="of type 'model'"):
        collections.log("P", "x", "dataset", listing_of("B"))
    assert log(collections, "B").version == "v1"


@pytest.mark.parametrize("kind", ["yes", "1.5", "null", "a: b", "'", "raw data", "Ünï", "#x", "x" * 128])
def test_a_type_is_read_as_it_was_written(tmp_path: Path, kind: str) -> None:
    """From the beginning of the file, too, where another reader might see a boolean."""
    collections_in(tmp_path).log("P", "x", kind, listing_of("A"))
    fresh = collections_in(tmp_path)
    assert fresh.type_of("P", "x") == kind
    assert fresh.log("P", "x", kind, listing_of("B")).manifest.type == kind


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"name": "a:b"},
        {"project": ".."},
        {"type": ""},
        {"aliases": ["a/b"]},
        {"aliases": ["ok", "v3"]},
        {"aliases": ["a:b"]},
        {"tags": ["a,b"]},
        {"parent": "best"},
        {"origin": Origin(run="../x")},
        {"origin": Origin(step=-1)},
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object]
) -> None:
    """The next call finds an empty project."""
    given = {"project": "P", "name": "x", "type": "model", "listing": listing_of("A"), **change}
    with pytest.raises(UsageError):
        collections_in(tmp_path).log(**given)  # type: ignore[arg-type]
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("metadata", [{"a": object()}, {"a": {1, 2}}, {(1, 2): 3}])
def test_metadata_that_has_no_form_is_refused_before_anything_is_written(
    tmp_path: Path, metadata: object
) -> None:
    """Not half way."""
    with pytest.raises(TypeError):
        collections_in(tmp_path).log("P", "x", "model", listing_of("A"), metadata=metadata)  # type: ignore[arg-type]
    assert files_of(tmp_path) == {}


def test_logging_goes_on_when_the_lock_hangs(tmp_path: Path) -> None:
    """A stopped process that holds the lock must not cost anybody a checkpoint."""
    layout = layout_in(tmp_path)
    log(collections_in(tmp_path), "A")
    (lock,) = layout.locks.iterdir()
    impatient = Collections(layout, MemoryStore(), lock_timeout_s=0.05)
    with file_lock(lock, timeout_s=1, what="the test"):
        with pytest.raises(LockedError), file_lock(lock, timeout_s=0, what="the test"):
            pass
        assert log(impatient, "B").version == "v1"


def test_a_damaged_manifest_hides_no_other(collections: Collections, layout: Layout) -> None:
    """It is reported with its path, its number stays taken, and logging goes on."""
    for text in "ABC":
        log(collections, text)
    path = layout.manifest("P", "x", 1)
    path.write_text(path.read_text()[:200])
    versions = collections.versions("P", "x")
    assert [manifest.version for manifest in versions] == ["v0", "v2"]
    assert [found.path for found in versions.damaged] == [path]
    assert [found.path for found in collections.problems("P", "x")] == [path]
    with pytest.raises(FormatError, match=r"v1\.yaml"):
        collections.resolve("x:v1", project="P")
    assert log(collections, "B").version == "v3"
    assert log(collections, "C").version == "v2"


def test_a_damaged_log_line_is_reported_and_costs_only_itself(
    collections: Collections, layout: Layout
) -> None:
    """The next writer ends a torn line."""
    log(collections, "A")
    with layout.aliases("P", "x").open("a") as stream:
        stream.write('- {"time": "2026')
    log(collections, "B")
    assert latest(collections) == "v1"
    assert [found.reason for found in collections.problems("P", "x")] == [
        "line 2 is damaged and counts for nothing"
    ]


def test_a_manifest_in_the_wrong_place_is_refused(collections: Collections, layout: Layout) -> None:
    """A file copied by hand, or two names that differ in case on a file system that does not care."""
    log(collections, "A")
    layout.manifest("P", "x", 1).write_text(layout.manifest("P", "x", 0).read_text())
    with pytest.raises(FormatError, match=r"says that it is P/x:v0"):
        collections.resolve("x:v1", project="P")


def test_a_number_that_we_never_made_does_not_start_a_new_count(
    collections: Collections, layout: Layout
) -> None:
    """A hostile alias line cannot make numbers overflow."""
    log(collections, "A")
    with layout.aliases("P", "x").open("a") as stream:
        stream.write('- {"time": "t", "alias": "big", "version": "v999999999"}\n')
    with pytest.raises(FormatError, match="never made"):
        log(collections, "B")
    assert latest(collections) == "v0"


def test_files_that_are_not_ours_are_no_versions(collections: Collections, layout: Layout) -> None:
    """Editors and file managers leave things everywhere."""
    log(collections, "A")
    folder = layout.collection("P", "x")
    for name in ("v1.yaml~", ".v2.yaml.swp", "v01.yaml", "v-1.yaml", "notes.txt", ".v3.yaml.123.abc.tmp"):
        (folder / name).write_text("x")
    (layout.artifacts / "P" / ".DS_Store").write_text("x")
    (layout.artifacts / "P" / "not a name").mkdir()
    (layout.artifacts / "P" / "empty").mkdir()
    assert [version.version for version in collections.versions("P", "x")] == ["v0"]
    assert collections.names() == [("P", "x")]
    assert log(collections, "B").version == "v1"


def test_names_are_listed_by_project(collections: Collections) -> None:
    """Sorted; an unknown project has none."""
    for project, name in (("Q", "a"), ("P", "b"), ("P", "a")):
        collections.log(project, name, "model", listing_of("A"))
    assert collections.names() == [("P", "a"), ("P", "b"), ("Q", "a")]
    assert collections.names("P") == [("P", "a"), ("P", "b")]
    assert collections.names("R") == []


def test_paths_for_the_ledger_are_those_that_were_touched(collections: Collections, layout: Layout) -> None:
    """Manifest, aliases and edits."""
    manifest = log(collections, "A")
    assert collections.paths_of(manifest) == [
        layout.manifest("P", "x", 0),
        layout.aliases("P", "x"),
        layout.edits("P", "x"),
    ]
    assert collections.folder("P", "x") == layout.collection("P", "x")


def test_the_listing_of_a_next_version_costs_what_is_new_in_it(tmp_path: Path) -> None:
    """A hundred versions of a large folder are not a hundred listings on disk."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    made = collections_in(tmp_path / "project", store)
    first = listing_of("x", files=4000)
    made.log("P", "x", "dataset", first)
    changed = Listing([*first.entries[:-1], Entry("other", first.entries[0].digest, 10)])

    manifest = made.log("P", "x", "dataset", changed).manifest

    assert store.file_of(first.digest) is not None
    assert store.file_of(changed.digest) is None
    assert made.listing(manifest) == changed
