"""git as it is asked: the environment, the settings, the failures."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import git
from vcs.errors import GitError, StoreError
from vcs.git import LOCATING_VARIABLES, Git, Identity, git_version, run_git, scrubbed


def test_only_variables_that_locate_a_repository_are_taken_out() -> None:
    """What the user set for the network, the settings and the search stays."""
    kept = {
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_GLOBAL": "/x",
        "GIT_SSH_COMMAND": "ssh -v",
        "GIT_ASKPASS": "ask",
        "GIT_CONFIG_COUNT": "1",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM": "1",
        "PATH": "/bin",
    }
    assert scrubbed({**kept, **dict.fromkeys(LOCATING_VARIABLES, "x")}) == kept


def test_the_list_of_locating_variables_is_that_of_git(git_repo: Path) -> None:
    """A newer git that knows more of them makes this test fail, not a user's repository."""
    listed = set(git(git_repo, "rev-parse", "--local-env-vars").split())
    assert listed - LOCATING_VARIABLES <= {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}


def test_the_environment_of_a_hook_does_not_redirect_us(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git gives its hooks GIT_DIR and GIT_INDEX_FILE; our processes look where they are told to."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    expected = git(git_repo, "rev-parse", "HEAD").strip()
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert Git(git_repo).head() == expected
    assert Git(git_repo).run("ls-files") == b"train.py\n"


def test_head_and_branch(git_repo: Path) -> None:
    """On a branch, detached, and before the first commit."""
    head = git(git_repo, "rev-parse", "HEAD").strip()
    assert (Git(git_repo).head(), Git(git_repo).branch()) == (head, "main")
    git(git_repo, "checkout", "-q", "--detach")
    assert (Git(git_repo).head(), Git(git_repo).branch()) == (head, None)
    git(git_repo, "checkout", "-q", "--orphan", "feature/ü")
    assert (Git(git_repo).head(), Git(git_repo).branch()) == (None, "feature/ü")


def test_the_git_directories_are_found_without_a_process(git_repo: Path, tmp_path: Path) -> None:
    """The main working tree, a linked one, and one with a separate git directory."""
    linked = tmp_path / "linked tree"
    git(git_repo, "worktree", "add", "-q", "--detach", str(linked))
    apart = tmp_path / "apart"
    git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere.git"), str(apart))
    for folder in (git_repo, linked, apart):
        expected = git(folder, "rev-parse", "--absolute-git-dir").strip()
        common = git(folder, "rev-parse", "--git-common-dir").strip()
        assert str(Git(folder).git_dir) == expected
        assert Git(folder).common_dir == (folder / common).resolve()


def test_a_subfolder_and_a_bare_repository_ask_git_where_they_are(git_repo: Path, tmp_path: Path) -> None:
    """Without a `.git` entry at hand git is asked."""
    (git_repo / "sub").mkdir()
    assert Git(git_repo / "sub").git_dir == git_repo / ".git"
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    assert Git(tmp_path / "bare.git").git_dir == tmp_path / "bare.git"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ann:s3cret@host/team/p.git", "https://host/team/p.git"),
        ("https://token@host/p.git", "https://host/p.git"),
        ("git@host:team/p.git", "git@host:team/p.git"),
        ("ssh://git:pw@host/p.git", "ssh://git@host/p.git"),
        ("https://ann:p@ss@host/p.git", "https://host/p.git"),
        ("../p.git", "../p.git"),
        ("gh:team/p", "https://github.example/team/p"),
    ],
)
def test_the_remote_is_named_without_credentials(git_repo: Path, url: str, expected: str) -> None:
    """Addresses go into records, passwords do not; `insteadOf` is applied as git would."""
    git(git_repo, "config", "url.https://x:y@github.example/.insteadOf", "gh:")
    git(git_repo, "config", "url.https://wrong/.insteadOf", "g")
    git(git_repo, "config", "--unset", "url.https://wrong/.insteadOf")
    git(git_repo, "remote", "add", "origin", url)
    assert Git(git_repo).remote_url("main") == expected


def test_the_remote_is_that_of_the_branch_then_origin_then_the_only_one(git_repo: Path) -> None:
    """With several and no way to choose, none is named."""
    assert Git(git_repo).remote_url("main") is None
    git(git_repo, "remote", "add", "team", "/team.git")
    assert Git(git_repo).remote_url("main") == "/team.git"
    git(git_repo, "remote", "add", "mine.dots", "/mine.git")
    assert Git(git_repo).remote_url("main") is None
    git(git_repo, "config", "branch.main.remote", "mine.dots")
    assert Git(git_repo).remote_url("main") == "/mine.git"
    assert Git(git_repo).remote_url(None) is None
    git(git_repo, "remote", "add", "origin", "/origin.git")
    assert Git(git_repo).remote_url(None) == "/origin.git"


