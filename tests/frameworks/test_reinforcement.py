"""Stable-Baselines3, and everything that reaches a run by way of TensorBoard's writers."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import Train

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_stable_baselines_logs_through_tensorboard_and_keeps_model_and_video(train: Train) -> None:
    trained = train("sb3", "sb3_wandb.py", variables={"SDL_VIDEODRIVER": "dummy"})
    run = trained.run("poles")

    assert run.state == "finished"
    assert run.config["algo"] == "PPO"
    assert run.config["n_steps"] == 64
    rows = run.history(pandas=False)
    rewards = [row for row in rows if "rollout/ep_rew_mean" in row]
    assert [row["global_step"] for row in rewards] == [64, 128, 192, 256]
    # The first update of the policy is told with the second rollout.
    assert [row["global_step"] for row in rows if "train/loss" in row] == [128, 192, 256]
    assert any(key.startswith("gradients/") for row in rows for key in row)
    videos = [row["videos"] for row in rows if "videos" in row]
    assert len(videos) == 1
    assert (trained.folder / run.dir / videos[0]["path"]).stat().st_size > 1000
    assert [file.name for file in run.files(pattern="%model.zip")] == ["model.zip"]


@pytest.mark.parametrize("writer", ["torch", "tensorboardX"])
def test_what_a_summary_writer_writes_is_in_the_run(train: Train, writer: str) -> None:
    trained = train("sb3", "tensorboard_wandb.py", writer)
    rows = trained.run("events").history(pandas=False)

    scalars = [row for row in rows if "losses/td_loss" in row]
    assert [row["global_step"] for row in scalars] == [0, 10, 20]
    assert [row["losses/td_loss"] for row in scalars] == pytest.approx([1.0, 0.5, 1 / 3])
    assert [row["charts/SPS"] for row in scalars] == [100, 101, 102]
    media = next(row for row in rows if "weights" in row)
    assert (media["global_step"], sum(media["weights"]["values"])) == (30, 100)
    assert (media["weights"]["bins"][0], media["weights"]["bins"][-1]) == (0, 99)
    assert (media["seen"]["width"], media["seen"]["height"]) == (5, 4)
    # A writer below the first one's folder puts its path in front.
    assert next(row["test/return"] for row in rows if "test/return" in row) == 7
    assert "TensorBoard text" in trained.output
