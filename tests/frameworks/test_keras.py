"""Keras 3 on torch through the callbacks that wandb's package has, and ours."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import Train

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_a_keras_training_written_for_wandb_is_recorded_whole(train: Train) -> None:
    trained = train("keras", "keras_wandb.py")
    run = trained.run("keras")

    assert (run.name, run.state) == ("first", "finished")
    rows = run.history(pandas=False)
    epochs = [row for row in rows if "epoch/loss" in row]
    assert [row["epoch/epoch"] for row in epochs] == [0, 1, 2]
    assert epochs[2]["epoch/val_loss"] < epochs[0]["epoch/val_loss"]
    assert epochs[0]["epoch/learning_rate"] == pytest.approx(0.05)
    # 48 rows in batches of 16 are three batches; the first and the third of each epoch are logged.
    assert [row["batch/batch_step"] for row in rows if "batch/loss" in row] == [0, 2, 3, 5, 6, 8]
    graph = next(row["graph"] for row in rows if "graph" in row)
    assert (graph["nodes"], graph["edges"]) == (2, 1)

    versions = list(trained.api.artifacts("model", f"keras/run_{run.id}_model"))
    assert [set(version.manifest.entries) for version in versions] == [
        {"03.keras"},
        {"02.keras"},
        {"01.keras"},
    ]
    predictions = trained.api.artifact(f"keras/run_{run.id}_pred:latest").get("eval_data")
    assert predictions.columns == ["epoch", "row", "truth", "guess"]
    assert [row[:2] for row in predictions.data] == [[2, 0], [2, 1], [2, 2], [2, 3]]
    assert run.used_artifacts()[0].name == "val:v0"
