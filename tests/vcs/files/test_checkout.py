"""Listing to files: plans, conflicts, and what is never written."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from tests.vcs.files.listings import LARGE, contents, listing_of
from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, UsageError
from vcs.files.add import add_tree
from vcs.files.checkout import CheckoutResult, plan_checkout
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry, Listing
from vcs.files.stat_cache import StatCache
from vcs.files.verify import verify_tree
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore


@pytest.mark.parametrize("link", ["auto", "copy", "hardlink"])
def test_a_checkout_brings_everything_back(store: LocalStore, target: Path, rich: Listing, link: str) -> None:
    """Bytes, executable bits, links, empty folders; adding it gives the same listing."""
    result = plan_checkout(rich, target, store).apply(link=link)  # type: ignore[arg-type]

    assert add_tree(target, store) == rich
    assert verify_tree(rich, target) == []
    assert result == CheckoutResult(8, 0, 0, 0, rich.size_bytes)
    assert sorted(os.listdir(target)) == ["a.txt", "empty", "none", "sub"]


def test_copies_are_writable_and_the_store_does_not_notice(
    store: LocalStore, target: Path, rich: Listing
) -> None:
    """With modes from the umask, like files that were made by hand."""
    plan_checkout(rich, target, store).apply()
    (target / "plain").write_bytes(b"")
    mode = stat.S_IMODE((target / "plain").stat().st_mode)
    for name in ("a.txt", "sub/large.bin"):
        assert stat.S_IMODE((target / name).stat().st_mode) == mode
        (target / name).write_bytes(b"CHANGED")
    assert store.read_bytes(digest_bytes(LARGE)) == LARGE


def test_a_hard_link_shares_the_object_and_cannot_be_written(
    store: LocalStore, target: Path, rich: Listing
) -> None:
    """Large files only; one that is executable is a copy, because the mode is shared too."""
    plan_checkout(rich, target, store).apply(link="hardlink")
    loose = os.stat(store.loose_path(digest_bytes(LARGE)))

    assert (target / "sub" / "large.bin").stat().st_ino == loose.st_ino
    assert stat.S_IMODE(loose.st_mode) == 0o444
    assert (target / "sub" / "large.sh").stat().st_nlink == 1
    assert os.access(target / "sub" / "large.sh", os.X_OK)


def test_where_hard_links_do_not_work_copies_are_made(
    store: LocalStore, target: Path, rich: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is on another disk."""

    def cross_device(*arguments: object, **options: object) -> None:
        raise OSError(errno.EXDEV, "cross-device")

    monkeypatch.setattr(os, "link", cross_device)
    plan_checkout(rich, target, store).apply(link="hardlink")
    assert verify_tree(rich, target) == []


def test_any_store_can_be_checked_out(target: Path) -> None:
    """Also one without files."""
    store = MemoryStore()
    entries = [Entry("s", store.put_bytes(b"small"), 5), Entry("l", store.put_bytes(LARGE), len(LARGE))]
    plan_checkout(Listing(entries), target, store).apply()
    assert contents(target) == {"l": LARGE, "s": b"small"}


def test_a_second_checkout_changes_nothing(store: LocalStore, target: Path, rich: Listing) -> None:
    """Everything is kept, and not even touched."""
    plan_checkout(rich, target, store).apply()
    before = {path: path.lstat().st_ctime_ns for path in target.rglob("*")}
    plan = plan_checkout(rich, target, store)

    assert plan.changes_nothing
    assert len(plan.keep) == len(rich)
    assert plan.apply().written_bytes == 0
    assert {path: path.lstat().st_ctime_ns for path in target.rglob("*")} == before


def test_the_plan_says_what_would_happen_and_does_nothing(store: LocalStore, target: Path) -> None:
    """Each path in one place."""
    old = listing_of(store, same=b"same", changed=b"old", gone=b"gone", d__x=b"x")
    new = listing_of(store, same=b"same", changed=b"new", fresh=b"fresh", d__x=b"x")
    plan_checkout(old, target, store).apply()
    before = contents(target)
    plan = plan_checkout(new, target, store, previous=old, extra="remove")

    assert [entry.path for entry in plan.add] == ["fresh"]
    assert [entry.path for entry in plan.replace] == ["changed"]
    assert plan.remove == ("gone",)
    assert [entry.path for entry in plan.keep] == ["d/x", "same"]
    assert plan.conflicts == ()
    assert plan.write_bytes == 8
    assert contents(target) == before


