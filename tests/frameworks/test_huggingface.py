"""Transformers, Accelerate and TRL through their own wandb integrations, unchanged."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import Train

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_a_transformers_training_reports_to_wandb(train: Train) -> None:
    variables = {"WANDB_PROJECT": "tiny", "WANDB_LOG_MODEL": "checkpoint", "WANDB_WATCH": "gradients"}
    trained = train("huggingface", "transformers_wandb.py", variables=variables, files=("tiny_llama.py",))
    run = trained.run("tiny")

    assert (run.name, run.state) == ("first", "finished")
    rows = run.history(pandas=False)
    losses = [(row["train/global_step"], row["train/loss"]) for row in rows if "train/loss" in row]
    assert [step for step, _ in losses] == [2, 4, 6, 8]
    assert losses[-1][1] < losses[0][1]
    assert [row["train/global_step"] for row in rows if "eval/loss" in row] == [4, 8]
    assert run.summary["total_flos"] > 0
    assert run.config["learning_rate"] == 0.01
    assert run.config["hidden_size"] == 16
    assert run.config["model/num_parameters"] > 0

    # The architecture, two checkpoints and the final model are versions of one name.
    assert len(trained.api.artifacts("model", f"tiny/model-{run.name}")) == 4
    checkpoint = trained.api.artifact(f"tiny/model-{run.name}:checkpoint_global_step_8")
    assert {"model.safetensors", "config.json", "trainer_state.json"} <= set(checkpoint.manifest.entries)
    final = trained.api.artifact(f"tiny/model-{run.name}:final_model")
    assert final.metadata["train/global_step"] == 8
    assert final.logged_by().id == run.id


def test_a_transformers_training_reports_to_tracker(train: Train) -> None:
    """By our own callback, without `tracker run`."""
    trained = train(
        "huggingface",
        "transformers_wandb.py",
        "tracker",
        variables={"TRACKER_PROJECT": "tiny"},
        files=("tiny_llama.py",),
        launcher=("python",),
    )
    run = trained.run("tiny")

    assert (run.name, run.state) == ("first", "finished")
    rows = run.history(pandas=False)
    assert [row["train/global_step"] for row in rows if "train/loss" in row] == [2, 4, 6, 8]
    assert [row["train/global_step"] for row in rows if "eval/loss" in row] == [4, 8]
    assert run.summary["total_flos"] > 0
    assert (run.config["learning_rate"], run.config["hidden_size"]) == (0.01, 16)


@pytest.mark.parametrize("log_with", ["wandb", "tracker"])
def test_an_accelerate_training_logs_with(train: Train, log_with: str) -> None:
    launcher = ("tracker", "run") if log_with == "wandb" else ("python",)
    trained = train("huggingface", "accelerate_wandb.py", log_with, launcher=launcher)
    run = trained.run("squares")

    assert (run.name, run.state, run.tags) == ("first", "finished", ["small"])
    assert run.config["lr"] == 0.1
    rows = run.history(pandas=False)
    assert [row["_step"] for row in rows] == list(range(9))
    assert rows[7]["loss"] < rows[0]["loss"]
    assert rows[8]["seen"]["count"] == 1
    assert rows[8]["guesses"]["nrows"] == 1


def test_a_trl_fine_tuning_reports_to_wandb(train: Train) -> None:
    trained = train(
        "huggingface", "trl_wandb.py", variables={"WANDB_PROJECT": "trl"}, files=("tiny_llama.py",)
    )
    run = trained.run("trl")

    assert (run.name, run.state) == ("tuned", "finished")
    rows = [row for row in run.history(pandas=False) if "train/loss" in row]
    assert [row["train/global_step"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]
    assert all("train/mean_token_accuracy" in row for row in rows)
