"""The command of a session, as it can be started again elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tracker.errors import NotFoundError, UsageError
from tracker.live.revival import Revival
from tracker.revive.command import Command, Place, given_command, recorded_command, variables_for
from tracker.storage.records import Session
from vcs.liveness import this_process

ROOT, TREE = Path("/home/ann/project"), Path("/machinery/worktrees/p/night")
FILES = {
    "train.py",
    "examples/small/train.py",
    "src/lib.py",
    "src",
    "examples/small",
    "examples",
    ".",
    "conf.yaml",
}
PLACE = Place(TREE, (ROOT,), FILES.__contains__)


def session(*argv: str, cwd: str = ".", **fields: Any) -> Session:
    return Session(number=0, started="", argv=list(argv), cwd=cwd, **fields)


def recorded(*argv: str, **fields: Any) -> Command:
    return recorded_command(session(*argv, **fields), PLACE, run="night", python="/py")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["python", "train.py", "--lr", "0.1"], ["/py", "train.py", "--lr", "0.1"]),
        (["python3", "-u", "-X", "dev", "train.py"], ["/py", "-u", "-X", "dev", "train.py"]),
        (["python", "-m", "lib.train"], ["/py", "-m", "lib.train"]),
        (["python", "-c", "import tracker"], ["/py", "-c", "import tracker"]),
        (["python", f"{ROOT}/train.py"], ["/py", f"{TREE}/train.py"]),
        (
            ["python", "train.py", f"--config={ROOT}/conf.yaml"],
            ["/py", "train.py", f"--config={TREE}/conf.yaml"],
        ),
        (["python", "train.py", f"{ROOT}/data"], ["/py", "train.py", f"{ROOT}/data"]),
        (["python", "train.py", "/data/mnist"], ["/py", "train.py", "/data/mnist"]),
        (["python", "train.py", f"{ROOT}2/train.py"], ["/py", "train.py", f"{ROOT}2/train.py"]),
    ],
)
def test_paths_in_the_code_move_and_data_stays(argv: list[str], words: list[str]) -> None:
    assert list(recorded(*argv).words) == words


@pytest.mark.parametrize(
    ("argv", "fields", "match"),
    [
        ([], {}, "was not recorded"),
        (["python"], {}, "was no script"),
        (["python", "-"], {}, "was no script"),
        (["python", "-m", "ipykernel_launcher", "-f", "x.json"], {}, "was no script"),
        (["python", "/x/ipykernel_launcher.py", "-f", "x.json"], {}, "was no script"),
        (["python", "train.py", "--token=***"], {}, "a secret"),
        (["python", "train.py"], {"environment": {"WORLD_SIZE": "4"}}, "one of 4 processes"),
    ],
)
def test_what_cannot_be_started_again_is_refused_with_a_way_out(
    argv: list[str], fields: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match) as raised:
        recorded(*argv, **fields)
    assert raised.value.hint is not None
    assert "tracker resume night -- " in raised.value.hint


def test_it_starts_where_it_was_started() -> None:
    assert recorded("python", "train.py", cwd="examples/small").folder == TREE / "examples/small"
    assert recorded("python", "-m", "lib", cwd="src").folder == TREE / "src"


def test_a_script_that_changed_its_directory_starts_above() -> None:
    """Hydra works in a folder of its own for each run, made after the start."""
    assert recorded("python", "train.py", cwd="outputs/2026-01-01").folder == TREE
    assert recorded("python", "train.py", cwd="examples/small/outputs").folder == TREE / "examples/small"


def test_a_script_that_the_code_does_not_have_is_said() -> None:
    with pytest.raises(NotFoundError, match=r"does not have the script scratch\.py"):
        recorded("python", "scratch.py")


def test_a_script_outside_runs_as_it_is_now_and_that_is_said(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    with pytest.raises(NotFoundError, match="is gone"):
        recorded("python", str(script))
    script.write_text("")
    found = recorded("python", str(script))
    assert list(found.words) == ["/py", str(script)]
    assert any("runs as it is now" in note for note in found.notes)


def test_an_interpreter_of_then_is_used_only_where_it_was() -> None:
    here = this_process().host

    def program(**fields: Any) -> str:
        return recorded_command(session("python", "train.py", **fields), PLACE, run="night").words[0]

    assert program(host=here, extra={"executable": "/bin/sh"}) == "/bin/sh"
    assert program(host="other", extra={"executable": "/bin/sh"}) == sys.executable
    assert program(host=here, extra={"executable": "/no/python"}) == sys.executable
    assert program() == sys.executable


def test_a_given_command_goes_to_python_or_to_a_program() -> None:
    found = given_command(["train.py", "--lr", "2"], session("python", cwd="src"), PLACE)
    assert (list(found.words), found.folder) == ([sys.executable, "train.py", "--lr", "2"], TREE / "src")
    assert given_command(["python", "x.py"], None, None).words == (sys.executable, "x.py")
    assert given_command(["-m", "lib"], None, None).words == (sys.executable, "-m", "lib")
    assert given_command(["sh", "job.sh"], None, None).words[0].endswith("/sh")
    with pytest.raises(NotFoundError, match="no program 'torchrunn'"):
        given_command(["torchrunn"], None, None)


# variables


def variables(then: dict[str, str], now: dict[str, str], **options: Any) -> dict[str, str]:
    order = options.pop("order", Revival("p/night", 3))
    return variables_for(session("python", "train.py", environment=then), order, now, **options)


def test_variables_that_change_results_are_as_they_were() -> None:
    found = variables(
        {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "SLURM_JOB_ID": "1"},
        {"OMP_NUM_THREADS": "8", "MKL_CBWR": "AVX", "SLURM_JOB_ID": "2", "HOME": "/h"},
    )
    assert (found["OMP_NUM_THREADS"], found["PYTHONHASHSEED"]) == ("1", "0")
    assert "MKL_CBWR" not in found
    assert (found["SLURM_JOB_ID"], found["HOME"]) == ("2", "/h")


def test_options_of_then_are_given_again_and_those_of_now_win() -> None:
    then = {"TRACKER_TAGS": "a", "TRACKER_STORE": "/then", "TRACKER_RUN_ID": "x", "TRACKER_KEY": "***"}
    found = variables(then, {"TRACKER_STORE": "/now"})
    assert (found["TRACKER_TAGS"], found["TRACKER_STORE"]) == ("a", "/now")
    assert "TRACKER_RUN_ID" not in found
    assert "TRACKER_KEY" not in found


def test_nothing_of_now_chooses_another_run() -> None:
    now = {"WANDB_RUN_ID": "x", "TRACKER_RESUME": "never", "TRACKER_MODE": "disabled", "TRACKER_PROJECT": "q"}
    found = variables({}, now)
    assert found["TRACKER_PROJECT"] == "p"
    assert not {"WANDB_RUN_ID", "TRACKER_RESUME", "TRACKER_MODE"} & found.keys()
    assert found["TRACKER_REVIVE_RUN"] == "p/night"


def test_an_order_of_now_is_not_passed_on() -> None:
    found = variables({}, {"TRACKER_REVIVE_STEP": "9"}, order=Revival("p/night"))
    assert "TRACKER_REVIVE_STEP" not in found


def test_the_shim_and_the_folders_to_import_from_come_back() -> None:
    found = variables({"TRACKER_COMPAT": "wandb"}, {"PYTHONPATH": "/mine"}, import_from=["/tree/src"])
    paths = found["PYTHONPATH"].split(":")
    assert paths[0].endswith("compat/shim")
    assert paths[1:] == ["/tree/src", "/mine"]
