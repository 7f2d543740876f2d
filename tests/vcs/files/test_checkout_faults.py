"""Checkouts of hostile listings, over links, with damaged objects, killed and on a full disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.vcs.files.listings import LARGE, contents, listing_of
from vcs.digest import digest_bytes
from vcs.errors import ConflictError, Error, FormatError, IntegrityError, NotFoundError
from vcs.files.add import add_tree
from vcs.files.checkout import plan_checkout
from vcs.files.listing import Entry, Listing
from vcs.stores.local import LocalStore


def test_a_link_in_place_of_a_folder_is_refused(store: LocalStore, target: Path, tmp_path: Path) -> None:
    """Nothing is written where it leads, whatever it is called with."""
    outside = tmp_path / "outside"
    outside.mkdir()
    target.mkdir(parents=True)
    (target / "d").symlink_to(outside)
    listing = listing_of(store, d__x=b"x", a=b"a")

    with pytest.raises(ConflictError, match="d is a link"):
        plan_checkout(listing, target, store)
    assert os.listdir(outside) == []
    assert os.listdir(target) == ["d"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_link_that_appears_after_the_plan_is_not_followed(
    store: LocalStore, target: Path, tmp_path: Path, overwrite: bool
) -> None:
    """The plan saw a folder; what counts is what is there at the moment of writing."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (target / "d").mkdir(parents=True)
    (target / "d" / "keep").write_bytes(b"")
    plan = plan_checkout(listing_of(store, d__x=b"x"), target, store)
    shutil.rmtree(target / "d")
    (target / "d").symlink_to(outside)

    with pytest.raises(ConflictError, match="link"):
        plan.apply(overwrite=overwrite)
    assert os.listdir(outside) == []


