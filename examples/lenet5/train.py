"""Train LeNet-5 on handwritten digits, in a way that survives `kill -9`.

    python train.py --epochs 10

Started again with the same --run-id, it goes on at the very batch where the last
checkpoint was made, and ends in the same weights, bit for bit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from digits import read_digits, write_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import tracker


class LeNet5(nn.Module):
    """LeCun's network with average pooling and tanh: images (N, 1, 28, 28) to scores (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(16, 120, kernel_size=5),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.convolutions(images))


def accuracy(model: nn.Module, data: TensorDataset) -> float:
    """Return the share of images that get their own label the highest score."""
    images, labels = data.tensors
    model.eval()
    with torch.no_grad():
        right = (model(images).argmax(dim=1) == labels).sum().item()
    model.train()
    return right / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run-id", default=None, help="go on with this run, or begin it")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--checkpoint-every", type=int, default=40, metavar="BATCHES")
    options = parser.parse_args()

    run = tracker.init(
        project="LeNet5",
        id=options.run_id,
        resume="allow" if options.run_id else None,
        config={"epochs": options.epochs, "lr": options.lr, "momentum": 0.8, "batch_size": 16},
    )
    config = run.config

    data = Path("MNIST")
    if not data.exists():
        write_digits(data)
    dataset = tracker.Artifact("digits", type="dataset")
    dataset.add_dir(data)
    run.use_artifact(dataset)  # equal contents are the version that there is already

    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)  # a network this small is slower on two
    model = LeNet5()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)
    loader = run.resumable_loader(
        DataLoader(read_digits(data, "train"), batch_size=config.batch_size, shuffle=True)
    )
    test = read_digits(data, "test")
    run.watch(model, log="all", log_freq=50, log_graph=True)
    run.define_metric("test/*", summary="max")

    parts = {"model": model, "optimizer": optimizer, "loader": loader}
    if run.resumed:
        run.load_checkpoint("latest", **parts)
        print(f"going on in epoch {loader.epoch} after batch {loader.batch}, step {run.step}")

    for epoch in range(loader.epoch, config.epochs):
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log({"epoch": epoch, "train/loss": loss, "lr": config.lr})
            if loader.batch % options.checkpoint_every == 0:
                run.save_checkpoint(**parts)
        correct = accuracy(model, test)
        run.log({"epoch": epoch, "test/accuracy": correct})
        print(f"epoch {epoch}: accuracy {correct:.3f}", flush=True)

    torch.save(model.state_dict(), "lenet5.pth")
    artifact = tracker.Artifact("lenet5-mnist", type="model", metadata={"accuracy": correct})
    artifact.add_dir(data, name="MNIST")
    artifact.add_file(__file__)
    artifact.add_file("lenet5.pth")
    run.log_artifact(artifact, aliases=["best"])
    run.finish()


if __name__ == "__main__":
    main()
