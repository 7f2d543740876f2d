"""Two versions of an artifact: paths, facts beside the bytes, and contents of what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.compare.runs_on_disk import store_texts
from tracker.compare.changes import PathChange, VersionComparison, compare_listings, compare_versions
from tracker.compare.changes import with_contents as open_files
from tracker.compare.contents import NotCompared, ValueChanges
from tracker.compare.text import TextChanges
from vcs.artifacts.manifest import Manifest
from vcs.digest import digest_bytes
from vcs.files.listing import Entry, Listing
from vcs.repo import Repo
from vcs.stores.memory import MemoryStore


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


def log(repo: Repo, folder: Path, **options: object) -> Manifest:
    """Make a version of a folder."""
    return repo.log_artifact("p", "data", "dataset", repo.add_tree(folder), **options).manifest  # type: ignore[arg-type]


def entry(path: str, text: str, **fields: object) -> Entry:
    """An entry with the digest of a text."""
    return Entry(path, digest_bytes(text.encode()), len(text), **fields)  # type: ignore[arg-type]


def test_paths_added_removed_and_changed_with_their_sizes(repo: Repo, tmp_path: Path) -> None:
    """And how many are the same."""
    folder = store_texts(tmp_path / "d", {"same": "1", "sub/gone": "2", "c.yaml": "a: 1\n"})
    old = log(repo, folder)
    (folder / "sub" / "gone").unlink()
    store_texts(folder, {"new": "333", "c.yaml": "a: 22\n"})
    found = compare_versions(repo, old, log(repo, folder))
    assert [(c.path, c.kind) for c in found.changes] == [
        ("c.yaml", "changed"),
        ("new", "added"),
        ("sub", "added"),
        ("sub/gone", "removed"),
    ]
    assert (found.same, found.unchanged) == (False, 1)
    plain = found.to_plain()
    assert plain["changed"] == [
        {
            "path": "c.yaml",
            "old_size_bytes": 5,
            "new_size_bytes": 6,
            "content": {"form": "values", "values": {"a": {"old": 1, "new": 22}}},
        }
    ]
    assert plain["removed"] == [{"path": "sub/gone", "old_size_bytes": 1}]
    assert plain["old"]["version"] == "p/data:v0"


def test_equal_contents_are_the_same_whatever_is_said_of_them(repo: Repo, tmp_path: Path) -> None:
    """What is said is compared apart."""
    folder = store_texts(tmp_path / "d", {"a": "1"})
    old = log(repo, folder, metadata={"acc": 1, "kept": 2})
    other = repo.log_artifact("p", "other", "model", repo.add_tree(folder), metadata={"acc": 3, "kept": 2})
    found = compare_versions(repo, old, other.manifest)
    assert (found.same, found.unchanged) == (True, 1)
    assert list(found.metadata) == ["metadata.acc", "type"]


def test_an_executable_bit_and_a_link_are_changes_without_contents() -> None:
    """The bytes are the same, or there are none."""
    old = Listing([entry("run.sh", "x"), entry("l", "a", kind="link", target="a")])
    new = Listing([entry("run.sh", "x", executable=True), entry("l", "b", kind="link", target="b")])
    changes = open_files(compare_listings(old, new), MemoryStore())
    assert {c.path: c.facts for c in changes} == {
        "run.sh": {"executable": (False, True)},
        "l": {"target": ("a", "b")},
    }
    assert all(change.content is None for change in changes)


def test_only_so_many_files_are_opened() -> None:
    """Of a dataset of changed images the paths say enough."""
    store = MemoryStore()
    sides = [
        Listing(Entry(f"{n}.json", store.put_bytes(f"[{n + side}]".encode()), 3) for n in range(5))
        for side in (0, 100)
    ]
    changes = open_files(compare_listings(*sides), store, most=3)
    forms = [type(change.content) for change in changes]
    assert forms == [ValueChanges] * 3 + [NotCompared] * 2


def test_a_file_whose_bytes_are_not_here_is_a_sentence(repo: Repo) -> None:
    """Fetched from a team's ledger, not yet from its store."""
    sides = [Listing([entry("a.txt", text)]) for text in ("1", "2")]
    (change,) = open_files(compare_listings(*sides), repo.store)
    assert isinstance(change.content, NotCompared)


def test_files_are_not_opened_unless_asked(repo: Repo, tmp_path: Path) -> None:
    """Paths alone need no store."""
    folder = store_texts(tmp_path / "d", {"a": "1"})
    old = log(repo, folder)
    new = log(repo, store_texts(folder, {"a": "2"}))
    (change,) = compare_versions(repo, old, new, contents=False).changes
    assert change.content is None


def test_progress_counts_the_files_that_are_opened(repo: Repo, tmp_path: Path) -> None:
    """In files and bytes of both sides."""

    class Counter:
        total, done = (0, 0), (0, 0)

        def add_total(self, files: int, bytes: int) -> None:
            self.total = (files, bytes)

        def advance(self, files: int, bytes: int) -> None:
            self.done = (self.done[0] + files, self.done[1] + bytes)

    folder = store_texts(tmp_path / "d", {"a": "1", "b": "1"})
    old = log(repo, folder)
    new = log(repo, store_texts(folder, {"a": "22", "c": "1"}))
    counter = Counter()
    found: VersionComparison = compare_versions(repo, old, new, progress=counter)
    change: PathChange = found.changes.of("changed")[0]
    assert isinstance(change.content, TextChanges)
    assert counter.total == counter.done == (1, 3)