@pytest.mark.parametrize("extra", ["keep", "remove"])
def test_moving_from_version_to_version(store: LocalStore, target: Path, extra: str) -> None:
    """Files of the old one that were not touched go or stay as asked."""
    old = listing_of(store, same=b"same", changed=b"old", gone=b"gone", d__e__f=b"f")
    new = listing_of(store, same=b"same", changed=b"new", fresh=b"fresh")
    plan_checkout(old, target, store).apply()
    plan_checkout(new, target, store, previous=old, extra=extra).apply()  # type: ignore[arg-type]

    wanted = {"same": b"same", "changed": b"new", "fresh": b"fresh"}
    kept = {"gone": b"gone", "d/e/f": b"f"} if extra == "keep" else {}
    assert contents(target) == {**wanted, **kept}
    assert (target / "d").exists() == (extra == "keep")


def test_a_file_changed_by_hand_is_a_conflict(store: LocalStore, target: Path) -> None:
    """Nothing at all is changed, and the file is named; `overwrite` is how to lose it."""
    old = listing_of(store, a=b"old a", b=b"old b", c=b"old c")
    new = listing_of(store, a=b"new a", b=b"new b", c=b"old c", d=b"new d")
    plan_checkout(old, target, store).apply()
    (target / "b").write_bytes(b"mine!")
    plan = plan_checkout(new, target, store, previous=old)

    assert plan.conflicts == ("b",)
    with pytest.raises(ConflictError, match=r"b in .* would be lost"):
        plan.apply()
    assert contents(target) == {"a": b"old a", "b": b"mine!", "c": b"old c"}

    plan.apply(overwrite=True)
    assert contents(target) == {"a": b"new a", "b": b"new b", "c": b"old c", "d": b"new d"}


def test_without_a_previous_listing_every_difference_is_a_conflict(store: LocalStore, target: Path) -> None:
    """The bytes may exist nowhere else."""
    target.mkdir(parents=True)
    (target / "a").write_bytes(b"mine")
    assert plan_checkout(listing_of(store, a=b"new!"), target, store).conflicts == ("a",)


def test_a_file_that_is_there_already_is_no_conflict(store: LocalStore, target: Path) -> None:
    """Whoever made it, it is as it should be."""
    target.mkdir(parents=True)
    (target / "a").write_bytes(b"new!")
    plan = plan_checkout(listing_of(store, a=b"new!"), target, store)
    assert plan.conflicts == ()
    assert plan.changes_nothing


def test_removing_files_made_by_hand_is_a_conflict(store: LocalStore, target: Path) -> None:
    """They exist nowhere else; what the rules leave out and git's folder are not even extra."""
    listing = listing_of(store, a=b"a")
    plan_checkout(listing, target, store).apply()
    (target / "notes.txt").write_bytes(b"mine")
    (target / ".trackerignore").write_bytes(b".trackerignore\n*.log\n")
    (target / "run.log").write_bytes(b"log")
    (target / ".git").mkdir()
    (target / ".git" / "HEAD").write_bytes(b"ref")
    plan = plan_checkout(listing, target, store, previous=listing, extra="remove", ignore=Ignore.load(target))

    assert plan.remove == plan.conflicts == ("notes.txt",)
    with pytest.raises(ConflictError, match=r"notes\.txt"):
        plan.apply()
    plan.apply(overwrite=True)
    assert set(contents(target)) == {"a", "run.log", ".trackerignore", ".git/HEAD"}


def test_the_executable_bit_alone_is_mended_without_conflict(store: LocalStore, target: Path) -> None:
    """No bytes are lost by that."""
    listing = listing_of(store, run=b"#!")
    target.mkdir(parents=True)
    (target / "run").write_bytes(b"#!")
    (target / "run").chmod(0o755)
    plan = plan_checkout(listing, target, store)

    assert [entry.path for entry in plan.replace] == ["run"]
    assert plan.conflicts == ()
    plan.apply()
    assert not os.access(target / "run", os.X_OK)


def test_files_links_and_folders_take_each_others_place(
    store: LocalStore, target: Path, tmp_path: Path
) -> None:
    """Every kind by every other, where the old one was not touched."""
    kinds: dict[str, list[tuple[str, bytes | str | None]]] = {
        "file": [("x", b"file")],
        "folder": [("x/y/z", b"z"), ("x/w", b"w")],
        "empty": [("x", None)],
        "link": [("x", "elsewhere")],
    }

    def make(kind: str) -> Listing:
        entries = []
        for path, what in kinds[kind]:
            if isinstance(what, bytes):
                entries.append(Entry(path, store.put_bytes(what), len(what)))
            elif what is None:
                entries.append(Entry(path, digest_bytes(b""), 0, "dir"))
            else:
                entries.append(Entry(path, digest_bytes(what.encode()), 0, "link", target=what))
        return Listing(entries)

    for before in kinds:
        for after in kinds:
            shutil.rmtree(target, ignore_errors=True)
            plan_checkout(make(before), target, store).apply()
            plan = plan_checkout(make(after), target, store, previous=make(before), extra="remove")
            assert plan.conflicts == (), (before, after)
            plan.apply()
            assert add_tree(target, store) == make(after), (before, after)


