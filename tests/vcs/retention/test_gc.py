"""Garbage collection: what nothing names goes, and comes back; nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import git
from vcs.artifacts.manifest import Manifest
from vcs.digest import Digest, digest_bytes
from vcs.errors import FormatError, NotFoundError, StoreError
from vcs.files.listing import Listing
from vcs.files.verify import verify_store
from vcs.layout import LEDGER_REF, remote_ledger
from vcs.repo import Repo
from vcs.retention.gc import GcPlan, collect, empty_trash, mentions_of, plan_gc, trash_folders, undo
from vcs.retention.kept_by import chains_to
from vcs.sharing.partial_file import PartialFile
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore
from vcs.tracked.pointer import pointer_of, render

ANCIENT_S = 1_000_000_000


def as_it_is(path: str, content: bytes) -> bytes:
    return content


def store_of(repo: Repo) -> LocalStore:
    layout = repo.layout
    return LocalStore(layout.objects, layout.packs, layout.store_tmp)


def age(repo: Repo) -> None:
    """Let everything in the store look old."""
    newest_s = 0.0
    for folder in ("objects", "packs", "recipes", "extents"):
        for path in (repo.layout.objects_root / folder).rglob("*"):
            os.utime(path, (ANCIENT_S, ANCIENT_S))
            newest_s = max(newest_s, path.stat().st_ctime)
    # The times of inodes cannot be set, the disk's clock ticks every few milliseconds, and may
    # be set back; what is as young as the plan stays.
    probe = repo.layout.root.parent / "probe"
    probe.write_bytes(b"")
    while probe.stat().st_mtime <= newest_s:
        probe.write_bytes(b"")


def plan(repo: Repo, **options: float) -> GcPlan:
    return plan_gc(repo.layout, repo.git, store_of(repo), expand=as_it_is, **{"grace_s": 0.0, **options})


def sweep(repo: Repo) -> set[Digest]:
    """Collect everything, however young; return what went."""
    age(repo)
    return set(collect(store_of(repo), plan(repo)).digests)


def log(repo: Repo, name: str, files: dict[str, bytes]) -> Manifest:
    """Store files and log them."""
    folder = repo.layout.root / "made"
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    listing = repo.add_tree(folder)
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    return repo.log_artifact("p", name, "dataset", listing).manifest


def small_files(word: str, count: int) -> dict[str, bytes]:
    return {f"{number}.txt": f"{word} {number}".encode() for number in range(count)}


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


def test_what_nothing_names_goes_and_comes_back(repo: Repo) -> None:
    """Loose, packed and large objects; what is named stays whole."""
    kept = log(repo, "kept", {"a": b"a", "large": os.urandom(300_000)})
    loose = store_of(repo).put_bytes(b"garbage")
    large = store_of(repo).put_bytes(os.urandom(200_000))
    with store_of(repo).batch() as batch:
        packed = {batch.put_bytes(f"packed {number}".encode()) for number in range(100)}
    gone = sweep(repo)
    assert gone == {loose, large, *packed}
    store = store_of(repo)
    assert store.missing(gone) == gone
    assert not verify_store(store)
    assert not store.missing(entry.digest for entry in repo.collections.listing(kept))
    assert undo(store)[1] >= len(gone)
    assert not store_of(repo).missing(gone)
    assert not verify_store(store_of(repo))
    with pytest.raises(NotFoundError, match="trash is empty"):
        undo(store)


def test_a_pack_that_is_mostly_wanted_stays(repo: Repo) -> None:
    """And one that is mostly garbage is written anew."""
    for word, wanted in (("much", 90), ("little", 10)):
        files = small_files(word, 100)
        with store_of(repo).batch() as batch:
            for content in files.values():
                batch.put_bytes(content)
        log(repo, word, dict(list(files.items())[:wanted]))
    assert len(sweep(repo)) == 90
    assert len(set(store_of(repo).list())) == 110
    assert not verify_store(store_of(repo))


def test_objects_younger_than_the_grace_period_stay(repo: Repo) -> None:
    store_of(repo).put_bytes(b"new")
    found = plan(repo, grace_s=3600.0)
    assert (found.garbage, found.young) == ({}, 1)


def test_an_object_that_is_asked_for_between_plan_and_removal_stays(repo: Repo) -> None:
    """A batch that finds it touches it: loose, packed, and behind a recipe."""
    store = store_of(repo)
    large = os.urandom(1 << 20)
    store.put_bytes(large)
    loose = [store.put_bytes(b"loose"), store.put_bytes(b"other")]
    with store.batch() as batch:
        packed = [batch.put_bytes(f"packed {number}".encode()) for number in range(100)]
    age(repo)
    found = plan(repo)
    with store_of(repo).batch() as batch:
        assert batch.contains(loose[0])
        assert batch.contains(packed[7])
        assert batch.contains(digest_bytes(large))
    gone = collect(store_of(repo), found).digests
    assert gone == {loose[1]}
    assert not verify_store(store_of(repo))


def test_what_a_process_at_work_has_put_stays(repo: Repo) -> None:
    """Also long after the grace period: it may log it yet. After its end it is garbage."""
    code = (
        "import sys; from pathlib import Path; from vcs.repo import Repo\n"
        "repo = Repo.open(Path(sys.argv[1])); print(repo.store.put_bytes(b'draft'), flush=True)\n"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(repo.layout.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        digest = process.stdout.readline().strip()
        found = plan(repo)
        assert (found.garbage, found.young, found.waits_for_others) == ({}, 1, True)
        process.stdin.close()
    assert sweep(repo) == {digest}


def test_a_deleted_version_is_garbage_unless_a_pointer_names_it(repo: Repo) -> None:
    """In any commit, stash or reflog."""
    log(repo, "x", {"f": b"zero"})
    first = log(repo, "x", {"f": b"one"})
    root = repo.layout.root
    pointer = root / "data.tracker"
    pointer.write_text(render(pointer_of(first, single=False)))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "data")
    git(root, "reset", "-q", "--hard", "HEAD~1")
    repo.delete_artifact(first, delete_aliases=True)
    assert sweep(repo) == set()
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "update-ref", "-d", "ORIG_HEAD")
    assert sweep(repo) == {digest_bytes(b"one")}


@pytest.mark.parametrize("where", ["stash", "index", "working tree", "worktree", "old stash"])
def test_pointers_are_found(repo: Repo, where: str) -> None:
    version = log(repo, "x", {"f": b"one"})
    root = repo.layout.root
    text = render(pointer_of(version, single=False))
    if where == "worktree":
        git(root, "worktree", "add", "-q", "--detach", str(root.parent / "linked"))
        (root.parent / "linked" / "data.tracker").write_text(text)
    else:
        (root / "data.tracker").write_text(text)
    if where != "working tree" and where != "worktree":
        git(root, "add", "data.tracker")
    if "stash" in where:
        git(root, "stash", "-q")
    if where == "old stash":
        (root / "train.py").write_text("other\n")
        git(root, "stash", "-q")
    repo.delete_artifact(version, delete_aliases=True)
    assert sweep(repo) == set()


@pytest.mark.parametrize("where", ["records", "ledger", "remote"])
def test_each_copy_of_the_records_keeps(repo: Repo, where: str) -> None:
    version = log(repo, "x", {"f": b"one"})
    layout = repo.layout
    tip = git(layout.root, "rev-parse", LEDGER_REF).strip()
    if where == "records":
        git(layout.root, "update-ref", "-d", LEDGER_REF)
    if where == "ledger":
        layout.manifest("p", "x", 0).unlink()
    if where == "remote":
        repo.delete_artifact(version, delete_aliases=True)
        git(layout.root, "update-ref", remote_ledger("origin"), tip)
    assert sweep(repo) == set()


def test_a_digest_anywhere_in_a_record_keeps(repo: Repo) -> None:
    """Rows with media of a live run, fields of newer versions, damaged records."""
    digests = [store_of(repo).put_bytes(b"%d" % number) for number in range(3)]
    run = repo.layout.run("p", "live")
    run.history.mkdir(parents=True)
    run.history_segment(0, "0").write_text(f'[0,0,1,{{"_type":"image-file","digest":"{digests[0]}"}}]\n')
    run.record.write_text(f"later: {digests[1]}\n  damaged: [\n")
    assert sweep(repo) == {digests[2]}


def test_a_long_listing_keeps_what_it_names(repo: Repo) -> None:
    """Without it nobody knows, so nothing goes, unless it can be had elsewhere."""
    version = log(repo, "x", small_files("long", 1100))
    assert version.lines is None
    listing = repo.collections.listing(version)
    assert sweep(repo) == set()
    entry, mentions = listing.entries[7], mentions_of(repo.layout, repo.git, store_of(repo), as_it_is)
    assert chains_to(mentions, store_of(repo), entry.digest) == [(entry.path, "p/x:v0", "ledger, records")]
    store_of(repo).delete([version.digest])
    age(repo)
    with pytest.raises(FormatError, match="listing"):
        plan(repo)
    elsewhere = MemoryStore()
    assert elsewhere.put_bytes(listing.encoded) == version.digest
    store = store_of(repo)
    found = plan_gc(repo.layout, repo.git, store, expand=as_it_is, grace_s=0.0, listings=elsewhere)
    assert found.garbage == {}


def test_what_another_repository_in_the_store_names_stays(tmp_path: Path) -> None:
    """And if that cannot be read, nothing goes."""
    repos = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        git(folder, "init", "-q")
        (folder / "tracker.yaml").write_text("store: ../store\n")
        repos.append(Repo.open(folder))
        log(repos[-1], "x", {"f": name.encode()})
    garbage = store_of(repos[0]).put_bytes(b"garbage")
    assert sweep(repos[0]) == {garbage}
    assert not store_of(repos[1]).missing([digest_bytes(b"two")])
    (tmp_path / "two").rename(tmp_path / "away")
    with pytest.raises(StoreError, match="uses this store too"):
        plan(repos[0])


def test_recipes_and_what_they_need_go_and_come_back(repo: Repo) -> None:
    """A kept object whose bytes lie in the file of garbage stays readable, and the other way round."""
    store = store_of(repo)
    base = b"0" + os.urandom(2 << 20)
    near, other = b"1" + base[1:], b"2" + base[1:]
    folder = repo.layout.root / "large"
    folder.mkdir()
    digests = []
    for name, content in (("base", base), ("near", near), ("other", other)):
        (folder / name).write_bytes(content)
        digests.append(store.put_file(folder / name, like=digests[0] if digests else None)[0])
    assert len(store.recipes.names()) == 2
    log(repo, "x", {"near": near})
    gone = sweep(repo)
    assert gone == {digests[0], digests[2]}
    assert store_of(repo).read_bytes(digests[1]) == near
    undo(store_of(repo))
    assert store_of(repo).read_bytes(digests[0]) == base
    assert store_of(repo).read_bytes(digests[2]) == other
    assert not verify_store(store_of(repo))


def test_the_trash_is_emptied_when_it_is_old(repo: Repo) -> None:
    store_of(repo).put_bytes(b"garbage" * 100)
    sweep(repo)
    assert empty_trash(store_of(repo)) == 0
    assert len(trash_folders(store_of(repo))) == 1
    assert empty_trash(store_of(repo), older_than_s=0.0) >= 700
    assert trash_folders(store_of(repo)) == []


def test_a_fetch_that_nobody_goes_on_with_is_removed_after_a_week(repo: Repo) -> None:
    """With its list of stretches; not while its process lives, and not when it was at work lately."""
    store = store_of(repo)
    names = {"old": "a" * 64, "young": "b" * 64, "at work": "c" * 64}
    paths = {}
    for what, digest in names.items():
        with PartialFile.open(store, Digest(digest), 100) as file:
            file.write(0, memoryview(b"x" * 50))
            file.mark(0, 50)
        paths[what] = file.path
        if what != "young":
            os.utime(file.path, (ANCIENT_S, ANCIENT_S))
    with PartialFile.open(store, Digest(names["at work"]), 100):
        collect(store, plan(repo))
        assert sorted(path.name for path in store.partial.iterdir()) == sorted(
            name for what in ("young", "at work") for name in (names[what], f"{names[what]}.done")
        )
    with PartialFile.open(store, Digest(names["young"]), 100) as file:
        assert file.done_bytes == 50


def test_the_chain_names_path_version_and_pointer(repo: Repo) -> None:
    version = log(repo, "x", {"sub/f": b"one"})
    root = repo.layout.root
    (root / "data.tracker").write_text(render(pointer_of(version, single=False)))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "data")
    head = git(root, "rev-parse", "HEAD").strip()[:10]
    mentions: Callable[[], list] = lambda: list(mentions_of(repo.layout, repo.git, store_of(repo), as_it_is))  # type: ignore[type-arg]  # noqa: E731
    assert chains_to(mentions(), store_of(repo), digest_bytes(b"one")) == [
        ("sub/f", "p/x:v0", "ledger, records"),
        ("sub/f", "p/x:v0", "pointer data", f"commit {head}, working tree"),
    ]
    assert chains_to(mentions(), store_of(repo), Listing().digest) == []


def test_what_a_draft_takes_over_stays_from_when_it_is_logged(repo: Repo) -> None:
    """Its version was deleted, and a collection was planned before; what came too late is refused."""
    old = log(repo, "old", {"a": b"a", **small_files("old", 80)})
    listing = repo.collections.listing(old)
    repo.delete_artifact(old, delete_aliases=True)
    age(repo)
    planned = plan(repo)
    assert len(planned.garbage) == 81
    new = repo.log_artifact("p", "new", "dataset", listing).manifest
    assert not collect(store_of(repo), planned).digests
    repo.delete_artifact(new, delete_aliases=True)
    assert len(sweep(repo)) == 81
    with pytest.raises(NotFoundError, match="neither here nor with a remote, and 80 more"):
        repo.log_artifact("p", "late", "dataset", listing)
    with pytest.raises(NotFoundError, match="neither here"):
        repo.link_artifact(old, "p", "linked")
    assert undo(store_of(repo))[1] == 81
    assert repo.log_artifact("p", "late", "dataset", listing).new
