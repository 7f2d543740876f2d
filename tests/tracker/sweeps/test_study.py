"""Which values come next, whoever asks, whatever died before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tracker.storage import sweep_record
from tracker.storage.sweep_record import SweepRecord
from tracker.sweeps import lease
from tracker.sweeps.study import PastRun, Study
from vcs.liveness import ProcessId, this_process
from vcs.repo import Repo

pytest.importorskip("optuna")

GRID = {
    "method": "grid",
    "metric": {"name": "loss"},
    "parameters": {"a": {"values": [1, 2]}, "b": {"values": [3, 4]}},
}


def study_of(repo: Repo, config: dict[str, Any], sweep_id: str = "s1") -> Study:
    """A sweep, or another look at it."""
    record = SweepRecord(sweep_id, "p", "2026-01-01T00:00:00.000Z", config)
    if not repo.layout.sweep("p", sweep_id).exists():
        sweep_record.create(repo.layout, record)
    return Study(repo.layout, record)


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


def test_two_agents_share_a_grid_without_doing_anything_twice(repo: Repo) -> None:
    one, other = study_of(repo, GRID), study_of(repo, GRID)
    trials = [study.next([]) for study in (one, other, one, other)]

    found = [tuple(trial.params.values()) for trial in trials if trial is not None]
    assert sorted(found) == [(1, 3), (1, 4), (2, 3), (2, 4)]
    assert one.next([]) is None
    assert not one.is_exhausted()
    for trial in trials:
        assert trial is not None
        one.end(trial, "complete", 0.5)
    assert other.is_exhausted()


def die_with(code: str, repo: Repo) -> None:
    """Run code in a process that kills itself at its end."""
    script = (
        "import os, signal\nfrom pathlib import Path\nfrom vcs.repo import Repo\n"
        "from tests.tracker.sweeps.test_study import study_of, GRID\n"
        f"repo = Repo.open(Path({str(repo.layout.root)!r}))\n{code}\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr


@pytest.mark.slow
def test_values_of_a_killed_agent_are_tried_again(repo: Repo) -> None:
    die_with("print(study_of(repo, GRID).next([]))", repo)
    study = study_of(repo, GRID)
    trials = [study.next([]) for _ in range(5)]

    assert trials[4] is None
    assert sorted(tuple(t.params.values()) for t in trials[:4] if t) == [(1, 3), (1, 4), (2, 3), (2, 4)]


@pytest.mark.slow
@pytest.mark.parametrize(("state", "count"), [("finished", 3), ("running", 3), ("crashed", 4)])
def test_a_run_that_outlived_its_agent_counts(repo: Repo, state: str, count: int) -> None:
    ids = repo.layout.root / "ids"
    die_with(f"Path({str(ids)!r}).write_text(study_of(repo, GRID).next([]).run_id)", repo)
    past = [PastRun(ids.read_text(), state, {"a": 1, "b": 3}, 0.5)]
    study = study_of(repo, GRID)

    assert sum(study.next(past) is not None for _ in range(6)) == count


@pytest.mark.parametrize(("silent_s", "again"), [(lease.LEASE_S / 2, False), (lease.LEASE_S * 2, True)])
def test_values_of_an_agent_on_another_host_are_tried_again_after_a_long_silence(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, silent_s: float, again: bool
) -> None:
    elsewhere = ProcessId("another-host", "another-boot", 1, 1.0)
    study = study_of(repo, GRID)
    with monkeypatch.context() as there:
        there.setattr("tracker.sweeps.study.this_process", lambda: elsewhere)
        lost = study.next([])
    assert lost is not None
    held = study.params_file(lost.run_id)
    held.write_text("")
    last_s = held.stat().st_mtime - silent_s
    os.utime(held, (last_s, last_s))

    past = [PastRun(lost.run_id, "running", dict(lost.params), None)]
    found = [trial.params for _ in range(5) if (trial := study.next(past)) is not None]
    assert (lost.params in found, len(found)) == (again, 4 if again else 3)


def test_an_agent_says_again_and_again_that_it_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "held"
    held.write_text("")
    os.utime(held, (0, 0))
    beat = lease.Beat(held)
    beat()
    assert lease.is_over(held)

    monkeypatch.setattr(lease, "BEAT_S", 0.0)
    beat()
    assert not lease.is_over(held)


def test_a_line_that_a_killed_agent_left_torn_harms_nothing(repo: Repo) -> None:
    study = study_of(repo, GRID)
    assert study.next([]) is not None
    journal = repo.layout.sweep_memory("p", "s1") / "journal"
    with open(journal, "ab") as stream:
        stream.write(b'{"op_code": 4, "worker')

    fresh = study_of(repo, GRID)
    assert sum(fresh.next([]) is not None for _ in range(6)) == 3


def test_a_lost_journal_is_made_again_from_the_runs(repo: Repo) -> None:
    past = [
        PastRun("r1", "finished", {"a": 1, "b": 3}, 0.5),
        PastRun("r2", "failed", {"a": 2, "b": 4}, None),
    ]
    study = study_of(repo, GRID)
    found = [study.next(past) for _ in range(3)]

    assert [t.params if t else None for t in found] == [{"a": 1, "b": 4}, {"a": 2, "b": 3}, None]


def test_a_cap_counts_all_agents_and_a_target_ends_the_sweep(repo: Repo) -> None:
    config = {"method": "random", "metric": {"name": "loss"}, "parameters": {"a": {"min": 0.0, "max": 1.0}}}
    capped = {**config, "run_cap": 3}
    one, other = study_of(repo, capped), study_of(repo, capped)
    assert sum(study.next([]) is not None for study in (one, other, one, other)) == 3

    aimed = study_of(repo, {**config, "metric": {"name": "loss", "target": 0.1}}, "s2")
    for value in (0.5, 0.05):
        trial = aimed.next([])
        assert trial is not None
        aimed.end(trial, "complete", value)
    assert aimed.next([]) is None


def test_a_sweep_that_was_stopped_gives_nothing(repo: Repo) -> None:
    study = study_of(repo, GRID)
    record = sweep_record.find(repo.layout, "s1")

    def stop(found: SweepRecord) -> None:
        found.state = "stopped"

    sweep_record.update(repo.layout, record, stop)
    assert study.next([]) is None


def test_hyperband_stops_the_worse_ones_where_it_compares(repo: Repo) -> None:
    config = {
        "method": "random",
        "metric": {"name": "acc", "goal": "maximize"},
        "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 2},
        "parameters": {"a": {"min": 0.0, "max": 1.0}},
    }
    study = study_of(repo, config)
    stopped = []
    for level in (0.5, 0.1, 0.9, 0.2):
        trial = study.next([])
        assert trial is not None
        stopped.append([study.report(trial, n, level) for n in (1, 2)])
        study.end(trial, "complete", level)
    # Nothing is compared at the first value; the first run has nobody to be worse than.
    assert stopped == [[False, False], [False, True], [False, False], [False, True]]


def test_bayes_comes_near_the_best(repo: Repo) -> None:
    config = {
        "method": "bayes",
        "seed": 1,
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"x": {"min": -10.0, "max": 10.0}},
    }
    study = study_of(repo, config)
    tried = []
    for _ in range(25):
        trial = study.next([])
        assert trial is not None
        tried.append(trial.params["x"])
        study.end(trial, "complete", (trial.params["x"] - 3) ** 2)
    assert min(abs(x - 3) for x in tried) < 1.5


def test_the_process_that_works_on_a_trial_is_known(repo: Repo) -> None:
    study = study_of(repo, GRID)
    assert study.next([]) is not None
    (trial,) = study._running()
    assert (trial.user_attrs["process"]["pid"], this_process().pid) == (os.getpid(), os.getpid())
