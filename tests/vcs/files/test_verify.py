"""Looking at bytes again, in folders and in stores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vcs.digest import Digest, digest_bytes
from vcs.errors import StoreError
from vcs.files.add import add_tree
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry, Listing
from vcs.files.verify import Problem, verify_store, verify_tree
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a few files."""
    path = tmp_path / "data"
    (path / "sub").mkdir(parents=True)
    (path / "empty").mkdir()
    (path / "a").write_bytes(b"a")
    (path / "sub" / "b").write_bytes(b"b")
    (path / "link").symlink_to("a")
    return path


@pytest.fixture
def listing(folder: Path) -> Listing:
    """What it holds."""
    return add_tree(folder, MemoryStore())


def found(problems: list[Problem]) -> list[tuple[str, str]]:
    """What and which kind."""
    return [(problem.what, problem.kind) for problem in problems]


def test_an_untouched_folder_has_no_problems(folder: Path, listing: Listing) -> None:
    """Nothing to report."""
    assert verify_tree(listing, folder) == []


def test_every_difference_is_named(folder: Path, listing: Listing) -> None:
    """Sorted by path, each with its kind and a sentence."""
    before = (folder / "a").stat()
    (folder / "a").write_bytes(b"A")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / "sub" / "b").chmod(0o755)
    (folder / "link").unlink()
    (folder / "link").symlink_to("sub")
    (folder / "empty").rmdir()
    (folder / "new").write_bytes(b"")
    problems = verify_tree(listing, folder)

    assert found(problems) == [
        ("a", "changed"), ("empty", "missing"), ("link", "changed"), ("new", "extra"), ("sub/b", "changed"),
    ]  # fmt: skip
    assert all(problem.what in problem.detail for problem in problems)


def test_another_kind_is_a_change(folder: Path, listing: Listing) -> None:
    """A folder in place of a file, and a file in place of a folder."""
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "empty").rmdir()
    (folder / "empty").write_bytes(b"")
    assert found(verify_tree(listing, folder)) == [("a", "changed"), ("empty", "changed")]


def test_a_missing_folder_lacks_everything(tmp_path: Path, listing: Listing) -> None:
    """It is no error."""
    assert {kind for _, kind in found(verify_tree(listing, tmp_path / "nowhere"))} == {"missing"}


def test_what_the_rules_leave_out_is_not_extra(folder: Path, listing: Listing) -> None:
    """As when it was added."""
    (folder / "x.log").write_bytes(b"")
    (folder / ".git").mkdir()
    (folder / ".trackerignore").write_bytes(b"*.log\n.trackerignore\n")
    assert verify_tree(listing, folder, ignore=Ignore.load(folder)) == []


def test_references_are_not_looked_at(folder: Path, listing: Listing) -> None:
    """Their content is elsewhere."""
    reference = Entry("far", "0" * 64, 1, "ref", target="s3://bucket/far")
    assert verify_tree(Listing([*listing, reference]), folder) == []


def test_a_file_that_cannot_be_read_does_not_end_it(
    folder: Path, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one of the problems."""

    def broken(self: object, path: str) -> Digest:
        raise StoreError("cannot read it: the disk reports an input/output error")

    monkeypatch.setattr("vcs.files.tree.Tree.digest", broken)
    assert found(verify_tree(listing, folder)) == [("a", "unreadable"), ("sub/b", "unreadable")]


def test_a_whole_store_has_no_problems(tmp_path: Path) -> None:
    """Files and packs."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    with store.batch() as batch:
        for number in range(100):
            batch.put_bytes(b"%d" % number)
    store.put_bytes(b"x" * 300_000)
    assert verify_store(store) == []


def test_missing_and_damaged_objects_are_told_apart(tmp_path: Path) -> None:
    """Of those asked for."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    good, bad = store.put_bytes(b"good"), store.put_bytes(b"bad")
    Path(store.loose_path(bad)).chmod(0o644)
    Path(store.loose_path(bad)).write_bytes(b"BAD")
    gone = digest_bytes(b"gone")

    assert set(found(verify_store(store, [good, bad, gone]))) == {(bad, "damaged"), (gone, "missing")}
