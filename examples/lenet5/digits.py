"""1,797 real handwritten digits (UCI, in scikit-learn), as a folder of files like MNIST's.

The 8x8 images are enlarged three times and framed to 28x28, so that LeNet-5 takes
them unchanged. Written as files, because the tutorial versions a folder of data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

TEST_IMAGES = 297


def write_digits(folder: Path) -> None:
    """Write `train.npz` and `test.npz` with images (N, 28, 28) uint8 and labels (N,) int64."""
    digits = load_digits()
    enlarged = np.kron(digits.images, np.ones((1, 3, 3)))
    framed = np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))
    images = np.round(framed * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", slice(None, -TEST_IMAGES)), ("test", slice(-TEST_IMAGES, None))):
        np.savez(folder / f"{name}.npz", images=images[part], labels=labels[part])


def read_digits(folder: Path, name: str) -> torch.utils.data.TensorDataset:
    """Return images (N, 1, 28, 28) float32 in -1..1 and labels (N,) of `train` or `test`."""
    with np.load(folder / f"{name}.npz") as arrays:
        images = torch.from_numpy(arrays["images"]).float().div(127.5).sub(1).unsqueeze(1)
        labels = torch.from_numpy(arrays["labels"])
    return torch.utils.data.TensorDataset(images, labels)