def test_a_folder_made_by_hand_in_the_way_of_a_file_is_a_conflict(store: LocalStore, target: Path) -> None:
    """Its files are named, at any depth."""
    (target / "a" / "deep").mkdir(parents=True)
    (target / "a" / "deep" / "mine").write_bytes(b"mine")
    plan = plan_checkout(listing_of(store, a=b"a"), target, store)

    assert plan.conflicts == ("a/deep/mine",)
    plan.apply(overwrite=True)
    assert contents(target) == {"a": b"a"}


def test_gits_folder_in_the_way_is_never_removed(store: LocalStore, target: Path) -> None:
    """Not even with `overwrite`."""
    (target / "a" / ".git").mkdir(parents=True)
    (target / "a" / ".git" / "HEAD").write_bytes(b"ref")
    plan = plan_checkout(listing_of(store, a=b"a"), target, store)
    with pytest.raises(ConflictError, match="in the way"):
        plan.apply(overwrite=True)
    assert contents(target) == {"a/.git/HEAD": b"ref"}


def test_a_file_as_target_is_refused(store: LocalStore, tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="file is a file"):
        plan_checkout(Listing(), tmp_path / "file", store)


def test_references_are_left_to_the_caller(store: LocalStore, target: Path) -> None:
    """They are in the plan, and nothing is written for them."""
    reference = Entry("big", "0" * 64, 10, "ref", target="s3://bucket/big")
    plan = plan_checkout(Listing([reference]), target, store)
    assert plan.references == (reference,)
    plan.apply()
    assert contents(target) == {}


def test_many_files_come_back_from_packs(store: LocalStore, target: Path) -> None:
    """With equal ones among them, and some of the objects changed places."""
    files = {f"d{number % 7}__{number}": b"%d" % (number // 2) * 50 for number in range(2000)}
    listing = listing_of(store, **files)
    plan = plan_checkout(listing, target, store)
    other = LocalStore(store.objects, store.packs.folder, store.tmp)
    other.delete([digest_bytes(b"unknown")])
    other.put_bytes(b"more")
    plan.apply()
    assert contents(target) == {name.replace("__", "/"): data for name, data in files.items()}


def test_a_checkout_fills_the_stat_cache(store: LocalStore, target: Path, tmp_path: Path) -> None:
    """Files that had time to settle before they became visible are not read again."""
    files = {f"d__{number}": b"%d" % number for number in range(20)}
    listing = listing_of(store, **files)

    class Slow:
        def add_total(self, files: int, bytes: int) -> None:
            pass

        def advance(self, files: int, bytes: int) -> None:
            time.sleep(0.01)

    cache = StatCache(tmp_path / "cache")
    plan_checkout(listing, target, store, stat_cache=cache).apply(progress=Slow())
    known = cache.folder(str(target / "d"))

    assert len(known) >= 10
    for name in known:
        assert cache.get(target / "d" / name, (target / "d" / name).stat()) == digest_bytes(name.encode())


def test_a_change_right_after_a_checkout_is_seen(store: LocalStore, target: Path, tmp_path: Path) -> None:
    """As fast as we can, with the same size."""
    listing = listing_of(store, **{f"d__f{number}": b"%04d" % number for number in range(200)})
    cache = StatCache(tmp_path / "cache")
    for _ in range(10):
        shutil.rmtree(target, ignore_errors=True)
        plan_checkout(listing, target, store, stat_cache=cache).apply()
        for number in (0, 100, 199):
            with (target / "d" / f"f{number}").open("r+b") as stream:
                stream.write(b"mine")
        plan = plan_checkout(listing, target, store, stat_cache=cache)
        assert set(plan.conflicts) == {"d/f0", "d/f100", "d/f199"}


def test_a_leftover_of_a_living_checkout_stays(store: LocalStore, target: Path) -> None:
    """Two checkouts into one folder do not remove each other's files."""
    one, two = listing_of(store, a=b"1"), listing_of(store, b=b"2")

    class Second:
        def add_total(self, files: int, bytes: int) -> None:
            pass

        def advance(self, files: int, bytes: int) -> None:
            plan_checkout(two, target, store).apply()

    plan_checkout(one, target, store).apply(progress=Second())
    assert contents(target) == {"a": b"1", "b": b"2"}


def test_digests_are_what_decides(store: LocalStore, target: Path) -> None:
    """The same content under another name is another file, with the same object."""
    listing = listing_of(store, a=b"same", b__c=b"same")
    plan_checkout(listing, target, store).apply()
    assert contents(target) == {"a": b"same", "b/c": b"same"}
    assert list(store.list()) == [Digest(digest_bytes(b"same"))]
