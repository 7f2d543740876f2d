"""The ledger: a history of the records that nobody sees and nothing loses."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.records.ledgers import in_ledger, lose, opened, records_of, write_run
from tests.vcs.user_state import user_state
from vcs.digest import digest_bytes
from vcs.errors import GitError, LockedError, UsageError
from vcs.git import Git, Identity
from vcs.layout import LEDGER_REF
from vcs.ledger_paths import to_ledger
from vcs.lock import file_lock
from vcs.records.ledger_tree import LARGEST_RUN_FILE


def test_a_commit_holds_the_files_and_the_message(git_repo: Path) -> None:
    """Under sharded paths for runs; plain git reads it."""
    layout, ledger = opened(git_repo)
    commit = ledger.commit([write_run(layout, "abc")], "run abc started", now_s=1_763_882_669.9)
    shard = digest_bytes(b"abc")[:2]
    assert in_ledger(git_repo) == {
        f"runs/LeNet5/{shard}/abc/run.yaml": b"format: 1\nid: abc\n",
        f"runs/LeNet5/{shard}/abc/summary.yaml": b"loss: 1.0\n",
        f"runs/LeNet5/{shard}/abc/history/0-0.jsonl": b"[0,0,1,1.0]\n",
    }
    shown = git(git_repo, "log", "--format=%H %an <%ae> %cn %ct %ci %s", LEDGER_REF).strip()
    assert shown == (
        f"{commit} Test <test@example.org> Test 1763882669 2025-11-23 07:24:29 +0000 run abc started"
    )
    git(git_repo, "fsck", "--strict")


def test_nothing_of_the_user_changes(git_repo: Path) -> None:
    """Index, branches, configuration, stash, working tree and what git says about them."""
    (git_repo / "train.py").write_text("work in progress\n")
    (git_repo / "staged.py").write_text("x\n")
    git(git_repo, "add", "staged.py")
    layout, ledger = opened(git_repo)
    ledger.prepare()
    before = user_state(git_repo)
    for number in range(3):
        ledger.commit([write_run(layout, f"run{number}")], f"run {number}")
    assert user_state(git_repo) == before
    assert ".tracker" not in git(git_repo, "status", "--short", "--untracked-files=all")


def test_a_commit_changes_only_what_it_is_about(git_repo: Path) -> None:
    """Other records stay as they were when they were committed."""
    layout, ledger = opened(git_repo)
    first, second = write_run(layout, "one"), write_run(layout, "two")
    ledger.commit([first, second], "both")
    write_run(layout, "one", loss=0.5)
    write_run(layout, "two", loss=0.25)
    ledger.commit([second / "summary.yaml"], "two only")
    held = in_ledger(git_repo)
    assert held[to_ledger("runs/LeNet5/one/summary.yaml")] == b"loss: 1.0\n"
    assert held[to_ledger("runs/LeNet5/two/summary.yaml")] == b"loss: 0.25\n"
    assert held[to_ledger("runs/LeNet5/two/history/0-0.jsonl")] == b"[0,0,1,1.0]\n"


def test_a_commit_without_a_change_is_none(git_repo: Path) -> None:
    """The commit that holds the files already is returned; no paths are no change."""
    layout, ledger = opened(git_repo)
    assert ledger.commit([], "nothing") is None
    assert ledger.commit([layout.runs], "nothing yet") is None
    folder = write_run(layout, "abc")
    first = ledger.commit([folder], "one")
    assert ledger.commit([folder], "two") == first
    assert ledger.commit([], "three") == first
    assert len(list(ledger.log())) == 1


def test_removed_and_shrunk_files_are_so_in_the_ledger(git_repo: Path) -> None:
    """A file, a folder, a whole run; the history keeps them all."""
    layout, ledger = opened(git_repo)
    folder = write_run(layout, "abc")
    write_run(layout, "other")
    (folder / "files").mkdir()
    (folder / "files/x.txt").write_text("long " * 100)
    first = ledger.commit([layout.records], "all")
    (folder / "files/x.txt").write_text("short")
    (folder / "summary.yaml").unlink()
    ledger.commit([folder], "less")
    assert in_ledger(git_repo)[to_ledger("runs/LeNet5/abc/files/x.txt")] == b"short"
    assert to_ledger("runs/LeNet5/abc/summary.yaml") not in in_ledger(git_repo)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    ledger.commit([folder], "run abc deleted")
    assert {path.split("/")[3] for path in in_ledger(git_repo)} == {"other"}
    assert first is not None
    assert to_ledger("runs/LeNet5/abc/summary.yaml") in in_ledger(git_repo, first)


def test_a_file_becomes_a_folder_and_a_folder_a_file(git_repo: Path) -> None:
    """Both in one commit."""
    layout, ledger = opened(git_repo)
    files = write_run(layout, "abc") / "files"
    files.mkdir()
    (files / "a").write_text("file")
    (files / "b").mkdir()
    (files / "b/deep").write_text("deep")
    ledger.commit([files], "before")
    (files / "a").unlink()
    (files / "b/deep").unlink()
    (files / "b").rmdir()
    (files / "b").write_text("file")
    (files / "a").mkdir()
    (files / "a/deep").write_text("deep")
    ledger.commit([files], "after")
    held = in_ledger(git_repo)
    assert held[to_ledger("runs/LeNet5/abc/files/a/deep")] == b"deep"
    assert held[to_ledger("runs/LeNet5/abc/files/b")] == b"file"


def test_large_files_of_a_run_stay_out_and_manifests_never_do(git_repo: Path) -> None:
    """A history that grows over the limit leaves the ledger: an old part would pass for the whole."""
    layout, ledger = opened(git_repo)
    folder = write_run(layout, "abc")
    history = folder / "history/0-0.jsonl"
    history.write_bytes(b"x" * LARGEST_RUN_FILE)
    ledger.commit([folder], "at the limit")
    assert len(in_ledger(git_repo)[to_ledger("runs/LeNet5/abc/history/0-0.jsonl")]) == LARGEST_RUN_FILE
    history.write_bytes(b"x" * (LARGEST_RUN_FILE + 1))
    ledger.commit([folder], "above")
    assert to_ledger("runs/LeNet5/abc/history/0-0.jsonl") not in in_ledger(git_repo)
    aliases = layout.aliases("LeNet5", "m")
    aliases.parent.mkdir(parents=True)
    aliases.write_bytes(b"y" * (LARGEST_RUN_FILE + 1))
    ledger.commit([aliases], "aliases")
    assert "artifacts/LeNet5/m/aliases.yaml" in in_ledger(git_repo)


def test_what_belongs_to_this_machine_stays_out(git_repo: Path) -> None:
    """Marks, temporary files, sockets, git directories."""
    layout, ledger = opened(git_repo)
    folder = write_run(layout, "abc")
    ledger.commit([folder], "first")
    (layout.records / "resume.json").write_text("{}")
    (folder / ".run.yaml.123.abc.tmp").write_text("half")
    (folder / ".hydra").mkdir()
    (folder / ".hydra/config.yaml").write_text("kept")
    (folder / "files").mkdir()
    os.mkfifo(folder / "files/pipe")
    (folder / "files/.git").mkdir()
    (folder / "files/.git/config").write_text("x")
    ledger.commit([layout.records], "all")
    names = {path.split("/", 4)[-1] for path in in_ledger(git_repo)}
    assert names == {"run.yaml", "summary.yaml", "history/0-0.jsonl", ".hydra/config.yaml"}


def test_links_to_files_are_followed_and_links_to_folders_are_not(git_repo: Path, tmp_path: Path) -> None:
    """`run.save` links a file that is still being written; its content is what counts."""
    layout, ledger = opened(git_repo)
    files = write_run(layout, "abc") / "files"
    files.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").write_text("content")
    (files / "to_file").symlink_to(tmp_path / "elsewhere/x")
    (files / "to_folder").symlink_to(tmp_path / "elsewhere")
    (files / "to_nothing").symlink_to("nowhere")
    (files / "to_itself").symlink_to("to_itself")
    ledger.commit([files], "links")
    assert in_ledger(git_repo) == {to_ledger("runs/LeNet5/abc/files/to_file"): b"content"}


def test_executable_files_stay_so(git_repo: Path) -> None:
    """In the ledger and when they come back."""
    layout, ledger = opened(git_repo)
    script = write_run(layout, "abc") / "files/run.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    ledger.commit([script], "script")
    lose(git_repo)
    ledger.restore_if_lost()
    assert os.access(script, os.X_OK)


def test_the_diary_is_newest_first_and_can_be_cut(git_repo: Path) -> None:
    """Of everything, of one record, of one folder; a limit counts the newest."""
    layout, ledger = opened(git_repo)
    assert list(ledger.log()) == []
    for number, run in enumerate(["one", "two", "one"]):
        ledger.commit([write_run(layout, run, loss=number)], f"{run} {number}", now_s=number)
    entries = list(ledger.log())
    assert [entry.message for entry in entries] == ["one 2", "two 1", "one 0"]
    assert (entries[0].time, entries[0].author) == ("1970-01-01T00:00:02.000Z", "Test")
    assert entries[0].commit == ledger.tip()
    assert [e.message for e in ledger.log(limit=1)] == ["one 2"]
    assert [e.message for e in ledger.log(path=layout.run("LeNet5", "one").folder)] == ["one 2", "one 0"]
    assert [e.message for e in ledger.log(path=layout.run("LeNet5", "two").summary)] == ["two 1"]
    assert len(list(ledger.log(path=layout.records))) == 3


def test_a_path_outside_of_the_records_is_refused(git_repo: Path) -> None:
    """The ledger holds records and nothing else."""
    layout, ledger = opened(git_repo)
    for path in (git_repo / "train.py", layout.records / ".." / "train.py", Path("/etc/passwd")):
        with pytest.raises(UsageError, match="is not a record"):
            ledger.commit([path], "no")


def test_without_git_nothing_happens_but_the_records_hide_themselves(plain_dir: Path) -> None:
    """`git init` afterwards does not show them, and the next commit takes all that is there."""
    layout, ledger = opened(plain_dir)
    ledger.prepare()
    folder = write_run(layout, "abc")
    assert ledger.commit([folder], "x") is None
    assert ledger.restore_if_lost() == 0
    assert (list(ledger.log()), ledger.tip()) == ([], None)
    git(plain_dir, "init", "-q")
    assert git(plain_dir, "status", "--short") == ""
    layout, ledger = opened(plain_dir)
    assert ledger.commit([layout.records], "everything so far") is not None
    assert len(in_ledger(plain_dir)) == 3


def test_without_a_name_the_commits_are_of_the_tracker(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an author can be given."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/nonexistent")
    git(git_repo, "config", "user.useConfigOnly", "true")
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "abc")], "x")
    ledger.commit([write_run(layout, "def")], "y", author=Identity("Ann <x>\n", "a@b"))
    assert [entry.author for entry in ledger.log()] == ["Ann x", "tracker"]


def test_settings_of_the_user_do_not_get_in_the_way(git_repo: Path) -> None:
    """Signing, hooks, unpack limits, reflogs of everything, colours."""
    hooks = git_repo.parent / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "pre-commit", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{git_repo.parent}/hook-ran'\nexit 1\n")
        (hooks / name).chmod(0o755)
    for key, value in {
        "core.hooksPath": str(hooks),
        "commit.gpgSign": "true",
        "fastimport.unpackLimit": "1",
        "transfer.unpackLimit": "1",
        "core.logAllRefUpdates": "always",
        "log.showSignature": "true",
        "log.date": "relative",
        "color.ui": "always",
        "core.autocrlf": "true",
        "i18n.logOutputEncoding": "latin-1",
        "core.quotePath": "true",
        "log.mailmap": "true",
        "format.pretty": "oneline",
    }.items():
        git(git_repo, "config", key, value)
    layout, ledger = opened(git_repo)
    folder = write_run(layout, "abc")
    (folder / "crlf.txt").write_bytes(b"a\r\nb\n")
    commit = ledger.commit([folder], "grün")
    assert ledger.commit([folder], "again") == commit
    assert [entry.message for entry in ledger.log()] == ["grün"]
    assert in_ledger(git_repo)[to_ledger("runs/LeNet5/abc/crlf.txt")] == b"a\r\nb\n"
    assert not (git_repo.parent / "hook-ran").exists()
    assert not (git_repo / ".git/logs/refs/tracker").exists()
    assert not list((git_repo / ".git/objects/pack").iterdir())


@pytest.mark.parametrize("form", ["sha256", "unborn", "worktree", "submodule", "detached", "packed", "bare"])
def test_repositories_of_every_kind_have_a_ledger(git_repo: Path, tmp_path: Path, form: str) -> None:
    """Commit, no-op, loss and return."""
    folder = tmp_path / form
    if form == "sha256":
        git(tmp_path, "init", "-q", "--object-format=sha256", form)
    elif form == "unborn":
        git(tmp_path, "init", "-q", form)
    elif form == "worktree":
        git(git_repo, "worktree", "add", "-q", "--detach", str(folder))
    elif form == "bare":
        git(tmp_path, "clone", "-q", "--bare", str(git_repo), str(tmp_path / "hub.git"))
        git(tmp_path / "hub.git", "worktree", "add", "-q", "--detach", str(folder))
    elif form == "submodule":
        git(tmp_path, "init", "-q", "outer")
        allow = ("-c", "protocol.file.allow=always")
        git(tmp_path / "outer", *allow, "submodule", "--quiet", "add", str(git_repo), "inner")
        folder = tmp_path / "outer/inner"
    else:
        folder = git_repo
        git(git_repo, "checkout", "-q", "--detach")
    layout, ledger = opened(folder)
    first = ledger.commit([write_run(layout, "abc")], "one")
    if form == "packed":
        git(folder, "gc", "-q", "--prune=now")
        git(folder, "pack-refs", "--all")
    assert first is not None
    assert ledger.commit([layout.records], "same") == first
    second = ledger.commit([write_run(layout, "abc", loss=0.5)], "two")
    assert git(folder, "rev-parse", f"{second}^").strip() == first
    before = records_of(layout)
    for path in sorted(layout.records.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert ledger.restore_if_lost() == 3
    assert records_of(layout) == before


def test_a_ledger_in_use_says_by_whom(git_repo: Path) -> None:
    """The caller decides; the next commit of the same paths makes up for it."""
    layout, ledger = opened(git_repo, timeout_s=0.05)
    folder = write_run(layout, "abc")
    with (
        file_lock(layout.locks / "ledger", timeout_s=0, what="test"),
        pytest.raises(LockedError, match=f"the ledger is in use by process {os.getpid()}"),
    ):
        ledger.commit([folder], "one")
    assert ledger.tip() is None
    assert ledger.commit([folder], "two") == ledger.tip() is not None


def test_a_failing_git_leaves_the_ledger_as_it_was(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With git's own words; the next commit of the same paths makes up for it."""
    layout, ledger = opened(git_repo)
    first = ledger.commit([write_run(layout, "abc")], "one")
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    fails = "echo 'fatal: the moon is full' >&2; exit 128"
    real = shutil.which("git")
    program.write_text(f'#!/bin/sh\ncase "$*" in *fast-import*) {fails};; esac\nexec {real} "$@"\n')
    program.chmod(0o755)
    folder = write_run(layout, "def")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        with pytest.raises(GitError, match="git fast-import failed: the moon is full"):
            ledger.commit([folder], "two")
    assert ledger.tip() == first
    ledger.commit([folder], "three")
    assert [entry.message for entry in ledger.log()] == ["three", "one"]


