"""A real training of a small LeNet, killed and brought back, and run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.tracker.live.conftest import written
from tests.tracker.revive.scripts import commit_script, only_run, start, tracker_command
from vcs.repo import Repo

pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

SEED = "torch.manual_seed(0)"
# 12 batches an epoch, a checkpoint after every fifth batch; asked to, it waits within an epoch to be killed.
LENET = f"""
    import os, sys
    import torch
    from torch import nn
    import tracker

    run = tracker.init(project="LeNet5", config={{"lr": 0.05, "epochs": 3}})
    data = torch.Generator().manual_seed(7)
    images, labels = torch.randn(96, 1, 12, 12, generator=data), torch.randint(10, (96,), generator=data)
    {SEED}
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(0.1), nn.Linear(96, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=run.config.lr, momentum=0.9)
    data = torch.utils.data.TensorDataset(images, labels)
    loader = run.resumable_loader(torch.utils.data.DataLoader(data, batch_size=8, shuffle=True))
    parts = {{"model": model, "optimizer": optimizer, "loader": loader}}
    if run.resumed:
        run.load_checkpoint("latest", **parts)
        print("going on", loader.epoch, loader.batch, run.step)
    for epoch in range(loader.epoch, run.config.epochs):
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            run.log({{"loss": loss, "epoch": epoch}})
            if loader.batch % 5 == 0:
                run.save_checkpoint(**parts)
            if os.environ.get("WAIT") == f"{{epoch}}.{{loader.batch}}":
                print("waiting", flush=True)
                sys.stdin.readline()
    with open("lenet5.pth", "wb") as stream:  # a stream, because a name would be in the bytes
        torch.save(model.state_dict(), stream)
    run.log_artifact("lenet5.pth", name="lenet5", type="model")
"""


def reproduce(folder: Path, run: str, *, status: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        tracker_command(folder, "reproduce", run, "--json", status=status).stdout
    )
    return found


def test_killed_in_mid_epoch_and_resumed_it_equals_a_training_without_interruption(git_repo: Path) -> None:
    """With the code changed and committed in between; the uninterrupted one is its reproduction."""
    commit_script(git_repo, LENET)
    with subprocess.Popen(
        [sys.executable, "train.py"],
        cwd=git_repo,
        env={**os.environ, "WAIT": "1.8"},  # in the second epoch, after its first checkpoint
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.kill()
    commit_script(git_repo, LENET.replace("momentum=0.9", "momentum=0.5"), message="other momentum")
    run_id = only_run(git_repo, "LeNet5")
    done = tracker_command(git_repo, "resume", run_id)
    assert "going on 1 5 17" in done.stdout
    record = written(git_repo, run_id).record
    assert [session.from_step for session in record.sessions] == [0, 17]
    assert record.sessions[1].code_commit == record.sessions[0].code_commit

    found = reproduce(git_repo, run_id, status=0)
    assert found["status"] == "identical", found
    assert found["rows"] == 36
    (weights,) = [output for output in found["outputs"] if output["name"] == "lenet5"]
    assert weights["same"]
    assert len(Repo.open(git_repo).collections.versions("LeNet5", "lenet5")) == 1
    assert git(git_repo, "log", "--format=%s", "-1") == "other momentum\n"


def test_without_the_seed_line_it_differs_and_step_and_seed_are_named(git_repo: Path) -> None:
    commit_script(git_repo, LENET.replace(SEED, "pass").replace('"epochs": 3', '"epochs": 1'))
    start(git_repo, "train.py")
    found = reproduce(git_repo, only_run(git_repo, "LeNet5"), status=1)
    assert (found["status"], found["first_step"]) == ("differs", 0)
    first = found["reasons"][0]
    assert first["kind"] == "seed"
    assert first["text"].startswith("the seed of torch was not set: it was ")
    assert "torch.manual_seed(0)" in first["hint"]
    assert found["first_values"]["loss"]["old"] != found["first_values"]["loss"]["new"]
