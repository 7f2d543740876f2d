"""`tracker run`: which program is started, and with which environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracker import Api
from tracker.compat import wandb_command
from tracker.compat.launcher import COMMANDS, SHIM, command_line, shimmed_environment
from tracker.compat.wandb_artifact import translated
from vcs.errors import NotFoundError, UsageError


def test_a_script_is_given_to_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("")
    assert command_line(["train.py", "--lr", "1"]) == [sys.executable, "train.py", "--lr", "1"]


def test_a_module_is_given_to_this_python() -> None:
    assert command_line(["-m", "json.tool"]) == [sys.executable, "-m", "json.tool"]


def test_a_program_is_looked_up_on_path() -> None:
    assert command_line(["git", "status"])[0].endswith("/git")


def test_a_missing_script_names_the_folder_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match=r"trian\.py.*" + tmp_path.name):
        command_line(["trian.py"])


def test_nothing_to_run_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nothing to run"):
        command_line([])


def test_an_unknown_program_says_how_run_is_used() -> None:
    with pytest.raises(NotFoundError, match="no-such-program"):
        command_line(["no-such-program"])


def test_the_stand_in_comes_first_and_only_once() -> None:
    once = shimmed_environment({"PYTHONPATH": "/a", "PATH": "/bin"})
    assert shimmed_environment(once) == once
    assert once["PYTHONPATH"].split(os.pathsep) == [str(SHIM), "/a"]
    assert once["PATH"].split(os.pathsep) == [str(COMMANDS), "/bin"]


@pytest.mark.parametrize("command", ["wandb", f"{sys.executable} -m wandb"])
def test_wandb_login_in_a_shell_script_succeeds_without_input(command: str) -> None:
    environment = shimmed_environment(os.environ)
    words = ["sh", "-c", f"{command} login"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    assert "no account" in done.stdout


def test_an_unknown_wandb_command_fails_with_a_hint() -> None:
    environment = shimmed_environment(os.environ)
    done = subprocess.run(["wandb", "launch"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Hint:" in done.stderr


def test_the_distribution_wandb_is_visible_to_version_checks() -> None:
    code = "import importlib.metadata as m; print(m.version('wandb'), m.metadata('wandb')['Name'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=shimmed_environment(os.environ), capture_output=True, text=True
    )
    assert done.stdout.split() == ["0.31.0", "wandb"]


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        (
            "put data --name team/lenet/mnist -t dataset -a latest -a best --policy mutable",
            "artifact put data --type dataset --name lenet/mnist --alias best",
        ),
        ("put weights.pt", "artifact put weights.pt --type dataset"),
        ("get team/lenet/mnist:v2 --root here", "artifact get lenet/mnist:v2 here"),
        ("get mnist", "artifact get mnist"),
        ("ls team/lenet", "artifact ls --project lenet"),
    ],
)
def test_artifact_commands_of_wandb_are_ours(given: str, ours: str) -> None:
    assert translated(given.split()) == ours.split()


@pytest.mark.parametrize("given", ["put s3://bucket/data", "cache cleanup 1GB", "put", "ls p --type model"])
def test_an_artifact_command_without_counterpart_says_what_there_is(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        translated(given.split())
    assert caught.value.hint


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("sweep -p lenet -e team sweep.yaml", "sweep create sweep.yaml --project lenet"),
        ("sweep --controller sweep.yaml", "sweep create sweep.yaml"),
        ("sweep --stop team/lenet/abcd1234", "sweep stop team/lenet/abcd1234"),
        ("sweep --cancel abcd1234", "sweep stop abcd1234"),
        ("sweep --pause abcd1234 -p lenet", "sweep pause abcd1234 --project lenet"),
        ("sweep --resume abcd1234", "sweep start abcd1234"),
        ("agent --count 10 team/lenet/abcd1234", "sweep agent team/lenet/abcd1234 --count 10"),
        ("agent -p lenet -e team -f abcd1234", "sweep agent abcd1234 --project lenet"),
    ],
)
def test_sweeps_of_wandb_are_ours(given: str, ours: str) -> None:
    assert wandb_command.ours(given.split()) == ours.split()


@pytest.mark.parametrize(
    "given",
    [
        "sweep --update abcd1234 sweep.yaml",
        "sweep -R abcd1234 sweep.yaml",
        "sweep --name x sweep.yaml",
        "sweep --no-such-option sweep.yaml",
        "agent --max-consecutive-failed-runs 3 abcd1234",
        "agent",
        "sweep",
    ],
)
def test_a_sweep_s_option_without_counterpart_says_what_there_is(given: str) -> None:
    done = subprocess.run(
        ["wandb", *given.split()], env=shimmed_environment(os.environ), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Hint:" in done.stderr


def test_wandb_sweep_and_agent_make_runs(git_repo: Path) -> None:
    pytest.importorskip("optuna")
    (git_repo / "train.py").write_text("import wandb\nwandb.init().log({'loss': 1})\n")
    (git_repo / "sweep.yaml").write_text("program: train.py\nmethod: grid\nparameters: {lr: {values: [1]}}\n")

    def wandb(*words: str) -> str:
        done = subprocess.run(
            ["wandb", *words],
            cwd=git_repo,
            env=shimmed_environment(os.environ),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    sweep_id = wandb("sweep", "-p", "lenet", "sweep.yaml")
    wandb("agent", f"team/lenet/{sweep_id}")
    (run,) = Api(root=git_repo).runs("lenet")
    assert (run.state, run.config["lr"], run.record.sweep) == ("finished", 1, sweep_id)


def test_wandb_artifact_put_and_get_bring_a_file_back(git_repo: Path) -> None:
    environment = shimmed_environment(os.environ)
    (git_repo / "weights.pt").write_bytes(b"weights")
    for words in ("put weights.pt --name lenet/model --type model", "get team/lenet/model:v0 --root back"):
        done = subprocess.run(
            ["wandb", "artifact", *words.split()],
            cwd=git_repo,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert (git_repo / "back" / "weights.pt").read_bytes() == b"weights"