def test_a_lock_file_of_a_killed_git_does_not_stop_the_ledger(git_repo: Path) -> None:
    """git would wait for ever for a process that is no more."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "abc")], "one")
    lock = git_repo / f".git/{LEDGER_REF}.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60,) * 2)
    tip = ledger.commit([write_run(layout, "def")], "two")
    assert [entry.message for entry in ledger.log()] == ["two", "one"]
    assert ledger.tip() == tip
    assert not lock.exists()


def test_a_file_that_vanishes_while_it_is_read_is_left_out(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the comparison and the commit; the rest of the commit is whole."""
    layout, ledger = opened(git_repo)
    folder = write_run(layout, "abc")
    real = Git.call

    def call(self: Git, *arguments: str, **options: object) -> object:
        if "fast-import" in arguments:
            (folder / "summary.yaml").unlink()
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "call", call)
    ledger.commit([folder], "one")
    assert len(in_ledger(git_repo)) == 2


def test_many_paths_are_one_commit(git_repo: Path) -> None:
    """More than a command line holds; and what is not named stays."""
    layout, ledger = opened(git_repo)
    kept = write_run(layout, "kept")
    ledger.commit([kept], "one")
    (kept / "summary.yaml").unlink()
    paths = []
    for number in range(300):
        path = layout.manifest("p", f"{'n' * 80}{number}", 0)
        path.parent.mkdir(parents=True)
        path.write_text("x\n")
        paths.append(path)
    ledger.commit(paths, "many")
    assert len(in_ledger(git_repo)) == 303
    paths[0].unlink()
    ledger.commit(paths, "one less")
    assert len(in_ledger(git_repo)) == 302
