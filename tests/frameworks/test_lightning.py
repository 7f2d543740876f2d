"""Lightning with its own WandbLogger, unchanged, and with ours."""

from __future__ import annotations

import math

import pytest

from tests.frameworks.conftest import Train

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_a_lightning_training_written_for_wandb_is_recorded_whole(train: Train) -> None:
    trained = train("lightning", "lightning_wandb.py")
    runs = {run.name: run for run in trained.api.runs("lines")}
    first, second = runs["first"], runs["second"]

    assert (first.state, second.state) == ("finished", "finished")
    assert first.tags == ["small"]
    assert (first.config["lr"], first.config["width"]) == (0.1, 4)

    rows = first.history(pandas=False)
    losses = [row["train/loss"] for row in rows if "train/loss" in row]
    # 64 rows in batches of 8 are 8 steps an epoch; every second is logged.
    assert len(losses) == 12
    assert losses[-1] < losses[0]
    steps = [row["trainer/global_step"] for row in rows if "train/loss" in row]
    assert steps == list(range(1, 24, 2))
    assert [row["trainer/global_step"] for row in rows if "val/loss" in row] == [7, 15, 23]
    assert math.isclose(first.summary["val/loss"], [row["val/loss"] for row in rows if "val/loss" in row][-1])

    assert any("gradients/layer.weight" in row for row in rows)
    assert any("parameters/layer.bias" in row for row in rows)
    images = [row["samples"] for row in rows if "samples" in row]
    assert [image["count"] for image in images] == [2, 2, 2]
    assert images[0]["captions"] == ["a", "b"]
    assert all((trained.folder / first.dir / path).is_file() for path in images[0]["filenames"])
    tables = [row["guesses"] for row in rows if "guesses" in row]
    assert (tables[0]["ncols"], tables[0]["nrows"]) == (2, 2)

    versions = list(trained.api.artifacts("model", f"lines/model-{first.id}"))
    assert len(versions) == 3
    best = trained.api.artifact(f"lines/model-{first.id}:best")
    assert best.metadata["ModelCheckpoint"]["monitor"] == "val/loss"
    assert next(artifact.name for artifact in second.used_artifacts()).startswith(f"model-{first.id}:v")
    assert best.logged_by().id == first.id
    assert (trained.folder / "restored" / "model.ckpt").is_file()
    assert math.isfinite(second.summary["restored"])


def test_the_native_logger_records_a_training_of_two_processes_as_one_run(train: Train) -> None:
    trained = train("lightning", "lightning_native.py", launcher=("python",))
    run = trained.run("native")

    assert (run.name, run.state) == ("first", "finished")
    assert run.config["lr"] == 0.1
    rows = run.history(pandas=False)
    # 64 rows for two processes in batches of 8 are 4 steps an epoch.
    assert [row["trainer/global_step"] for row in rows if "loss" in row] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [row["trainer/global_step"] for row in rows if "val" in row] == [3, 7]
    assert len(trained.api.artifacts("model", "native/first-checkpoint")) == 2
    best = trained.api.artifact("native/first-checkpoint:best")
    assert best.metadata["score"] == pytest.approx(min(row["val"] for row in rows if "val" in row))
    # The module logs by `tracker.log`, too, on each rank; the second rank's rows are beside the first's.
    seen = {row["_rank"] for row in run.history(pandas=False, ranks="all") if "seen" in row}
    assert seen == {"0", "1"}
