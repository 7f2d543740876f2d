"""Logs a run with trackio into the folder of its argument."""

import os
import sys

os.environ["TRACKIO_DIR"] = sys.argv[1]

import numpy as np
import trackio

run = trackio.init(project="proj", name="calm", group="g", config={"lr": 0.1, "layers": [1, 2]})
for step in range(40):
    trackio.log({"loss": 1 / (step + 3), "nest": {"deep": step}})
trackio.log({"odd": float("nan"), "big": float("inf")})
pixels = np.zeros((4, 4, 3), dtype=np.uint8)
trackio.log({"picture": trackio.Image(pixels, caption="cap")})
with open("weights.bin", "w") as file:
    file.write("weights")
artifact = trackio.Artifact("model", type="model", metadata={"k": 1})
artifact.add_file("weights.bin")
run.log_artifact(artifact, aliases=["best"])
trackio.finish()
