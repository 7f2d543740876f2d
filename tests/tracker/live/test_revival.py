"""What `tracker resume` and `tracker reproduce` tell the run that a script begins."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import tracker
from tests.tracker.live.conftest import run_python, written
from tracker.errors import UsageError
from tracker.live.branching import read_resume_mark
from tracker.live.pins import Pins, pins_of
from tracker.live.revival import Revival, parse
from tracker.settings import load_settings
from tracker.storage.records import LoggedVersion, RunRecord, Used
from vcs.names import parse_artifact_ref
from vcs.repo import Repo

FIVE_ROWS = """
    import tracker
    run = tracker.init(project="p", id="night", resume="allow", config={"lr": 1})
    for i in range(5):
        run.log({"i": i})
    print("at", run.step, run.id, run.resumed)
"""


def ordered(monkeypatch: pytest.MonkeyPatch, **order: object) -> None:
    """Give this process an order."""
    for name, value in Revival(**order).variables().items():  # type: ignore[arg-type]
        monkeypatch.setenv(name, value)


def test_an_order_comes_back_out_of_its_variables() -> None:
    for order in (
        Revival("p/night", 0, "p/net:v3"),
        Revival("p/new", reproduces="night"),
        Revival(key="k"),
    ):
        assert parse(order.variables()) == order
    assert parse({"HOME": "/", "TRACKER_RUN_ID": "x"}) is None


@pytest.mark.parametrize(
    "variables", [{"STEP": "-1"}, {"STEP": "1.5"}, {"RUN": "no-project"}, {"CHECKPOINT": "a b"}]
)
def test_an_order_written_by_hand_is_checked(variables: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        parse({f"TRACKER_REVIVE_{name}": value for name, value in variables.items()})


def test_an_order_concerns_the_run_that_it_names() -> None:
    order = Revival("p/night")
    for arguments, meant in (
        ({}, True),
        ({"run_id": "night", "project": "p"}, True),
        ({"run_id": "other"}, False),
        ({"project": "q"}, False),
        ({"mode": "disabled"}, False),
        ({"mode": "shared", "run_id": "night"}, False),
    ):
        assert order.concerns(load_settings(arguments, {})) is meant
    # A script with an id of its own is run again under another.
    assert Revival("p/new", reproduces="night").concerns(load_settings({"run_id": "night"}, {}))


def test_what_the_script_says_about_resuming_yields() -> None:
    chosen = Revival("p/night", 3).applied(load_settings({"fork_from": "x?_step=2"}, {}))
    assert (chosen.project, chosen.run_id, chosen.resume, chosen.fork_from) == ("p", "night", "must", None)
    again = Revival("p/new", reproduces="old").applied(load_settings({"fork_from": "x?_step=2"}, {}))
    assert (again.run_id, again.resume, again.fork_from) == ("new", "never", "x?_step=2")
    assert Revival(key="k").applied(load_settings({"run_id": "mine"}, {})).run_id == "mine"


def test_a_script_goes_on_with_its_run_at_the_step(git_repo: Path) -> None:
    run_python(git_repo, FIVE_ROWS)
    done = run_python(git_repo, FIVE_ROWS, **Revival("p/night", 3).variables())
    assert "at 8 night True" in done.stdout
    assert [(row["_step"], row["i"]) for row in written(git_repo).rows()] == [
        (0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2), (6, 3), (7, 4)
    ]  # fmt: skip
    assert len(written(git_repo).rows(all_segments=True)) == 10


def test_step_0_begins_anew_and_removes_nothing(git_repo: Path) -> None:
    run_python(git_repo, FIVE_ROWS)
    run_python(git_repo, FIVE_ROWS, **Revival("p/night", 0).variables())
    assert [row["_step"] for row in written(git_repo).rows()] == [0, 1, 2, 3, 4]
    assert len(written(git_repo).rows(all_segments=True)) == 10


def test_without_a_step_rows_follow_the_last(git_repo: Path) -> None:
    run_python(git_repo, FIVE_ROWS)
    code = 'import tracker; run = tracker.init(project="p"); print("at", run.step, run.id)'
    assert "at 5 night" in run_python(git_repo, code, **Revival("p/night").variables()).stdout


@pytest.mark.slow
def test_an_order_is_for_one_run_and_no_program_that_it_starts(git_repo: Path) -> None:
    run_python(git_repo, FIVE_ROWS)
    code = """
        import subprocess, sys, tracker
        print(tracker.init(project="p").id)
        inner = "import tracker; print(tracker.init(project='p').id)"
        print(subprocess.run([sys.executable, "-c", inner], capture_output=True, text=True).stdout)
        tracker.finish()
        print(tracker.init(project="p").id)
    """
    first, second, third = run_python(git_repo, code, **Revival("p/night").variables()).stdout.split()
    assert first == "night"
    assert len({first, second, third}) == 3


def test_a_reproduction_is_a_new_run_whatever_id_the_script_has(git_repo: Path) -> None:
    run_python(git_repo, FIVE_ROWS)
    run_python(git_repo, FIVE_ROWS, **Revival("p/again", reproduces="night").variables())
    again = written(git_repo, "again")
    assert again.record.reproduces == "night"
    assert again.rows() == written(git_repo, "night").rows()
    assert written(git_repo, "night").record.reproduces is None
    assert not any("REVIVE" in name for name in again.record.sessions[0].environment)


@pytest.mark.slow
def test_a_run_under_a_key_is_remembered_until_it_ends_well(git_repo: Path) -> None:
    layout = Repo.open(git_repo).layout
    run_python(git_repo, FIVE_ROWS + "    raise SystemExit(3)", status=3, **Revival(key="job-1").variables())
    run_python(git_repo, FIVE_ROWS.replace("night", "day") + "    import sys; sys.exit(3)", status=3,
               **Revival(key="job-2").variables())  # fmt: skip
    assert read_resume_mark(layout.resume_mark) == {"p:job-1": "night", "p:job-2": "day"}
    run_python(git_repo, FIVE_ROWS, **Revival("p/night", key="job-1").variables())
    assert read_resume_mark(layout.resume_mark) == {"p:job-2": "day"}


# names of artifacts


def record_with(*used: Used, logged: tuple[str, ...] = ()) -> RunRecord:
    versions = [LoggedVersion(artifact=name, version="v0", digest="a" * 64) for name in logged]
    return RunRecord(id="r", project="p", created="", used=list(used), logged=versions)


def used(as_: str, digest: str, session: int = 0, artifact: str = "p/mnist") -> Used:
    return Used(artifact=artifact, version="v0", digest=digest * 64, as_=as_, session=session)


def meant(pins: Pins, text: str) -> str:
    return str(pins.meant(parse_artifact_ref(text)))


def test_a_name_means_what_it_meant_in_the_newest_session() -> None:
    pins = pins_of(
        record_with(used("mnist:latest", "1"), used("mnist:latest", "2", 1), used("mnist:best", "3"))
    )
    assert meant(pins, "mnist") == f"p/mnist@{'2' * 64}"
    assert meant(pins, "p/mnist:best") == f"p/mnist@{'3' * 64}"
    assert meant(pins, "mnist:v7") == "mnist:v7"
    assert meant(pins, "other/mnist:latest") == "other/mnist:latest"


def test_a_link_means_its_source() -> None:
    pins = pins_of(record_with(used("stable:best", "1", artifact="p/net")))
    assert meant(pins, "model-registry/stable:best") == f"p/net@{'1' * 64}"


def test_what_a_run_logs_itself_is_free() -> None:
    pins = pins_of(record_with(used("mnist:latest", "1"), logged=("p/mnist",)))
    assert meant(pins, "mnist:latest") == "mnist:latest"
    later = pins_of(record_with(used("mnist:latest", "1")))
    later.let_go("mnist")
    assert meant(later, "mnist:latest") == "mnist:latest"


def test_a_checkpoint_is_the_latest_of_its_own_and_of_the_runs_artifact() -> None:
    pins = pins_of(record_with(), checkpoints=["r-checkpoint"], checkpoint="p/net:v3")
    assert meant(pins, "r-checkpoint:latest") == "p/net:v3"
    assert meant(pins, "net:latest") == "p/net:v3"
    assert meant(pins, "r-checkpoint:best") == "r-checkpoint:best"


def test_a_resumed_run_gets_the_inputs_that_it_had(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(text: str) -> None:
        (project / "data.txt").write_text(text)
        artifact = tracker.Artifact("mnist", "dataset")
        artifact.add_file("data.txt")
        with tracker.init(project="p") as run:
            run.log_artifact(artifact)

    put("old")
    with tracker.init(project="p", id="night") as run:
        assert run.use_artifact("mnist:latest").version == "v0"
    put("new")
    for order in ({"run": "p/night"}, {"run": "p/again", "reproduces": "night"}):
        ordered(monkeypatch, **order)
        with tracker.init(project="p", id="night" if "reproduces" not in order else None) as run:
            assert run.use_artifact("mnist:latest").version == "v0"
            assert run.id == str(order["run"])[2:]
    with tracker.init(project="p") as run:
        assert run.use_artifact("mnist:latest").version == "v1"


def test_where_generators_stand_at_the_end_is_recorded(project: Path) -> None:
    for run_id in ("a", "b"):
        with tracker.init(project="p", id=run_id):
            random.seed(3)
    one, other = (written(project, run_id).record.sessions[0] for run_id in ("a", "b"))
    assert one.seeds_at_end["random"] == other.seeds_at_end["random"]
    assert one.seeds_at_end["random"] != one.seeds["random"]


def test_variables_that_change_results_are_recorded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with tracker.init(project="p"):
        pass
    assert written(project).record.sessions[0].environment["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
