"""Bisection by running a command at commits, with real git and real processes."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.tracker.compare.runs_on_disk import make_run
from tests.tracker.revive.scripts import commit_script
from tracker.compare.bisect import Trial
from tracker.errors import GitError, NotFoundError, UsageError
from tracker.revive.bisect_runs import Bisected, BisectOptions, bisect_runs
from tracker.storage.catalog import Catalog, RunEntry
from vcs.liveness import this_process
from vcs.repo import Repo

TRAINING = """
    import sys
    from pathlib import Path
    import tracker

    with tracker.init(project="p") as run:
        run.log({{"acc": {acc}, "words": len(sys.argv)}})
"""


class Lab:
    """Commits of a training, and runs at them that are only records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo.open(folder)
        self.commits: list[str] = []

    def commit(self, acc: object, code: str = TRAINING) -> str:
        """Commit a training that comes to this accuracy."""
        text = code.format(acc=acc) + f"    # {len(self.commits)}\n"
        self.commits.append(commit_script(self.folder, text, message=f"acc {acc}"))
        return self.commits[-1]

    def record(
        self, acc: float, commit: str, name: str, *, argv: tuple[str, ...] = (), **options: Any
    ) -> RunEntry:
        """Record a run of the training as it would have been here."""
        facts = {
            "commit": commit,
            "code_commit": commit,
            "argv": [sys.executable, "train.py", *argv],
            "cwd": ".",
            "host": this_process().host,
            "python": platform.python_version(),
        }
        return make_run(self.repo.layout, name, [{"acc": acc}], session=facts, packages=(), **options)

    def ends(self) -> tuple[RunEntry, RunEntry]:
        """Record a good run at the first commit and a bad one at the last."""
        return self.record(0.9, self.commits[0], "good"), self.record(0.5, self.commits[-1], "bad")

    def bisect(
        self, good: RunEntry, bad: RunEntry, heard: list[Trial] | None = None, **options: Any
    ) -> Bisected:
        """Bisect their accuracy."""
        report = (lambda trial, left: None) if heard is None else (lambda trial, left: heard.append(trial))
        return bisect_runs(self.repo, "acc", good, bad, BisectOptions(**options), os.environ, report=report)


