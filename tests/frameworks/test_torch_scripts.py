"""Ignite, Optuna, timm, and a small script of the kind that people write themselves."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import Train

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_an_ignite_training_written_for_wandb_is_recorded(train: Train) -> None:
    trained = train("ignite", "ignite_wandb.py")
    run = trained.run("ignite")

    assert (run.name, run.state, run.tags) == ("first", "finished", ["small"])
    rows = run.history(pandas=False)
    losses = [(row["_step"], row["training/loss"]) for row in rows if "training/loss" in row]
    assert [step for step, _ in losses] == list(range(1, 9))
    assert losses[-1][1] < losses[0][1]
    assert [row["_step"] for row in rows if "validation/mse" in row] == [4, 8]
    assert any("parameters/weight" in row for row in rows)
    assert any(file.name.startswith("best_model_") for file in run.files())


def test_optuna_logs_one_run_for_a_study_or_one_for_each_trial(train: Train) -> None:
    trained = train("optuna", "optuna_wandb.py")
    one = trained.run("study")

    rows = one.history(pandas=False)
    assert [row["_step"] for row in rows] == [0, 1, 2]
    assert all((row["x"] - 2) ** 2 == pytest.approx(row["square"]) for row in rows)
    assert one.config["direction"] == ["MINIMIZE"]
    many = list(trained.api.runs("studies"))
    assert sorted(run.name[:8] for run in many) == ["trial/0/", "trial/1/"]
    for run in many:
        assert (run.state, run.tags) == ("finished", ["many"])
        assert run.summary["double"] == pytest.approx(2 * run.config["x"])


def test_a_timm_training_is_recorded_and_goes_on_in_the_same_run(train: Train) -> None:
    trained = train("timm", "timm_wandb.py", "--log-wandb")
    run = trained.run("timm")

    assert (run.name, run.state, run.tags) == ("first", "finished", ["small"])
    assert (run.config["model"], run.config["epochs"]) == ("resnet10t", 2)
    rows = run.history(pandas=False)
    assert [row["epoch"] for row in rows] == [0, 1]
    assert {"train_loss", "train_top1", "eval_loss", "eval_top1", "lr"} <= set(rows[0])
    assert rows[1]["train_loss"] < rows[0]["train_loss"]
    assert [file.name for file in run.files(pattern="%.tar")] == ["output/first/model_best.pth.tar"]

    checkpoint = "output/first/last.pth.tar"
    again = ("--log-wandb", "--epochs", "3", "--resume", checkpoint, "--wandb-resume-id", run.id)
    run = train("timm", "timm_wandb.py", *again).run("timm")
    assert [row["epoch"] for row in run.history(pandas=False)] == [0, 1, 2]
    assert [session.state for session in run.record.sessions] == ["finished", "finished"]


@pytest.mark.parametrize("launcher", [(), ("torchrun", "--nproc-per-node=2")], ids=["python", "torchrun"])
def test_a_script_that_logs_from_its_main_process_is_recorded(train: Train, launcher: tuple) -> None:
    trained = train("ignite", "nano_gpt.py", launcher=("tracker", "run", *launcher))
    run = trained.run("nano")

    assert (run.name, run.state) == ("gpt", "finished")
    rows = run.history(pandas=False)
    assert [row["iter"] for row in rows] == [0, 2, 4, 6]
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]
    assert run.config["learning_rate"] == 0.01
