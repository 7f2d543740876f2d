"""Records that were lost come back from the ledger, and a hostile ledger writes nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.records.ledgers import in_ledger, lose, opened, records_of, write_run
from vcs.layout import LEDGER_REF
from vcs.ledger_paths import to_ledger, to_record


def test_a_cleaned_working_tree_gets_its_records_back(git_repo: Path) -> None:
    """Byte for byte, after `git clean -fdx`; then one stat is all that the question costs."""
    layout, ledger = opened(git_repo)
    for number in range(5):
        ledger.commit([write_run(layout, f"run{number}", loss=number)], "run")
    manifest = layout.manifest("LeNet5", "m", 0)
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(b"format: 1\r\n\0\xff")
    ledger.commit([manifest], "artifact")
    before = records_of(layout)
    assert ledger.restore_if_lost() == 0
    lose(git_repo)
    assert ledger.restore_if_lost() == 16
    assert records_of(layout) == before
    assert (layout.records / ".gitignore").read_text() == "*\n"
    assert ledger.restore_if_lost() == 0
    assert git(git_repo, "status", "--short") == ""


def test_a_restore_overwrites_nothing(git_repo: Path) -> None:
    """What was written since the loss is newer than the ledger."""
    layout, ledger = opened(git_repo)
    folder = write_run(layout, "abc", loss=1)
    ledger.commit([folder], "one")
    lose(git_repo)
    folder.mkdir(parents=True)
    (folder / "summary.yaml").write_text("newer\n")
    assert ledger.restore_if_lost() == 2
    assert (folder / "summary.yaml").read_text() == "newer\n"


def test_a_run_that_goes_on_after_a_clean_removes_nothing(git_repo: Path) -> None:
    """Its next commit finds files missing that were cleaned away, and not removed."""
    layout, ledger = opened(git_repo)
    write_run(layout, "old")
    folder = write_run(layout, "abc", loss=1)
    ledger.commit([layout.records], "start")
    lose(git_repo)
    folder.mkdir(parents=True)
    (folder / "summary.yaml").write_text("loss: 0.1\n")
    ledger.commit([folder], "run abc finished")
    assert len(in_ledger(git_repo)) == 6
    assert in_ledger(git_repo)[to_ledger("runs/LeNet5/abc/summary.yaml")] == b"loss: 0.1\n"
    assert (layout.run("LeNet5", "old").record).exists()


def test_a_fetched_ledger_appears_in_an_empty_clone(git_repo: Path, tmp_path: Path) -> None:
    """A clone has no records until the ref is there; then it has all of them."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "abc")], "one")
    git(tmp_path, "clone", "-q", str(git_repo), "clone")
    clone_layout, clone = opened(tmp_path / "clone")
    assert clone.restore_if_lost() == 0
    git(tmp_path / "clone", "fetch", "-q", "origin", f"{LEDGER_REF}:{LEDGER_REF}")
    assert clone.restore_if_lost() == 3
    assert records_of(clone_layout) == records_of(layout)


def test_a_ledger_that_moved_by_itself_is_caught_up_with(git_repo: Path, tmp_path: Path) -> None:
    """`git fetch` into the ref brings runs that the next commit must not lose."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "mine")], "one")
    git(tmp_path, "clone", "-q", str(git_repo), "clone")
    git(tmp_path / "clone", "fetch", "-q", "origin", f"{LEDGER_REF}:{LEDGER_REF}")
    clone_layout, clone = opened(tmp_path / "clone")
    clone.restore_if_lost()
    clone.commit([write_run(clone_layout, "theirs")], "two")
    git(git_repo, "fetch", "-q", str(tmp_path / "clone"), f"{LEDGER_REF}:{LEDGER_REF}")
    layout.run("LeNet5", "mine").summary.unlink()
    ledger.commit([layout.run("LeNet5", "mine").folder], "three")
    assert records_of(layout).keys() == {
        *(f"runs/LeNet5/mine/{name}" for name in ("run.yaml", "history/0-0.jsonl")),
        *(f"runs/LeNet5/theirs/{name}" for name in ("run.yaml", "history/0-0.jsonl", "summary.yaml")),
    }
    assert {to_record(path) for path in in_ledger(git_repo)} == records_of(layout).keys()


@pytest.mark.parametrize("mark", [b"", b"\xff\xfe", b"not a commit\n", b"0" * 40])
def test_a_damaged_mark_is_mended_by_the_next_commit(git_repo: Path, mark: bytes) -> None:
    """It says nothing then, so what is missing is looked for."""
    layout, ledger = opened(git_repo)
    folder, other = write_run(layout, "abc"), write_run(layout, "other")
    ledger.commit([folder, other], "one")
    layout.ledger_mark.write_bytes(mark)
    (other / "run.yaml").unlink()
    tip = ledger.commit([folder], "same")
    assert layout.ledger_mark.read_text().strip() == tip == ledger.tip()
    assert (other / "run.yaml").exists()


HOSTILE = [
    "../outside.txt",
    "runs/../../outside.txt",
    ".gitignore",
    "store/x",
    "resume.json",
    "runs/p/zz/abc/run.yaml",
    "runs/p/abc",
]


def hostile_tree(folder: Path, path: str, mode: str, content: str) -> None:
    """Build a ledger by hand that has a path which no commit of ours would have."""
    blob = subprocess.check_output(
        ["git", "-C", str(folder), "hash-object", "-w", "--stdin"], input=content.encode()
    ).decode()
    name, kind = blob.strip(), "blob"
    for number, part in enumerate(reversed(path.split("/"))):
        line = f"{mode if number == 0 else '040000'} {kind} {name}\t{part}\n"
        name = (
            subprocess.check_output(["git", "-C", str(folder), "mktree"], input=line.encode())
            .decode()
            .strip()
        )
        kind = "tree"
    commit = git(folder, "commit-tree", name, "-m", "hostile").strip()
    git(folder, "update-ref", LEDGER_REF, commit)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_ledger_writes_nothing_where_it_should_not(git_repo: Path, path: str) -> None:
    """A ledger may come from a remote; its paths are not trusted."""
    hostile_tree(git_repo, path, "100644", "evil")
    layout, ledger = opened(git_repo)
    assert ledger.restore_if_lost() == 0
    assert not (git_repo / "outside.txt").exists()
    assert (layout.records / ".gitignore").read_text() == "*\n"


def test_links_in_a_ledger_are_not_made(git_repo: Path) -> None:
    """A link could lead a later file out of the records."""
    hostile_tree(git_repo, "artifacts/link", "120000", "/etc")
    layout, ledger = opened(git_repo)
    assert ledger.restore_if_lost() == 0
    assert not layout.artifacts.exists()