@pytest.mark.parametrize(
    "entries",
    [
        [Entry("../x", digest_bytes(b""), 0, "dir")],
        [Entry("/tmp/x", digest_bytes(b""), 0, "dir")],
        [Entry(".git/hooks", digest_bytes(b""), 0, "dir")],
        [Entry("a", "0" * 64, 0, "link", target="/etc"), Entry("a/x", digest_bytes(b""), 0, "dir")],
        [Entry("a", "0" * 64, 0, "link", target="../../x")],
        [Entry("a", "0" * 64, 0, "link", target="b"), Entry("a", "0" * 64, 0, "link", target="c")],
    ],
    ids=["up", "absolute", "git", "through a link", "link outside", "twice"],
)
def test_a_hostile_listing_changes_nothing(
    store: LocalStore, target: Path, entries: list[Entry], tmp_path: Path
) -> None:
    """Even one that no check of ours has seen before."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FormatError):
        plan_checkout(Listing(entries), target, store).apply(overwrite=True)
    assert sorted({*tmp_path.iterdir()} - {tmp_path / "out"}) == before
    assert list((tmp_path / "out").rglob("*")) == []


def test_a_target_that_is_a_link_is_the_folder_it_leads_to(
    store: LocalStore, target: Path, tmp_path: Path
) -> None:
    """The caller chose it."""
    target.mkdir(parents=True)
    (tmp_path / "link").symlink_to(target)
    plan_checkout(listing_of(store, a=b"a"), tmp_path / "link", store).apply()
    assert contents(target) == {"a": b"a"}


def test_a_missing_object_names_its_path_and_changes_nothing(store: LocalStore, target: Path) -> None:
    """The plan can be made without it, and says what lacks."""
    listing = Listing([*listing_of(store, a=b"a"), Entry("d/b", digest_bytes(b"absent"), 6)])
    plan = plan_checkout(listing, target, store)

    assert plan.missing() == {"d/b": digest_bytes(b"absent")}
    with pytest.raises(NotFoundError, match="d/b"):
        plan.apply()
    assert not target.exists()


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_a_damaged_object_names_its_path_and_changes_nothing(
    store: LocalStore, target: Path, data: bytes
) -> None:
    """Every byte is verified before any file is moved."""
    listing = listing_of(store, a=b"a", d__b=data, z=b"z")
    path = Path(store.loose_path(digest_bytes(data)))
    path.chmod(0o644)
    path.write_bytes(data[:-1] + b"?")

    with pytest.raises(IntegrityError, match="d/b"):
        plan_checkout(listing, target, store).apply()
    assert not target.exists()


@pytest.mark.parametrize(("data", "size"), [(b"small", 6), (b"small", 200_000), (LARGE, 5), (LARGE, 200_000)])
def test_a_listing_that_lies_about_a_size_is_refused(
    store: LocalStore, target: Path, data: bytes, size: int
) -> None:
    """A hostile manifest cannot make us read gigabytes into memory."""
    listing = Listing([Entry("a/b", store.put_bytes(data), size)])
    with pytest.raises(IntegrityError, match="a/b"):
        plan_checkout(listing, target, store).apply()
    assert not target.exists()


def test_a_file_changed_after_the_plan_is_not_overwritten(store: LocalStore, target: Path) -> None:
    """Checked again at the last moment: changed, made, and made in a new folder."""
    old = listing_of(store, a=b"old")
    new = listing_of(store, a=b"new", b=b"b", d__c=b"c")
    plan_checkout(old, target, store).apply()
    for name in ("a", "b", "d/c"):
        plan = plan_checkout(new, target, store, previous=old)
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"made by hand")
        with pytest.raises(ConflictError, match="during the checkout"):
            plan.apply()
        assert path.read_bytes() == b"made by hand"
        shutil.rmtree(target)
        plan_checkout(old, target, store).apply()


def test_an_interrupt_while_writing_changes_nothing(store: LocalStore, target: Path, rich: Listing) -> None:
    """Ctrl-C in the middle of the copies."""

    class Interrupting:
        def add_total(self, files: int, bytes: int) -> None:
            pass

        def advance(self, files: int, bytes: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan_checkout(rich, target, store).apply(progress=Interrupting())
    assert not target.exists()


def test_a_kill_at_any_step_leaves_whole_files(store: LocalStore, target: Path) -> None:
    """Old or new ones, never a part; doing it again goes on, and cleans up."""
    old = listing_of(store, a=b"old", b__c=b"old", gone=b"gone", l=LARGE, same=b"same")
    new = listing_of(store, a=b"new", b__c=b"new", n__m=b"n", l=LARGE + b"2", same=b"same")
    whole = {(e.path, e.digest) for listing in (old, new) for e in listing}

    def reset() -> None:
        shutil.rmtree(target, ignore_errors=True)
        plan_checkout(old, target, store).apply()

    def check(finished: bool) -> None:
        for name, data in contents(target).items():
            if not name.startswith(".tracker-checkout."):
                assert (name, digest_bytes(data)) in whole
        # Some of it may be of the new version already, which is no conflict.
        plan_checkout(new, target, store, previous=old, extra="remove").apply()
        assert add_tree(target, store) == new
        assert sorted(os.listdir(target)) == ["a", "b", "l", "n", "same"]
        reset()

    reset()
    steps = kill_at_every_step(
        lambda: plan_checkout(new, target, store, previous=old, extra="remove").apply(), check
    )
    assert steps > 10


def test_a_full_disk_changes_nothing(store: LocalStore, target: Path) -> None:
    """Whichever step fails while writing; afterwards, whole files."""
    old = listing_of(store, a=b"old", b__c=b"old")
    new = listing_of(store, a=b"new", b__c=b"new", n__m=b"n", l=LARGE)
    moved = False

    def work() -> None:
        nonlocal moved
        moved = False
        plan_checkout(new, target, store, previous=old).apply()
        moved = True

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, Error), repr(raised)
        if raised is not None and failed != "rename":
            assert contents(target) == {"a": b"old", "b/c": b"old"} or failed in ("rmdir", "unlink")
        shutil.rmtree(target, ignore_errors=True)
        plan_checkout(old, target, store).apply()

    plan_checkout(old, target, store).apply()
    assert fail_at_every_step(work, check) > 8
