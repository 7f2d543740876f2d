"""Logs a run with wandb, offline, and another that is killed; prints what was logged."""

import json
import os
import signal
import sys

import numpy as np
import wandb

settings = wandb.Settings(mode="offline", silent=True)
if sys.argv[1] == "killed":
    run = wandb.init(project="proj", id="killed00", settings=settings)
    for step in range(20000):
        run.log({"loss": step / 7})
    # wandb writes in blocks; some of them are on disk by the time that a later record is sent.
    while not os.path.getsize(os.path.join(os.path.dirname(run.dir), "run-killed00.wandb")) > 100_000:
        run.log({"loss": 0.5})
    os.kill(os.getpid(), signal.SIGKILL)

config = {"lr": 0.1, "nested": {"a": [1, 2]}, "opt": "adam"}
run = wandb.init(
    project="proj",
    name="calm",
    id="abcd1234",
    config=config,
    tags=["x", "y"],
    notes="notes",
    group="g",
    job_type="t",
    settings=settings,
)
run.define_metric("loss", summary="min")
rows = []
for step in range(50):
    rows.append({"loss": 1 / (step + 3), "nest.deep": step, "text": f"t{step}"})
    run.log({"loss": 1 / (step + 3), "nest": {"deep": step}, "text": f"t{step}"})
run.log({"odd": float("nan"), "big": float("inf")})
pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
picture, table = (
    wandb.Image(pixels, caption="cap"),
    wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]]),
)
run.log({"picture": picture, "several": [wandb.Image(pixels), wandb.Image(pixels + 1)], "table": table})
run.log({"histogram": wandb.Histogram(np.arange(100))})
run.summary["best"] = 0.5
run.config.update({"late": 7})
with open("weights.bin", "w") as file:
    file.write("weights")
artifact = wandb.Artifact("model", "model", metadata={"k": 1}, description="about it")
artifact.add_file("weights.bin")
run.log_artifact(artifact, aliases=["best"])
with open("kept.txt", "w") as file:
    file.write("kept")
run.save("kept.txt")
print("a printed line")
run.finish()
run = wandb.init(project="proj", id="abcd1234", resume="allow", settings=settings)
run.log({"loss": 0.001}, step=100)
run.finish(exit_code=3)
print(json.dumps({"rows": rows, "config": {**config, "late": 7}}))
