"""Before a push: pointers whose contents are missing are named, and nothing else stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import git
from tests.hooks.project import Project, make
from vcs.tracked import verbs as tracked


@pytest.fixture
def pushing(git_repo: Path, tmp_path: Path) -> Project:
    """A project with a remote that has its first commit."""
    git(tmp_path, "init", "-q", "--bare", "remote")
    git(git_repo, "remote", "add", "origin", str(tmp_path / "remote"))
    git(git_repo, "push", "-q", "origin", "main")
    return make(git_repo)


def lose_contents(project: Project) -> None:
    """Remove every object from the store."""
    for folder in ("objects", "packs"):
        for path in (project.root / ".git" / "tracker" / folder).rglob("*"):
            if path.is_file():
                path.unlink()


def test_a_push_with_everything_in_the_store_passes(pushing: Project) -> None:
    """Without a word."""
    assert "tracker" not in pushing.git("push", "-q", "origin", "main").text


def test_a_push_of_lost_contents_is_stopped(pushing: Project) -> None:
    """Path, version and files are named; `--no-verify` passes."""
    lose_contents(pushing)
    refused = pushing.git("push", "origin", "main", check=False)
    assert refused.code == 1
    assert "data:v0 lacks data/0.txt, data/1.txt, data/2.txt: not in" in refused.text
    assert "git push --no-verify" in refused.text
    assert pushing.git("push", "--no-verify", "origin", "main").code == 0


def test_a_version_that_no_record_knows_is_named(pushing: Project) -> None:
    """The pointer was written by hand, or its records are elsewhere."""
    text = pushing.read("data.tracker").replace("version: v0", "version: v7")
    digest = pushing.pointer().digest
    pushing.write("data.tracker", text.replace(digest, "a" * 64))
    pushing.commit("x", "--no-verify")
    assert "p/data:v7 (aaaaaaaaaaaa)" in pushing.git("push", "origin", "main", check=False).text


@pytest.mark.slow
def test_every_commit_counts_not_only_the_last(pushing: Project) -> None:
    """Somebody may check out the one in the middle."""
    pushing.write("data/0.txt", "second\n")
    pushing.write("train.py", "print(2)\n")
    pushing.commit("second")
    lose_contents(pushing)
    pushing.git("rm", "-q", "data.tracker")
    pushing.git("commit", "-q", "-m", "without data")
    said = pushing.git("push", "origin", "main", check=False).text
    assert "data:v0 lacks" in said
    assert "data:v1 lacks" in said


def test_what_a_remote_has_is_not_asked_for(pushing: Project) -> None:
    """The pointers of others were theirs to check; so merges of their work can be pushed."""
    pushing.git("push", "-q", "origin", "main:theirs")
    pushing.git("fetch", "-q", "origin")
    lose_contents(pushing)
    pushing.git("checkout", "-q", "-b", "ours", "HEAD~1")
    pushing.write("ours.py", "1\n")
    pushing.git("add", "ours.py")
    pushing.git("commit", "-q", "-m", "ours")
    pushing.git("merge", "-q", "origin/theirs", "-m", "merge")
    assert pushing.git("push", "-q", "origin", "ours").code == 0


def test_versions_deleted_on_purpose_are_not_asked_for(pushing: Project) -> None:
    """Whoever deleted them knows."""
    pushing.write("data/0.txt", "second\n")
    pushing.write("train.py", "print(2)\n")
    pushing.commit("second")
    repo = pushing.repo
    repo.delete_artifact(repo.resolve("data:v0", project="p"))
    assert pushing.git("push", "-q", "origin", "main").code == 0


def test_deleting_a_remote_branch_passes(pushing: Project) -> None:
    """Nothing is sent."""
    pushing.git("push", "-q", "origin", "main:other", "--no-verify")
    lose_contents(pushing)
    assert pushing.git("push", "-q", "origin", ":other").code == 0


def test_pushing_to_an_address_passes(pushing: Project, tmp_path: Path) -> None:
    """git has no name for that remote; what other remotes have counts as sent."""
    pushing.git("push", "-q", "origin", "main")
    lose_contents(pushing)
    git(tmp_path, "init", "-q", "--bare", "second")
    assert pushing.git("push", "-q", str(tmp_path / "second"), "main").code == 0


@pytest.mark.slow
def test_a_merge_of_the_data_itself_is_checked(pushing: Project) -> None:
    """Its version is in no parent."""
    pushing.git("checkout", "-q", "-b", "side")
    pushing.write("data/0.txt", "side\n")
    pushing.commit("side", check=False)
    pushing.commit("side")
    pushing.git("checkout", "-q", "main")
    pushing.write("data/1.txt", "main\n")
    pushing.commit("main", check=False)
    pushing.commit("main")
    pushing.git("push", "-q", "origin", "main", "side")
    pushing.git("fetch", "-q", "origin")
    pushing.git("merge", "-q", "--no-commit", "side", check=False)
    tracked.settle(pushing.repo, prefer="ours")
    pushing.git("add", "data.tracker")
    pushing.git("commit", "-q", "-m", "merge", "--no-verify")
    assert pushing.committed() == "v3"
    lose_contents(pushing)
    assert "data:v3 lacks" in pushing.git("push", "origin", "main", check=False).text
