"""From a commit to its runs, versions and tracked data, also after it was rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import save
from tests.conftest import git
from tests.tracker.compare.runs_on_disk import make_run, store_texts
from tracker.read.commits import commits_of, find_commit, records_of, runs_at
from vcs.artifacts.manifest import Origin
from vcs.errors import GitError, NotFoundError
from vcs.records.commit_log import CommitRun, CommitVersion, Rewrite, append_entries
from vcs.repo import Repo

NOW = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


def log(repo: Repo, text: str, **origin: str) -> str:
    """Make a version of `p/data` and return its name."""
    folder = store_texts(repo.layout.root.parent / "data", {"x": text})
    logged = repo.log_artifact("p", "data", "dataset", repo.add_tree(folder), origin=Origin(**origin))  # type: ignore[arg-type]
    return logged.manifest.qualified_name


def test_a_revision_names_a_commit(repo: Repo) -> None:
    """As git has it, with what its message says."""
    commit = save(repo.layout.root, "a <b> é\n\nmore")
    found = find_commit(repo, "main")
    assert (found.id, found.subject, found.author, found.same) == (commit, "a <b> é", "Test", {commit})
    assert find_commit(repo, "HEAD~1").subject == "first"


@pytest.mark.parametrize("revision", ["nope", "--all", "-h", "", "HEAD:train.py", "HEAD~99"])
def test_what_names_no_commit_is_not_found(repo: Repo, revision: str) -> None:
    """And is no option to git."""
    with pytest.raises(NotFoundError, match="git knows no commit"):
        find_commit(repo, revision)


def test_without_git_there_are_no_commits(plain_dir: Path) -> None:
    """A sentence."""
    with pytest.raises(GitError, match="without a git repository"):
        find_commit(Repo.open(plain_dir), "HEAD")


def test_runs_are_found_by_what_was_checked_out_and_by_what_ran(repo: Repo) -> None:
    """In any of their sessions."""
    head = save(repo.layout.root)
    make_run(repo.layout, "clean", session={"commit": head, "code_commit": head})
    dirty = make_run(repo.layout, "dirty", session={"commit": head, "code_commit": "1" * 40})
    make_run(repo.layout, "other", session={"commit": "2" * 40})
    assert [run.id for run in runs_at(repo, find_commit(repo, "HEAD"))] == ["clean", "dirty"]
    assert commits_of(dirty.record) == {head, "1" * 40}
    assert runs_at(repo, find_commit(repo, "HEAD"), project="other") == []


def test_a_run_is_found_by_its_code_commit(repo: Repo) -> None:
    """Which is a commit as any other."""
    (repo.layout.root / "train.py").write_text("print('changed')\n")
    code = repo.capture_code()
    assert code.code_commit is not None
    make_run(repo.layout, "dirty", session={"commit": code.commit, "code_commit": code.code_commit})
    found = runs_at(repo, find_commit(repo, code.code_commit[:12]))
    assert [run.id for run in found] == ["dirty"]


def test_versions_made_on_a_commit_and_brought_in_by_it(repo: Repo) -> None:
    """A version that neither holds for is left out."""
    head = save(repo.layout.root)
    made = log(repo, "1", commit=head)
    brought = log(repo, "2", commit="1" * 40)
    log(repo, "3", commit="1" * 40)
    append_entries(repo.layout.commits, [CommitVersion(head, "p/data", "v1", "0" * 64, "data")], NOW)
    found = records_of(repo, find_commit(repo, "HEAD"))
    assert [one.qualified_name for one in found.versions] == [made, brought]


def test_what_was_said_of_a_commit_holds_after_an_amend(repo: Repo) -> None:
    """Runs, versions and runs that its message names."""
    old = save(repo.layout.root, "before")
    version = log(repo, "1", commit=old)
    make_run(repo.layout, "ran", session={"commit": old, "code_commit": old})
    make_run(repo.layout, "named")
    git(repo.layout.root, "commit", "-q", "--allow-empty", "--amend", "-m", "after")
    new = git(repo.layout.root, "rev-parse", "HEAD").strip()
    append_entries(repo.layout.commits, [CommitRun(old, "p", "named"), Rewrite(old, new, "amend")], NOW)
    found = records_of(repo, find_commit(repo, "HEAD"))
    assert found.commit.same == {old, new}
    assert [run.id for run in found.runs] == ["named", "ran"]
    assert [one.qualified_name for one in found.versions] == [version]


POINTER = """format: 1
artifact: p/data
type: dataset
version: v0
digest: '{digest}'
size_bytes: 3
files: 1
"""


def test_tracked_data_is_that_of_the_commit_not_of_the_working_tree(repo: Repo) -> None:
    """Pointers that cannot be read are said, what is only named like one is not taken for one."""
    root = repo.layout.root
    store_texts(
        root,
        {
            "data/my set.tracker": POINTER.format(digest="ab" * 32),
            "broken.tracker": "artifact: 3\n",
            "binary.tracker": "x",
            ".tracker.yaml": "",
        },
    )
    (root / "binary.tracker").write_bytes(b"\xff\xfe")
    (root / "huge.tracker").write_bytes(b"#" * (2 << 20))
    save(root)
    git(root, "rm", "-q", "data/my set.tracker")
    save(root)
    found = records_of(repo, find_commit(repo, "HEAD~1"))
    assert [(path, pointer.qualified_name) for path, pointer in found.pointers] == [
        ("data/my set", "p/data:v0")
    ]
    assert len(found.problems) == 2
    assert records_of(repo, find_commit(repo, "HEAD")).pointers == ()


def test_a_damaged_manifest_hides_no_other(repo: Repo) -> None:
    """It is named."""
    head = save(repo.layout.root)
    log(repo, "1", commit=head)
    made = log(repo, "2", commit=head)
    repo.layout.manifest("p", "data", 0).write_text("format: 1\n")
    found = records_of(repo, find_commit(repo, "HEAD"))
    assert [one.qualified_name for one in found.versions] == [made]
    assert "v0.yaml" in found.problems[0]
