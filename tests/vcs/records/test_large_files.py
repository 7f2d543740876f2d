"""Large files of runs come back with the records that name them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import git
from vcs.digest import digest_bytes
from vcs.errors import StoreError
from vcs.layout import RunLayout
from vcs.records.large_files import bring_back
from vcs.repo import Repo
from vcs.yaml_io import dump_yaml

LARGE = b"[0,0,12,0.5]\n" * 100_000


def record_run(repo: Repo, files: dict[str, bytes], run_id: str = "abc") -> RunLayout:
    """Write a run as its end does: large files into the store, all named in run.yaml, then the ledger."""
    run = repo.layout.run("p", run_id)
    listed = []
    for path, data in files.items():
        (run.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / path).write_bytes(data)
        listed.append({"path": path, "digest": digest_bytes(data), "size": len(data)})
        if len(data) > 1 << 20:
            repo.store.put_bytes(data)
    run.record.write_text(dump_yaml({"format": 1, "id": run_id, "files": listed}))
    repo.ledger.commit([run.folder], f"run {run_id} finished")
    return run


def test_a_clean_costs_no_large_file(git_repo: Path) -> None:
    """History of any length, media, saved files: what was there is there."""
    files = {
        "history/0-0.jsonl": LARGE,
        "media/images/a.png": LARGE[::-1],
        "files/deep/er/model.bin": b"x" * (2 << 20),
        "config.yaml": b"lr: 0.1\n",
    }
    run = record_run(Repo.open(git_repo), files)
    git(git_repo, "clean", "-q", "-fdx")
    assert not run.folder.exists()

    Repo.open(git_repo, create=False)

    assert {path: (run.folder / path).read_bytes() for path in files} == files


def test_what_comes_back_can_be_changed_without_changing_the_object(git_repo: Path) -> None:
    """A resumed run appends to its output, and a script may write to its files."""
    repo = Repo.open(git_repo)
    run = record_run(repo, {"output.log": LARGE})
    git(git_repo, "clean", "-q", "-fdx")
    Repo.open(git_repo)
    with run.output.open("ab") as stream:
        stream.write(b"more")

    assert repo.store.read_bytes(digest_bytes(LARGE)) == LARGE


def test_an_interrupted_return_is_taken_up_again(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full in the middle: the records say that they are incomplete."""
    files = {f"files/{number}.bin": bytes([number]) * (1 << 21) for number in range(3)}
    run = record_run(Repo.open(git_repo), files)
    git(git_repo, "clean", "-q", "-fdx")
    link, calls = os.link, iter(range(100))

    def failing(source: Path, target: Path) -> None:
        if Path(target).suffix == ".bin" and next(calls) == 1:
            raise OSError(28, "No space left on device")
        link(source, target)

    monkeypatch.setattr(os, "link", failing)
    assert "the disk is full" in Repo.open(git_repo).warnings[0]
    monkeypatch.undo()

    assert Repo.open(git_repo).warnings == ()
    assert {path: (run.folder / path).read_bytes() for path in files} == files


def test_a_file_that_is_there_is_left_alone(git_repo: Path) -> None:
    """Whatever it holds now."""
    repo = Repo.open(git_repo)
    run = record_run(repo, {"output.log": LARGE, "files/gone.bin": LARGE[::-1]})
    run.output.write_bytes(b"changed")
    (run.files / "gone.bin").unlink()

    assert bring_back(repo.layout, repo.store) == 1
    assert run.output.read_bytes() == b"changed"
    assert bring_back(repo.layout, repo.store) == 0


def test_an_object_that_is_missing_or_damaged_stays_away(git_repo: Path) -> None:
    """And stops no other: a clone may have the records and not the bytes."""
    repo = Repo.open(git_repo)
    run = record_run(repo, {f"files/{name}": name.encode() * (1 << 21) for name in "abc"})
    for name in "abc":
        (run.files / name).unlink()
    repo.store.delete([digest_bytes(b"a" * (1 << 21))])
    damaged = repo.store.file_of(digest_bytes(b"b" * (1 << 21)))
    assert damaged is not None
    damaged.chmod(0o644)
    damaged.write_bytes(b"x" * (1 << 21))

    assert bring_back(repo.layout, repo.store) == 1
    assert sorted(path.name for path in run.files.iterdir()) == ["c"]


@pytest.mark.parametrize("path", ["../../../../evil", "/tmp/evil", "files/link/evil", ".git/evil", "a\\evil"])
def test_a_hostile_record_writes_nothing_outside_of_its_run(git_repo: Path, path: str) -> None:
    """Records come from other people, too."""
    repo = Repo.open(git_repo)
    run = record_run(repo, {"files/x": b"x"})
    outside = git_repo.parent / "outside"
    outside.mkdir()
    (run.files / "link").symlink_to(outside)
    digest = repo.store.put_bytes(LARGE)
    run.record.write_text(dump_yaml({"files": [{"path": path, "digest": digest, "size": len(LARGE)}]}))

    assert bring_back(repo.layout, repo.store) == 0
    assert not list(git_repo.parent.rglob("evil"))


@pytest.mark.parametrize(
    "text",
    [
        "size: 9999999\nfiles: [",
        "size: 9999999\nfiles: 5",
        "files: [5, {size: 9999999}, {path: 1, digest: 2}]",
        "- size: 9999999",
        "files: [{path: x, digest: zz, size: 99999999999}]",
        "size: 9999999\nfiles: !!python/object:os.system []",
    ],
)
def test_a_record_that_cannot_be_read_stops_no_other(git_repo: Path, text: str) -> None:
    repo = Repo.open(git_repo)
    run = record_run(repo, {"output.log": LARGE}, "zzz")
    run.output.unlink()
    bad = repo.layout.run("p", "bad")
    bad.folder.mkdir(parents=True)
    bad.record.write_text(text)

    assert bring_back(repo.layout, repo.store) == 1


def test_a_file_in_the_place_of_a_folder_is_kept(git_repo: Path) -> None:
    repo = Repo.open(git_repo)
    run = record_run(repo, {"files/x.bin": LARGE})
    (run.files / "x.bin").unlink()
    run.files.rmdir()
    run.files.write_text("mine")

    assert bring_back(repo.layout, repo.store) == 0
    assert run.files.read_text() == "mine"


def test_a_full_disk_is_said(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo.open(git_repo)
    run = record_run(repo, {"output.log": LARGE})
    run.output.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(StoreError, match="the disk is full"):
        bring_back(repo.layout, repo.store)
    assert list(run.folder.iterdir()) == [run.record]
