"""A ledger whose newest objects a power cut has taken goes on, and no record is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.records.test_ledger import in_ledger, lose, opened, records_of, write_run
from tests.vcs.user_state import user_state
from vcs.errors import GitError
from vcs.git import Git
from vcs.layout import LEDGER_REF
from vcs.ledger_paths import to_record
from vcs.records.ledger_repair import go_back, is_whole, remember


def loose(folder: Path) -> set[Path]:
    return {path for path in (folder / ".git/objects").glob("??/*") if path.is_file()}


def damage(paths: set[Path], content: bytes = b"") -> None:
    """What a file system leaves of files that it had no time to write."""
    for path in paths:
        path.chmod(0o644)
        path.write_bytes(content)


def test_the_ledger_goes_back_to_where_it_is_whole_and_takes_all_records_along(git_repo: Path) -> None:
    """The history up to there stays, the records are all in the new commit."""
    layout, ledger = opened(git_repo)
    first = ledger.commit([write_run(layout, "one")], "one")
    before = loose(git_repo)
    ledger.commit([write_run(layout, "two")], "two")
    lost = ledger.commit([write_run(layout, "three")], "three")
    damage(loose(git_repo) - before)
    state = user_state(git_repo)
    ledger.commit([write_run(layout, "four")], "four")
    repaired = "ledger repaired: its newest commits were damaged"
    assert [entry.message for entry in ledger.log()] == [repaired, "one"]
    assert git(git_repo, "merge-base", "--is-ancestor", str(first), LEDGER_REF) == ""
    assert lost not in git(git_repo, "rev-list", LEDGER_REF)
    assert {to_record(path) for path in in_ledger(git_repo)} == records_of(layout).keys()
    assert user_state(git_repo) == state
    git(git_repo, "fsck", "--strict", "--no-dangling")
    git(git_repo, "gc", "-q", "--prune=now")
    expected = records_of(layout)
    lose(git_repo)
    assert ledger.restore_if_lost() == 12
    assert records_of(layout) == expected


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"x\x9c nonsense"])
def test_without_a_whole_commit_a_new_history_begins(git_repo: Path, content: bytes) -> None:
    """All of git's objects of the ledger are gone; the records are not."""
    layout, ledger = opened(git_repo)
    before = loose(git_repo)
    ledger.commit([write_run(layout, "one")], "one")
    commit = ledger.tip()
    assert commit
    damage({git_repo / ".git/objects" / commit[:2] / commit[2:]}, content)
    if not content:
        damage(loose(git_repo) - before)
    ledger.commit([write_run(layout, "two")], "two")
    assert {to_record(path) for path in in_ledger(git_repo)} == records_of(layout).keys()
    assert is_whole(Git(git_repo), str(ledger.tip()))
    assert list((layout.machinery / "damaged").iterdir())


@pytest.mark.parametrize("content", ["", "\0" * 41, "0123"])
def test_a_ref_that_is_torn_is_replaced(git_repo: Path, content: str) -> None:
    """By the newest commit that is remembered."""
    layout, ledger = opened(git_repo)
    first = ledger.commit([write_run(layout, "one")], "one")
    (git_repo / ".git" / LEDGER_REF).write_text(content)
    ledger.commit([write_run(layout, "two")], "two")
    assert len(in_ledger(git_repo)) == 6
    assert str(first) in git(git_repo, "rev-list", LEDGER_REF)


def test_lost_records_and_a_damaged_ledger_bring_back_what_there_is_and_say_so(git_repo: Path) -> None:
    """Everything up to the newest whole commit; what is gone is not passed over in silence."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "one")], "one")
    expected = records_of(layout)
    before = loose(git_repo)
    ledger.commit([write_run(layout, "two")], "two")
    damage(loose(git_repo) - before)
    lose(git_repo)
    with pytest.raises(GitError, match="the ledger was damaged, and 1 records are lost"):
        ledger.restore_if_lost()
    assert records_of(layout) == expected
    assert ledger.restore_if_lost() == 0


def test_one_lost_object_costs_one_record(git_repo: Path) -> None:
    """The others come back, also newer ones; the one is named, in the diary too."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "one")], "one")
    folder = write_run(layout, "two")
    (folder / "config.yaml").write_text("lr: 0.125\n")
    ledger.commit([folder], "two")
    ledger.commit([write_run(layout, "three")], "three")
    expected = records_of(layout)
    blob = git(git_repo, "hash-object", str(folder / "config.yaml")).strip()
    (git_repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    lose(git_repo)
    with pytest.raises(GitError, match=r"runs/LeNet5/two/config\.yaml"):
        ledger.restore_if_lost()
    del expected["runs/LeNet5/two/config.yaml"]
    assert records_of(layout) == expected
    assert "lost: runs/LeNet5/two/config.yaml" in next(ledger.log()).message
    assert {to_record(path) for path in in_ledger(git_repo)} == expected.keys()


def test_a_whole_ledger_does_not_go_back(git_repo: Path) -> None:
    """Another failure of git is no reason to lose history; neither is an empty ledger."""
    layout, ledger = opened(git_repo)
    assert go_back(Git(git_repo), layout) is False
    tip = ledger.commit([write_run(layout, "one")], "one")
    assert go_back(Git(git_repo), layout) is False
    assert ledger.tip() == tip


def test_two_commits_ten_minutes_apart_are_remembered(git_repo: Path) -> None:
    """The older one was surely on disk when the power went."""
    layout, _ = opened(git_repo)
    safe = layout.machinery / "ledger-safe"
    a, b, c, d = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
    remember(layout, a, 1000.0)
    remember(layout, b, 1599.9)
    assert safe.read_text() == f"1000 {a}\n"
    remember(layout, b, 1600)
    remember(layout, c, 9000)
    assert safe.read_text() == f"9000 {c}\n1600 {b}\n"
    remember(layout, d, 10)
    assert safe.read_text() == f"10 {d}\n9000 {c}\n", "a clock that was set back is no reason to stop"
    safe.write_bytes(b"\0\xff torn")
    remember(layout, a, 20)
    assert safe.read_text() == f"20 {a}\n"


def test_objects_of_the_user_stay_where_they_are(git_repo: Path) -> None:
    """Only what git cannot read is moved, and nothing is deleted."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "one")], "one")
    before = {path: path.read_bytes() for path in loose(git_repo)}
    start = loose(git_repo)
    ledger.commit([write_run(layout, "two")], "two")
    broken = loose(git_repo) - start
    damage(broken)
    ledger.commit([write_run(layout, "three")], "three")
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in (layout.machinery / "damaged").iterdir()} == {
        os.path.basename(path.parent) + path.name for path in broken
    }
