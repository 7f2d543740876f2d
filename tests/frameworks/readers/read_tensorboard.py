"""Prints what TensorBoard's own reader says of a folder."""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

(folder,) = [path for path in Path(sys.argv[1]).iterdir() if path.is_dir()]
read = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
read.Reload()
scalars = {tag: [[e.step, e.value] for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
print(
    json.dumps({"scalars": scalars, "images": read.Tags()["images"], "histograms": read.Tags()["histograms"]})
)
