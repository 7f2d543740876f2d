"""Going on with a run: resume, rewind, fork, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import tracker
from tests.tracker.live.conftest import run_python, start_python, written
from tracker.errors import LockedError, UsageError
from tracker.live.branching import parse_point
from vcs.repo import Repo


def first(folder: Path, *, rows: int = 5, **options: object) -> str:
    """Leave a finished run `abc` with rows i = 0, 1, …; return its id."""
    options.setdefault("config", {"lr": 0.1, "epochs": 3})
    with tracker.init(project="p", id="abc", **options) as run:  # type: ignore[arg-type]
        for i in range(rows):
            run.log({"i": i})
        run.summary["best"] = 0.9
    return "abc"


def values(folder: Path, run_id: str = "abc") -> list[tuple[int, int]]:
    return [(row["_step"], row["i"]) for row in written(folder, run_id).rows()]


@pytest.mark.parametrize("resume", ["must", "allow", "auto", True])
def test_steps_go_on_in_a_new_session(project: Path, resume: str | bool) -> None:
    first(project)
    run = tracker.init(project="p", id="abc", resume=resume)
    assert (run.resumed, run.starting_step, run.step) == (True, 5, 5)
    run.log({"i": 50})
    run.finish()
    assert values(project) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 50)]
    record = written(project).record
    assert [(s.number, s.from_step, s.state, s.rows) for s in record.sessions] == [
        (0, 0, "finished", 5),
        (1, 5, "finished", 1),
    ]
    assert record.state == "finished"


@pytest.mark.parametrize("resume", ["allow", "never", "auto", True, None])
def test_a_run_that_does_not_exist_is_begun_with_that_id(project: Path, resume: str | bool | None) -> None:
    run = tracker.init(project="p", id="fresh", resume=resume)
    assert (run.id, run.resumed, run.step) == ("fresh", False, 0)


def test_must_needs_a_run_that_exists(project: Path) -> None:
    first(project)
    with pytest.raises(UsageError, match="no run 'abd' in project p") as caught:
        tracker.init(project="p", id="abd", resume="must")
    assert "abc" in (caught.value.hint or "")
    assert tracker.run is None


def test_must_says_in_which_project_the_run_is(project: Path) -> None:
    first(project)
    with pytest.raises(UsageError) as caught:
        tracker.init(project="other", id="abc", resume="must")
    assert "project p" in (caught.value.hint or "")


def test_must_needs_an_id(project: Path) -> None:
    with pytest.raises(UsageError, match="needs the id"):
        tracker.init(project="p", resume="must")


def test_never_refuses_a_run_that_exists(project: Path) -> None:
    first(project)
    with pytest.raises(UsageError, match="never"):
        tracker.init(project="p", id="abc", resume="never")


def test_an_id_that_exists_without_resume_names_the_two_ways_out(project: Path) -> None:
    first(project)
    with pytest.raises(UsageError, match="exists already") as caught:
        tracker.init(project="p", id="abc")
    assert 'resume="allow"' in (caught.value.hint or "")
    assert "leave out the id" in (caught.value.hint or "")
    assert len(written(project).record.sessions) == 1


def test_one_id_may_be_used_in_two_projects(project: Path) -> None:
    first(project)
    assert tracker.init(project="q", id="abc").resumed is False


def test_allow_without_an_id_is_a_new_run(project: Path) -> None:
    assert len(tracker.init(project="p", resume="allow").id) == 8


def test_a_run_without_rows_is_resumed_at_step_0(project: Path) -> None:
    first(project, rows=0)
    assert tracker.init(project="p", id="abc", resume="must").step == 0


def test_the_config_is_merged_and_its_changes_are_kept_for_each_session(project: Path) -> None:
    first(project)
    run = tracker.init(project="p", id="abc", resume="must", config={"lr": 0.01, "batch": 8})
    assert run.config.as_dict() == {"lr": 0.01, "epochs": 3, "batch": 8}
    run.finish()
    sessions = written(project).record.sessions
    assert sessions[0].config_changes == {}
    assert sessions[1].config_changes == {"lr": {"old": 0.1, "new": 0.01}, "batch": {"new": 8}}
    assert written(project).yaml("config.yaml") == {"lr": 0.01, "epochs": 3, "batch": 8}


def test_defaults_in_a_file_do_not_override_what_the_run_has(project: Path) -> None:
    first(project)
    (project / "config-defaults.yaml").write_text("lr: {value: 9}\nseed: {value: 1}\n")
    run = tracker.init(project="p", id="abc", resume="must")
    assert run.config.as_dict() == {"lr": 0.1, "epochs": 3, "seed": 1}


def test_a_change_within_a_session_is_recorded_with_the_oldest_value(project: Path) -> None:
    run = tracker.init(project="p", config={"lr": 1})
    run.config.update({"lr": 2})
    run.config.update({"lr": 3, "new": 1}, allow_val_change=True)
    run.finish()
    assert written(project).record.sessions[0].config_changes == {"lr": {"old": 1, "new": 3}}


def test_tags_and_notes_stay_unless_given(project: Path) -> None:
    first(project, tags=["a"], notes="first", name="mine", group="g", job_type="train")
    run = tracker.init(project="p", id="abc", resume="must")
    facts = (run.tags, run.notes, run.name, run.group, run.job_type)
    assert facts == (("a",), "first", "mine", "g", "train")
    run.finish()
    run = tracker.init(project="p", id="abc", resume="must", tags=["b", "c"], notes="second")
    assert (run.tags, run.notes, run.name) == (("b", "c"), "second", "mine")
    run.finish()
    record = written(project).record
    assert (record.tags, record.notes) == (["b", "c"], "second")


def test_the_summary_goes_on(project: Path) -> None:
    first(project)
    run = tracker.init(project="p", id="abc", resume="must")
    assert (run.summary["i"], run.summary["best"]) == (4, 0.9)
    run.log({"i": 5})
    assert run.summary["i"] == 5


def test_definitions_of_metrics_go_on(project: Path) -> None:
    with tracker.init(project="p", id="abc") as run:
        run.define_metric("acc", summary="max")
        run.log({"acc": 0.9})
        run.log({"acc": 0.1})
    run = tracker.init(project="p", id="abc", resume="must")
    run.log({"acc": 0.5})
    assert run.summary["acc"] == {"max": 0.9}


def test_the_runtime_goes_on(project: Path) -> None:
    first(project)
    with tracker.init(project="p", id="abc", resume="must") as run:
        run.log({"i": 5})
    rows = tracker.Api().run("p/abc").scan_history()
    runtimes = [row["_runtime"] for row in rows]
    assert runtimes == sorted(runtimes)


def test_logging_below_the_last_step_masks_the_later_rows_and_loses_none(project: Path) -> None:
    """A training that goes on from an older checkpoint logs the steps from there again."""
    first(project)
    with tracker.init(project="p", id="abc", resume="must") as run:
        run.log({"i": 30}, step=3)
        run.log({"i": 40}, step=4)
        assert run.summary["i"] == 30
    assert values(project) == [(0, 0), (1, 1), (2, 2), (3, 30), (4, 40)]
    everything = written(project).rows(all_segments=True)
    assert sorted(row["i"] for row in everything) == [0, 1, 2, 3, 4, 30, 40]


def test_only_the_first_step_of_a_session_takes_back(project: Path) -> None:
    first(project)
    with tracker.init(project="p", id="abc", resume="must") as run:
        run.log({"i": 50})
        run.log({"i": 20}, step=2)
    assert [step for step, _ in values(project)] == [0, 1, 2, 3, 4, 5]
    assert written(project).record.sessions[1].dropped_rows == 1


# resume_from


def test_a_run_is_taken_back_to_a_step(project: Path) -> None:
    first(project)
    with tracker.init(project="p", resume_from="abc?_step=1") as run:
        assert (run.id, run.resumed, run.starting_step) == ("abc", True, 2)
        assert run.summary["i"] == 1
        assert "best" not in run.summary
        run.log({"i": 20})
    assert values(project) == [(0, 0), (1, 1), (2, 20)]
    assert len(written(project).rows(all_segments=True)) == 6
    assert written(project).record.sessions[1].from_step == 2


def test_a_run_can_be_taken_back_twice(project: Path) -> None:
    first(project)
    with tracker.init(project="p", resume_from="abc?_step=3") as run:
        run.log({"i": 40})
    with tracker.init(project="p", resume_from="abc?_step=0") as run:
        run.log({"i": 100})
    assert values(project) == [(0, 0), (1, 100)]


@pytest.mark.parametrize(
    "point", ["abc", "abc?step=1", "abc?_step=x", "abc?_step=-1", "abc?_step=1.5", "?_step=1"]
)
def test_a_point_that_is_none_is_refused(project: Path, point: str) -> None:
    first(project)
    with pytest.raises(UsageError):
        tracker.init(project="p", resume_from=point)


def test_a_step_may_be_written_as_a_float() -> None:
    assert parse_point("abc?_step=2.0", option="fork_from") == ("abc", 2)


@pytest.mark.parametrize("option", ["resume_from", "fork_from"])
def test_a_step_that_was_not_reached_is_refused(project: Path, option: str) -> None:
    first(project)
    with pytest.raises(UsageError, match="reached step 4, not step 9"):
        tracker.init(project="p", **{option: "abc?_step=9"})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["resume_from", "fork_from"])
def test_a_run_to_leave_from_must_exist(project: Path, option: str) -> None:
    with pytest.raises(UsageError, match="no run 'nope'"):
        tracker.init(project="p", **{option: "nope?_step=1"})  # type: ignore[arg-type]


def test_taking_back_another_run_than_the_id_is_refused(project: Path) -> None:
    first(project)
    with pytest.raises(UsageError, match="id names 'other'"):
        tracker.init(project="p", id="other", resume_from="abc?_step=1")


# fork_from


def test_a_fork_shares_history_config_and_summary_up_to_the_step(project: Path) -> None:
    first(project)
    with tracker.init(project="p", fork_from="abc?_step=2", config={"lr": 0.5}) as run:
        assert run.id != "abc"
        assert (run.resumed, run.starting_step, run.step) == (False, 3, 3)
        assert run.config.as_dict() == {"lr": 0.5, "epochs": 3}
        assert run.summary["i"] == 2
        run.log({"i": 30})
        fork = run.id
    assert values(project, fork) == [(0, 0), (1, 1), (2, 2), (3, 30)]
    assert values(project, "abc") == [(i, i) for i in range(5)]
    point = written(project, fork).record.forked_from
    assert point is not None
    assert (point.run, point.step) == ("abc", 2)


def test_a_fork_can_be_resumed_and_forked_again(project: Path) -> None:
    first(project)
    with tracker.init(project="p", id="f1", fork_from="abc?_step=2") as run:
        run.log({"i": 30})
    with tracker.init(project="p", id="f1", resume="must") as run:
        assert run.step == 4
        run.log({"i": 40})
    with tracker.init(project="p", id="f2", fork_from="f1?_step=3") as run:
        run.log({"i": 400})
    assert values(project, "f1") == [(0, 0), (1, 1), (2, 2), (3, 30), (4, 40)]
    assert values(project, "f2") == [(0, 0), (1, 1), (2, 2), (3, 30), (4, 400)]


def test_a_fork_that_logged_nothing_is_resumed_after_its_point(project: Path) -> None:
    first(project)
    tracker.init(project="p", id="f1", fork_from="abc?_step=2").finish()
    assert tracker.init(project="p", id="f1", resume="must").step == 3


def test_a_fork_outlives_its_source(project: Path) -> None:
    import shutil

    first(project)
    tracker.init(project="p", id="f1", fork_from="abc?_step=2").finish()
    shutil.rmtree(written(project, "abc").files.folder)
    assert values(project, "f1") == [(0, 0), (1, 1), (2, 2)]


def test_a_fork_onto_itself_or_onto_another_run_is_refused(project: Path) -> None:
    first(project)
    with pytest.raises(UsageError, match="onto itself"):
        tracker.init(project="p", id="abc", fork_from="abc?_step=1")
    tracker.init(project="p", id="other").finish()
    with pytest.raises(UsageError, match="exists already"):
        tracker.init(project="p", id="other", fork_from="abc?_step=1")


# auto

AUTO = """
    import os, sys, tracker
    run = tracker.init(project="p", resume="auto")
    print(run.id, run.resumed, run.step, flush=True)
    run.log({"i": run.step})
    run.finish() if sys.argv[1] == "end" else None
    if sys.argv[1] == "crash":
        run._port().flush()
        os._exit(1)
    sys.exit(int(sys.argv[1] == "fail"))
