"""Two real processes that train together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SCRIPT = """
import gc, json, sys, torch, torch.distributed as dist
from torch import nn
from tracker.collect.watch import Watcher

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
net = nn.Linear(3, 1, bias=False)
ddp = nn.parallel.DistributedDataParallel(net)
rows = []
watcher = Watcher(rows.append, lambda: 0)
watcher.watch(ddp)
def backward():
    ddp(torch.full((1, 3), float(rank + 1))).sum().backward()
with ddp.no_sync():
    backward()
backward()
last = rows[-1]
json.dump({
    "keys": list(last),
    "logged": last["gradients/weight"].to_record(None)["max"],
    "real": net.weight.grad.max().item(),
}, open(f"{folder}/{rank}.json", "w"))
# What still holds the group when it is destroyed leaves its threads to the exit, which sometimes aborts.
del ddp, watcher
gc.collect()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_gradients_are_those_that_ddp_has_averaged(tmp_path: Path) -> None:
    """Over all ranks and accumulated passes, and without the wrapper's `module.` in the keys."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    processes = [
        subprocess.Popen([sys.executable, str(script), str(rank), str(tmp_path)], cwd=Path.cwd())
        for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]

    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found["keys"] == ["gradients/weight", "gradients/global_norm"]
        assert found["logged"] == found["real"] == 3.0
