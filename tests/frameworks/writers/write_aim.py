"""Logs two runs with aim into the folder of its argument: one that ends, and one that does not."""

import json
import math
import os
import sys

import numpy as np
from aim import Audio, Distribution, Image, Run, Text

store = sys.argv[1]
os.makedirs(store)
quiet = {"system_tracking_interval": None, "log_system_params": False, "capture_terminal_logs": False}

run = Run(repo=store, experiment="digits", log_system_params=True, system_tracking_interval=1)
run.name, run.description = "calm", "about it"
run.add_tag("vision")
run["hparams"] = {"lr": 0.1, "layers": [1, 2], "nest": {"deep": True, "none": None}}
run["seed"] = 3
for step in range(40):
    run.track(1 / (step + 3), name="loss", step=step, epoch=step // 10, context={"subset": "train"})
    run.track(step * 2, name="loss", step=step, context={"subset": "val"})
    run.track(step / 7, name="loss", step=step, context={"subset": "val", "head": 1})
run.track(math.nan, name="odd", step=0)
run.track(math.inf, name="odd", step=1)
pixels = np.full((4, 5, 3), 9, dtype=np.uint8)
run.track(Image(pixels, caption="cap"), name="picture", step=2)
run.track([Image(pixels, caption="a"), Image(pixels * 2, caption="b")], name="several", step=2)
weights = Distribution(np.arange(100))
run.track(weights, name="weights", step=1)
run.track(Text("hello"), name="text", step=1)
run.track(Audio(np.zeros((100, 1), dtype=np.int16), rate=8000, format="wav"), name="sound", step=1)
with open("weights.bin", "w") as file:
    file.write("weights")
run.set_artifacts_uri(f"file://{os.getcwd()}/kept")
run.log_artifact("weights.bin", block=True)
print("a printed line")
run.close()

other = Run(repo=store, experiment="digits", **quiet)
other.name = "torn"
other.track(0.5, name="loss", step=7)

counts, edges = weights.to_np_histogram()
expected = {"ids": [run.hash, other.hash], "counts": counts.tolist(), "edges": edges.tolist()}
print(json.dumps(expected), flush=True)
os.kill(os.getpid(), 9)
