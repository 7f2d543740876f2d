"""A training that is killed again and again ends in the same bits as one that never was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.storage.history import read_rows
from vcs.repo import Repo

pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

ROOT = Path(__file__).parents[3]

# One process that imports torch once, and forks a real process for each attempt.
DRIVER = '''
import os, random, signal, sys, time

import numpy, torch
import tracker

EPOCHS = 10
MODE = sys.argv[1]


def train(run_id, step_taken):
    run = tracker.init(project="p", id=run_id, resume="allow", settings={"silent": True})
    torch.manual_seed(0), random.seed(0), numpy.random.seed(0)
    torch.use_deterministic_algorithms(True)
    inputs = torch.randn(60, 6)
    data = torch.utils.data.TensorDataset(inputs, inputs[:, :2].square())
    model = torch.nn.Sequential(torch.nn.Linear(6, 24), torch.nn.Dropout(0.2), torch.nn.Linear(24, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    if MODE == "batches":
        loader = run.resumable_loader(loader)
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    if MODE == "batches":
        parts["loader"] = loader
    state = run.load_checkpoint("latest", **parts, missing_ok=True)
    first = loader.epoch if MODE == "batches" else state.get("epoch", -1) + 1
    seen = state.get("seen", 0)
    if not state:
        run.save_checkpoint(**parts, epoch=first - 1, seen=0)
    for epoch in range(first, EPOCHS):
        for inputs, targets in loader:
            noise = random.random() + numpy.random.rand()
            loss = (model(inputs + noise) - targets).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += 1
            step_taken()
            if MODE == "batches":
                run.log({"loss": loss.item(), "epoch": epoch})
                if loader.batch in (3, 6):
                    run.save_checkpoint(**parts, epoch=epoch, seen=seen)
            else:
                run.log({"loss": loss.item(), "epoch": epoch}, step=seen)
        scheduler.step()
        if MODE == "epochs":
            run.save_checkpoint(**parts, epoch=epoch, seen=seen)
    with open(f"{run_id}.pt", "wb") as stream:  # a stream, because a name would be in the bytes
        torch.save([model.state_dict(), optimizer.state_dict()], stream)
    run.finish()


def attempt(run_id, kill_after):
    """Train in a process of its own, killed in the ten steps after this one; return whether it ended."""
    reached, report = os.pipe()
    steps = 0

    def step_taken():
        nonlocal steps
        steps += 1
        if steps == kill_after:
            os.write(report, b"!")
        elif kill_after is not None and steps == kill_after + 10:
            signal.pause()

    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)
            train(run_id, step_taken)
            os._exit(0)
        finally:
            import traceback
            traceback.print_exc()
            os._exit(1)
    os.close(report)
    if os.read(reached, 1):
        time.sleep(dice.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
    os.close(reached)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return False
    assert status == 0, "the training failed"
    return True


dice = random.Random()
assert attempt("straight", None)
kills = 0
while not attempt("killed", dice.randrange(1, 60) if kills < 3 else None):
    kills += 1
print(kills)
'''


@pytest.mark.parametrize("mode", ["batches", "epochs"])
def test_killed_at_random_moments_and_resumed_is_the_same_to_the_bit(git_repo: Path, mode: str) -> None:
    """Weights, optimizer and the history of losses, in the middle of epochs and between them."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, mode],
        cwd=git_repo,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TRACKER_CONSOLE": "off",
            "TRACKER_X_DISABLE_STATS": "true",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1

    assert (git_repo / "straight.pt").read_bytes() == (git_repo / "killed.pt").read_bytes()
    layout = Repo.open(git_repo).layout
    straight, killed = (
        [(row["_step"], row["epoch"], row["loss"]) for row in read_rows(layout.run("p", run_id))]
        for run_id in ("straight", "killed")
    )
    assert straight == killed
    assert [step for step, *_ in straight] == list(
        range(0 if mode == "batches" else 1, 80 + (mode == "epochs"))
    )
