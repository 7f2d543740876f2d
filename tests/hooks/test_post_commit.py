"""After a commit, and after it was rewritten: what the commit log says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.project import Project, make
from vcs.layout import LEDGER_REF
from vcs.records.commit_log import CommitVersion


@pytest.fixture
def quiet(git_repo: Path) -> Project:
    """A project whose hooks are called in this process only."""
    return make(git_repo, hooks=False)


def versions(project: Project, commit: str = "HEAD") -> list[str]:
    """The versions that belong to a commit."""
    found = project.log().versions_of(project.ask("rev-parse", commit))
    return [f"{one.path}={one.version}" for one in found]


def change(project: Project, text: str) -> str:
    """Commit a change of the data and return the commit."""
    project.write("data/0.txt", text)
    project.write("train.py", f"print({text!r})\n")
    project.commit(text.strip())
    return project.ask("rev-parse", "HEAD")


def test_a_commit_is_stamped_on_its_versions(project: Project) -> None:
    """With everything needed to find them, and in the ledger."""
    commit = change(project, "second\n")
    pointer = project.pointer()
    assert project.log().versions == (CommitVersion(commit, "p/data", "v1", pointer.digest, "data", "main"),)
    assert f"commit {commit[:10]} has p/data:v1" in project.ask("log", "--format=%s", LEDGER_REF)
    recorded = project.ask("show", f"{LEDGER_REF}:commits.yaml")
    assert recorded == project.layout.commits.read_text().removesuffix("\n")


def test_a_commit_without_new_versions_is_not_stamped(project: Project) -> None:
    """Versions belong to the commit that brought them in."""
    project.write("train.py", "print(2)\n")
    project.commit("code")
    assert project.log().versions == ()


def test_a_manifest_does_not_change(project: Project) -> None:
    """What is only known later is said elsewhere."""
    change(project, "second\n")
    manifest = project.layout.manifest("p", "data", 1).read_text()
    assert project.ask("rev-parse", "HEAD") not in manifest
    assert project.ask("rev-parse", "HEAD~1") in manifest


def test_an_amended_commit_keeps_its_versions(project: Project) -> None:
    """Both the old and the new one can be asked."""
    old = change(project, "second\n")
    project.git("commit", "-q", "--amend", "-m", "better words")
    assert versions(project) == ["data=v1"]
    assert versions(project, old) == ["data=v1"]
    assert project.ask("rev-parse", "HEAD") in project.log().descent(old)


@pytest.mark.slow
def test_rebased_commits_keep_their_versions(project: Project) -> None:
    """Also after several rebases, and several commits at once."""
    first = change(project, "second\n")
    change(project, "third\n")
    for number in range(2):
        project.git("checkout", "-q", "-b", f"base{number}", "HEAD~2" if number == 0 else "base0")
        project.git("commit", "-q", "--allow-empty", "-m", "base")
        project.git("checkout", "-q", "main")
        project.git("rebase", "-q", f"base{number}")
    assert versions(project, "HEAD~1") == ["data=v1"]
    assert versions(project) == ["data=v2"]
    assert project.ask("rev-parse", "HEAD~1") in project.log().descent(first)


def test_squashed_commits_bring_all_their_versions(project: Project) -> None:
    """The one commit that is left has what each of them had."""
    change(project, "second\n")
    change(project, "third\n")
    project.git(
        "rebase", "-q", "-i", "HEAD~2", GIT_SEQUENCE_EDITOR="sed -i 2s/pick/fixup/", GIT_EDITOR="true"
    )
    assert sorted(versions(project)) == ["data=v1", "data=v2"]
    assert project.committed() == "v2"


def test_commits_of_which_nothing_is_known_are_not_carried(project: Project) -> None:
    """The log says what concerns us."""
    project.write("train.py", "print(2)\n")
    project.commit("code")
    project.git("commit", "-q", "--amend", "-m", "other words")
    assert project.log().rewrites == ()


@pytest.mark.parametrize("dirty", [False, True])
def test_commits_on_which_runs_started_are_carried(project: Project, dirty: bool) -> None:
    """The code that ran stays alive by its own ref; the link leads to what it became."""
    if dirty:
        project.write("train.py", "print('dirty')\n")
    old = project.ask("rev-parse", "HEAD")
    code = project.repo.capture_code().code_commit
    assert (code == old) is not dirty
    project.git("commit", "-q", "--amend", "-m", "other words")
    new = project.ask("rev-parse", "HEAD")
    assert project.log().ancestry(new) == {old, new}
    assert project.ask("rev-parse", f"refs/tracker/code/{code}") == code


def test_telling_twice_records_once(quiet: Project) -> None:
    """A hook that is called again for the same event adds nothing."""
    old = quiet.ask("rev-parse", "HEAD")
    quiet.repo.capture_code()
    for _ in range(2):
        assert quiet.hook("post-rewrite", "amend", input=f"{old} {'1' * 40}\n") == 0
    assert len(quiet.log().rewrites) == 1


def test_input_that_is_no_rewrite_is_harmless(quiet: Project) -> None:
    """Empty, or of a form that git may invent."""
    for text in ("", "\n", "x\n", f"{'1' * 40} {'2' * 40} extra\n"):
        assert quiet.hook("post-rewrite", "amend", input=text) == 0
    assert quiet.log().rewrites == ()


@pytest.mark.slow
def test_a_merge_is_stamped_with_what_no_parent_has(project: Project) -> None:
    """Not again with what its parents brought in."""
    project.write("other/a.txt", "1\n")
    project.track("other", "other")
    project.git("commit", "-q", "-m", "other")
    project.git("checkout", "-q", "-b", "side")
    project.write("other/a.txt", "2\n")
    project.write("side.py", "1\n")
    project.git("add", "side.py")
    project.commit("side")
    project.git("checkout", "-q", "main")
    change(project, "second\n")
    project.git("merge", "-q", "side", "-m", "merge")
    assert (project.committed("data"), project.committed("other")) == ("v1", "v1")
    assert versions(project) == []


def test_the_first_commit_is_stamped(tmp_path: Path) -> None:
    """It has no parent."""
    root = tmp_path / "new"
    root.mkdir()
    project = Project(root)
    project.git("init", "-q", "-b", "main")
    project.install()
    project.write("data/a.txt", "1\n")
    project.track("data", "data")
    project.git("commit", "-q", "-m", "first")
    assert versions(project) == ["data=v0"]


def test_a_pointer_that_cannot_be_read_is_passed_over(quiet: Project) -> None:
    """Somebody committed it with --no-verify."""
    quiet.write("more.tracker", "nonsense\n")
    quiet.git("add", "more.tracker")
    quiet.git("commit", "-q", "-m", "nonsense")
    assert quiet.hook("post-commit") == 0
    assert quiet.log().versions == ()


def test_nothing_is_stamped_in_the_middle_of_a_rebase(quiet: Project) -> None:
    """Commits come and go; the end counts."""
    (quiet.root / ".git" / "rebase-merge").mkdir()
    assert quiet.hook("post-commit") == 0
    assert quiet.log().versions == ()