"""


def auto(folder: Path, ending: str) -> list[str]:
    status = 0 if ending == "end" else 1
    return run_python(folder, AUTO, ending, status=status).stdout.split()


@pytest.mark.parametrize("ending", ["crash", "fail"])
@pytest.mark.slow
def test_auto_goes_on_after_a_crash_until_the_run_ends_well(git_repo: Path, ending: str) -> None:
    run_id, resumed, step = auto(git_repo, ending)
    assert (resumed, step) == ("False", "0")
    assert auto(git_repo, "end") == [run_id, "True", "1"]
    assert auto(git_repo, "end")[0] != run_id


def test_auto_remembers_for_each_folder_alone(git_repo: Path) -> None:
    (git_repo / "sub").mkdir()
    here = auto(git_repo, "crash")[0]
    there = auto(git_repo / "sub", "crash")[0]
    assert here != there
    assert auto(git_repo, "end")[0] == here
    assert auto(git_repo / "sub", "end")[0] == there


def test_auto_does_not_go_on_with_a_run_that_is_live(git_repo: Path) -> None:
    code = """
        import sys, tracker
        print(tracker.init(project="p", resume="auto").id, flush=True)
        sys.stdin.readline()
    """
    with start_python(git_repo, code) as process:
        assert process.stdout is not None
        live = process.stdout.readline().strip()
        assert auto(git_repo, "end")[0] != live
        process.communicate("\n")


def test_an_id_wins_over_what_auto_remembers(git_repo: Path) -> None:
    auto(git_repo, "crash")
    code = "import tracker; assert tracker.init(project='p', resume='auto', id='mine').id == 'mine'"
    assert "the id mine that was given wins" in run_python(git_repo, code).stderr


def test_a_damaged_memory_is_named_and_ignored(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = Repo.open(project).layout.resume_mark
    mark.write_text("{")
    run = tracker.init(project="p", resume="auto")
    assert run.resumed is False
    assert str(mark) in capsys.readouterr().err
    assert list(json.loads(mark.read_text())["runs"].values()) == [run.id]


# who may go on


def test_a_run_that_is_live_elsewhere_is_not_resumed(project: Path) -> None:
    code = """
        import sys, tracker
        tracker.init(project="p", id="abc").log({"i": 0})
        print("ready", flush=True)
        sys.stdin.readline()
    """
    with start_python(project, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(LockedError, match=f"process {process.pid}"):
            tracker.init(project="p", id="abc", resume="allow")
        process.communicate("\n")
    assert tracker.init(project="p", id="abc", resume="allow").step == 1


def test_a_crashed_run_can_be_resumed_and_its_session_says_crashed(project: Path) -> None:
    code = "import os, tracker; run = tracker.init(project='p', id='abc'); run.log({'i': 0}); "
    run_python(project, code + "run._port().flush(); os._exit(1)", status=1)
    with tracker.init(project="p", id="abc", resume="must") as run:
        run.log({"i": 1})
    record = written(project).record
    assert [session.state for session in record.sessions] == ["crashed", "finished"]
    assert record.state == "finished"
    assert values(project) == [(0, 0), (1, 1)]


def test_several_processes_log_to_one_run_in_shared_mode(project: Path) -> None:
    code = """
        import sys, tracker
        run = tracker.init(project="p", id="abc", mode="shared", settings={"x_label": sys.argv[1]})
        run.log({"label": sys.argv[1]}, step=100)
        if sys.argv[1] == "main":
            print("ready", flush=True)
            sys.stdin.readline()
    """
    with start_python(project, code, "main") as process:
        assert process.stdout is not None
        process.stdout.readline()
        run_python(project, code, "second")
        run_python(project, code, "third")
        process.communicate("\n")
    rows = written(project).rows(ranks=None)
    assert sorted((row["_rank"], row["label"], row["_step"]) for row in rows) == [
        ("0", "main", 0),
        ("second", "second", 0),
        ("third", "third", 0),
    ]
    record = written(project).record
    assert (len(record.sessions), record.state) == (1, "finished")


def test_each_session_has_its_own_commit_argv_and_environment(project: Path) -> None:
    import subprocess

    first(project)
    (project / "train.py").write_text("print('second')\n")
    subprocess.run(["git", "commit", "-qam", "second"], cwd=project, check=True)
    tracker.init(project="p", id="abc", resume="must").finish()
    one, two = written(project).record.sessions
    assert one.commit != two.commit
    assert one.started < two.started
    assert two.pid == os.getpid()


def test_nothing_of_the_earlier_session_is_rewritten(project: Path) -> None:
    first(project)
    run = written(project)
    before = {p.name: p.read_bytes() for p in run.files.history.iterdir()}
    session = run.record.sessions[0]
    with tracker.init(project="p", id="abc", resume="must") as again:
        again.log({"i": 9}, step=1)
    assert {name: (run.files.history / name).read_bytes() for name in before} == before
    assert written(project).record.sessions[0] == session


def test_two_processes_that_begin_one_new_id_at_once_do_not_mix(project: Path) -> None:
    code = """
        import sys, tracker
        sys.stdin.readline()
        try:
            run = tracker.init(project="p", id="same")
        except tracker.Error as error:
            print("refused", type(error).__name__)
        else:
            run.log({"i": 1})
            print("begun")
    """
    processes = [start_python(project, code) for _ in range(4)]
    results = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        with process:
            out, err = process.communicate()
            results.append(out.split()[:1] or [err])
    assert sorted(results) == [["begun"], ["refused"], ["refused"], ["refused"]]
    assert len(written(project, "same").record.sessions) == 1
    assert len(written(project, "same").rows()) == 1