@pytest.fixture
def lab(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.chdir(git_repo)
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    return Lab(git_repo)


def tried(done: Bisected, lab: Lab) -> list[tuple[int, float | None, str]]:
    """Which commits were tried, with what result, and how."""
    return [(lab.commits.index(trial.commit), trial.value, trial.how) for trial in done.found.trials]


@pytest.mark.slow
def test_the_commit_is_found_by_running_and_the_runs_are_kept(lab: Lab) -> None:
    """In worktrees of their own: nothing that is being edited here matters, or is touched."""
    for acc in (0.9, 0.88, 0.91, 0.6, 0.5):
        lab.commit(acc)
    good, bad = lab.ends()
    (lab.folder / "train.py").write_text("being edited\n")
    (lab.folder / "notes").write_text("mine\n")
    looks = (("status", "--porcelain"), ("rev-parse", "HEAD"), ("worktree", "list"), ("branch", "-a"))
    before = [git(lab.folder, *look) for look in looks]
    heard: list[Trial] = []
    done = lab.bisect(good, bad, heard)
    assert done.found.first == lab.commits[3]
    assert tried(done, lab) == [(2, 0.91, "ran"), (3, 0.6, "ran")]
    assert heard == list(done.found.trials)
    assert [git(lab.folder, *look) for look in looks] == before
    entry = Catalog(lab.repo.layout).find(f"bisect-acc-{lab.commits[3][:10]}")
    session = entry.record.last_session
    assert session is not None
    assert (session.code_commit, entry.record.group, entry.record.reproduces) == (
        lab.commits[3],
        "bisect-bad",
        "bad",
    )
    assert f"The command of p/bad at commit {lab.commits[3]}" in entry.record.notes
    plain = done.to_plain()
    assert (plain["first"]["subject"], plain["threshold"], plain["improved"]) == ("acc 0.6", 0.7, False)
    again = lab.bisect(good, bad)
    assert tried(again, lab) == [(2, 0.91, "known"), (3, 0.6, "known")]
    assert again.found.first == done.found.first


@pytest.mark.slow
def test_a_commit_at_which_the_command_fails_is_passed_over(lab: Lab) -> None:
    """Whether it begins a run or not; both are remembered."""
    lab.commit(0.9)
    lab.commit("1 / 0")
    lab.commit(0, code="raise SystemExit(3)\n")
    lab.commit(0.5)
    lab.commit(0.5)
    good, bad = lab.ends()
    done = lab.bisect(good, bad)
    assert done.found.first is None
    assert {lab.commits.index(commit) for commit in done.found.candidates} == {1, 2, 3}
    how = {number: how for number, _, how in tried(done, lab)}
    assert how[1].startswith("the run failed: ZeroDivisionError")
    assert how[2] == "began no run, and ended with status 3"
    again = lab.bisect(good, bad)
    assert {number: how for number, _, how in tried(again, lab)} == {**how, 3: "known"}


def test_a_removed_run_and_a_script_that_is_gone(lab: Lab) -> None:
    """What was known is found out again; where there is no script, nothing can be run."""
    lab.commit(0.9)
    git(lab.folder, "rm", "-q", "train.py")
    git(lab.folder, "commit", "-q", "-m", "no script")
    lab.commits.append(git(lab.folder, "rev-parse", "HEAD").strip())
    lab.commit(0.8)
    lab.commit(0.5)
    good, bad = lab.ends()
    done = lab.bisect(good, bad)
    assert done.found.first == lab.commits[3]
    run = next(trial.run for trial in done.found.trials if trial.value == 0.8)
    entry = Catalog(lab.repo.layout).find(str(run))
    entry.layout.record.unlink()
    how = {number: how for number, _, how in tried(lab.bisect(good, bad), lab)}
    assert how[2] == "ran"
    if 1 in how:
        assert "train.py" in how[1]


def test_finished_runs_of_the_same_command_are_not_run_again(lab: Lab) -> None:
    """Others at the same commit do not count."""
    for acc in (0.9, 0.9, 0.5, 0.5):
        lab.commit(acc)
    good, bad = lab.ends()
    for number, acc in ((1, 0.85), (2, 0.55)):
        lab.record(0.1, lab.commits[number], f"other{number}", argv=("--lr", "3"))
        lab.record(acc, lab.commits[number], f"same{number}")
    done = lab.bisect(good, bad)
    assert done.found.first == lab.commits[2]
    assert all(how == "recorded" for _, _, how in tried(done, lab))


def test_the_commit_that_helped_is_found_where_the_bad_run_is_older(lab: Lab) -> None:
    """The same question, asked the other way round."""
    for acc in (0.5, 0.5, 0.9, 0.9):
        lab.commit(acc)
        lab.record(acc, lab.commits[-1], f"run{len(lab.commits)}")
    runs = Catalog(lab.repo.layout)
    done = lab.bisect(runs.find("run4"), runs.find("run1"))
    assert (done.found.first, done.improved) == (lab.commits[2], True)


def test_where_more_than_the_code_differs_the_good_end_is_run_first(lab: Lab) -> None:
    """If the bad command is bad there too, no commit is to blame."""
    lab.commit("0.9 if len(sys.argv) == 1 else 0.5")
    lab.commit("0.9 if len(sys.argv) == 1 else 0.5")
    good = lab.record(0.9, lab.commits[0], "good")
    bad = lab.record(0.5, lab.commits[1], "bad", argv=("--worse",))
    done = lab.bisect(good, bad)
    assert done.found.first is None
    assert "not the code alone" in done.found.note
    assert tried(done, lab) == [(0, 0.5, "ran")]
    trusting = lab.bisect(good, bad, ends="trust")
    assert (trusting.found.first, trusting.found.trials) == (lab.commits[1], ())


@pytest.mark.slow
def test_where_the_packages_are_others_now_both_ends_are_run(lab: Lab) -> None:
    """A metric that came back by itself is no commit's doing."""
    for _ in range(2):
        lab.commit(0.9)
    good, bad = lab.ends()
    bad.layout.requirements.write_text("numpy==0.0.1\n")
    done = lab.bisect(good, bad)
    assert tried(done, lab) == [(0, 0.9, "ran"), (1, 0.9, "ran")]
    assert "at the commit of the bad run" in done.found.note


def test_an_end_that_cannot_be_measured_is_an_error(lab: Lab) -> None:
    """Asked for, so said."""
    lab.commit(0, code="raise SystemExit(3)\n")
    lab.commit(0.5)
    good, bad = lab.ends()
    with pytest.raises(UsageError, match="commit of the good one: began no run"):
        lab.bisect(good, bad, ends="run")


@pytest.mark.slow
def test_a_bisection_that_was_stopped_goes_on(lab: Lab) -> None:
    """Ctrl-C while a script runs: its worktree is gone, its run is kept, and no verdict is remembered."""
    wait = '__import__("time").sleep(60) or 1 if Path("{}").exists() else 0.6'
    marker = lab.folder.parent / "wait"
    marker.touch()
    for acc in (0.9, 0.9, wait.format(marker), 0.5):
        lab.commit(acc)
    lab.ends()
    words = [sys.executable, "-m", "tracker.cli.main", "bisect", "acc", "--good", "good", "--bad", "bad"]
    process = subprocess.Popen(
        words, cwd=lab.folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    catalog = Catalog(lab.repo.layout)
    while not any(run.record.reproduces and run.state == "running" for run in catalog.runs("p")):
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    assert "goes on where this one was" in said
    assert git(lab.folder, "worktree", "list").count("\n") == 1
    marker.unlink()
    catalog = Catalog(lab.repo.layout)
    done = lab.bisect(catalog.find("good"), catalog.find("bad"))
    assert done.found.first == lab.commits[2]
    assert {number: how for number, _, how in tried(done, lab)}[2] == "ran"


def test_runs_that_cannot_be_bisected_say_why(lab: Lab, plain_dir: Path) -> None:
    """Before anything is run."""
    first, second = lab.commit(0.9), lab.commit(0.5)
    good, bad = lab.record(0.9, first, "good"), lab.record(0.5, second, "bad")
    with pytest.raises(UsageError, match="ran the same code"):
        lab.bisect(good, lab.record(0.5, first, "other"))
    with pytest.raises(UsageError, match=r"0\.9 in the good run and 0\.9 in the bad"):
        lab.bisect(good, lab.record(0.9, second, "equal"))
    with pytest.raises(NotFoundError, match="no metric 'acd'") as caught:
        bisect_runs(lab.repo, "acd", good, bad, BisectOptions(), os.environ)
    assert "acc" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="not recorded"):
        lab.bisect(make_run(lab.repo.layout, "nocode", [{"acc": 0.9}]), bad)
    with pytest.raises(GitError):
        bisect_runs(Repo.open(plain_dir), "acc", good, bad, BisectOptions(), os.environ)