def test_identity_is_the_user_or_the_tracker(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine on which git was never set up can still record."""
    assert Git(git_repo).identity() == Identity("Test", "test@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    assert str(Git(git_repo).identity()) == "tracker <tracker@localhost>"


def test_an_identity_cannot_break_out_of_its_field() -> None:
    """Angle brackets and newlines would end the name in a commit."""
    assert str(Identity("A <b>\nc", "x>y\n")) == "A b c <x y>"


def test_no_hook_of_the_user_runs(git_repo: Path) -> None:
    """Not even the ones that watch refs and the index."""
    hooks = git_repo / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-index-change", "pre-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{git_repo}/ran-{name}'\n")
        (hooks / name).chmod(0o755)
    head = Git(git_repo).head()
    assert head
    Git(git_repo).update_ref("refs/tracker/code/x", head)
    Git(git_repo).run(
        "update-index", "--add", "train.py", env={"GIT_INDEX_FILE": str(git_repo / ".git/mine")}
    )
    assert not list(git_repo.glob("ran-*"))


def test_a_failure_carries_the_words_of_git_without_credentials(git_repo: Path) -> None:
    """The message names the command and the cause."""
    with pytest.raises(GitError, match=r"git rev-list failed: .*nonsense") as caught:
        Git(git_repo).run("-c", "core.quotePath=false", "rev-list", "nonsense")
    assert "fatal" not in caught.value.message
    with pytest.raises(GitError) as caught:
        Git(git_repo).run("fetch", "https://ann:s3cret@localhost:1/x.git")
    assert "s3cret" not in str(caught.value)


def test_without_check_a_failure_returns_what_was_printed(git_repo: Path) -> None:
    """For questions to which no is an answer."""
    assert Git(git_repo).run("rev-parse", "--verify", "--quiet", "nonsense", check=False) == b""


def test_a_missing_git_is_one_sentence(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a GitError that says what to install."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitError, match="git is not installed") as caught:
        Git(git_repo).head()
    assert caught.value.hint


def fake_git(folder: Path, script: str) -> str:
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_git_that_is_too_old_says_so_when_it_fails(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is asked for only then, so that it costs nothing before."""
    script = 'case "$*" in version) echo git version 2.7.4;; *) echo usage: wrong >&2; exit 129;; esac'
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", script))
    with pytest.raises(GitError, match=r"git 2\.7\.4 is too old") as caught:
        Git(git_repo).run("status")
    assert "2.20" in str(caught.value)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [("git version 2.39.5 (Apple Git-154)", (2, 39, 5)), ("git version 2.52.0.rc1", (2, 52, 0))],
)
def test_versions_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, expected: tuple[int, ...]
) -> None:
    """Vendors and candidates add words of their own."""
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", f"echo '{printed}'"))
    assert git_version() == expected


def test_a_git_that_does_not_work_is_not_called_old(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation says why itself."""
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", "echo no license accepted >&2; exit 69"))
    with pytest.raises(GitError, match="git does not work: no license accepted"):
        Git(git_repo).run("status")


def test_a_killed_git_is_named_by_its_signal(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The out-of-memory killer leaves no message of its own."""
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", "kill -9 $$"))
    with pytest.raises(GitError, match="killed by signal 9"):
        Git(git_repo).head() or Git(git_repo).run("status")


def test_input_can_be_fed_in_pieces(git_repo: Path) -> None:
    """More than a pipe holds, and an end before all of it was read."""
    pieces = (b"x" * 1000 for _ in range(1000))
    whole = git_repo / "whole"
    whole.write_bytes(b"x" * 1_000_000)
    expected = git(git_repo, "hash-object", "whole").strip()
    assert Git(git_repo).run("hash-object", "--stdin", input=pieces).decode().strip() == expected
    done = run_git(["git", "hash-object", "--nonsense"], input=(b"x" * 100_000 for _ in range(100)))
    assert done.code != 0
    assert "usage" in done.errors


def test_a_git_that_the_system_will_not_start_is_reported_in_a_sentence(git_repo: Path) -> None:
    """Not as a damaged repository, which would be mended."""
    for given in (b"", iter([b"x"])):
        with pytest.raises(StoreError, match="cannot run git: "):
            run_git(["git", "-C", git_repo, "rev-parse"], input=given, env={"LONG": "x" * (4 << 20)})


def test_an_error_while_feeding_ends_git(git_repo: Path) -> None:
    """The error comes through, and no process is left behind."""

    def pieces():  # type: ignore[no-untyped-def]
        yield b"one"
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Git(git_repo).run("hash-object", "-w", "--stdin", input=pieces())


def test_a_ref_is_read_loose_and_packed(git_repo: Path) -> None:
    """Its own file where there is one, git otherwise; None when there is none."""
    asked = Git(git_repo)
    head = asked.head()
    assert head
    assert asked.resolve_ref("refs/tracker/ledger") is None
    asked.update_ref("refs/tracker/ledger", head)
    assert asked.resolve_ref("refs/tracker/ledger") == head
    git(git_repo, "pack-refs", "--all")
    assert not (git_repo / ".git/refs/tracker/ledger").exists()
    assert asked.resolve_ref("refs/tracker/ledger") == head


def test_the_lock_file_of_a_killed_git_is_taken_away(git_repo: Path) -> None:
    """git removes its lock files on every end but SIGKILL."""
    asked = Git(git_repo)
    head = asked.head()
    assert head
    asked.update_ref("refs/tracker/ledger", head)
    lock = git_repo / ".git/refs/tracker/ledger.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60,) * 2)
    asked.update_ref("refs/tracker/ledger", git(git_repo, "commit-tree", "HEAD^{tree}", "-m", "x").strip())
    assert not lock.exists()


def test_messages_are_understood_in_any_language(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git is asked for its own words, whatever the user's language is."""
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    with pytest.raises(GitError, match=r"ambiguous argument|unknown revision|bad revision"):
        Git(git_repo).run("rev-list", "nonsense")


def test_gitpython_reads_this_repository_also_in_a_hook(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For history and configuration at leisure."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "other")], check=True)
    head = Git(git_repo).head()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    repository = Git(git_repo).repository()
    assert repository.head.commit.hexsha == head
    assert [commit.summary for commit in repository.iter_commits()] == ["first"]
    assert repository.config_reader().get_value("user", "name") == "Test"
