"""Writes event files, and what TensorBoard's own reader says of them."""

import json
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter

folder = sys.argv[1]
with SummaryWriter(f"{folder}/one") as writer:
    for step in range(200):
        writer.add_scalar("loss", 1 / (step + 3), step)
        writer.add_scalar("acc", step / 7, step)
    writer.add_scalar("odd", float("nan"), 200)
    writer.add_scalar("odd", float("inf"), 201)
    writer.add_histogram("weights", np.random.default_rng(0).normal(size=500), 200)
    writer.add_image("picture", np.full((3, 4, 5), 77, dtype=np.uint8), 200)
    writer.add_text("note", "hello", 200)

read = EventAccumulator(f"{folder}/one", size_guidance={"scalars": 0, "histograms": 0, "images": 0})
read.Reload()
scalars = {tag: [(e.step, e.wall_time, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
(weights,) = read.Histograms("weights")
(picture,) = read.Images("picture")
print(
    json.dumps(
        {
            "scalars": scalars,
            "counts": [n for n in weights.histogram_value.bucket if n],
            "total": weights.histogram_value.num,
            "picture": picture.encoded_image_string.hex(),
        }
    )
)
