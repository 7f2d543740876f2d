"""Artifacts by name: making versions, aliases, edits and deletions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.vcs.versioning import collections_in, layout_in, listing_of
from vcs.artifacts.collection import Collections
from vcs.artifacts.manifest import Manifest, Origin
from vcs.errors import FormatError, LockedError, NotFoundError, UsageError
from vcs.files.listing import Entry, Listing
from vcs.layout import Layout
from vcs.lock import file_lock
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore


@pytest.fixture
def collections(tmp_path: Path) -> Collections:
    """Collections of an empty folder."""
    return collections_in(tmp_path)


def log(collections: Collections, text: str, **options: object) -> Manifest:
    """Log contents that depend on `text` as P/x, and return the version."""
    return collections.log("P", "x", "model", listing_of(text), **options).manifest  # type: ignore[arg-type]


def latest(collections: Collections) -> str:
    """What P/x:latest is."""
    return collections.resolve("x", project="P").version


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of the records and their bytes."""
    records = folder / ".tracker"
    return {
        str(path.relative_to(records)): path.read_bytes()
        for path in sorted(records.rglob("*"))
        if path.is_file() and "locks" not in path.parts
    }


# versions


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


# aliases


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


# edits


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


# deletion


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


# links


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


# damage


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


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The layout of the fixture `collections`."""
    return layout_in(tmp_path)


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
