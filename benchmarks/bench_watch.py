"""What `watch(log="all")` adds to a training step.

Two equal models are trained by turns, one plain and one watched, step by step, so that
whatever else the machine does hits both. Captures are in: rows are written by another
thread, as in a run. They come each `EVERY` steps, so that there are enough of them to
take a median, and are counted as often as `log_freq` says. Medians decide, so a hiccup
of the machine does not.

    python -m benchmarks.bench_watch [--pairs 300] [--log-freq 100] [--batch 64] [--wandb]

`--wandb` lets wandb watch, in an environment that has it.
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.figures import Figure, print_figures

SMALL = {"pairs": 60}
EVERY = 10


def make_model() -> nn.Module:
    """About ten million parameters in 26 tensors, as many small as large."""
    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(896, 896), nn.LayerNorm(896), nn.GELU()) for _ in range(12)]
    return nn.Sequential(*blocks, nn.Linear(896, 10))


class Trainer:
    """One model with its optimiser."""

    def __init__(self, batch: int, device: str) -> None:
        self._device = device
        self.model = make_model().to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-4)
        self.x = torch.randn(batch, 896, device=device)
        self.y = torch.randint(0, 10, (batch,), device=device)

    def step(self) -> float:
        """Train a step and return its seconds."""
        start = time.perf_counter()
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.model(self.x), self.y).backward()
        self.optimizer.step()
        if self._device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


Watching = Callable[[nn.Module], AbstractContextManager[Callable[[], object]]]


def measure(pairs: int = 300, log_freq: int = 100, batch: int = 64) -> list[Figure]:
    """Return what watching adds to a step, on a GPU too where there is one."""
    places = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    return [
        figure
        for device in places
        for figure in _figures(overhead(watched_by_us, pairs, batch, device), log_freq, device)
    ]


def _figures(found: Overhead, log_freq: int, device: str) -> list[Figure]:
    model = f"{found.parameters / 1e6:.1f} million parameters, {device}"
    return [
        Figure(
            f"watch(log='all') each {log_freq} steps, {model}",
            found.percent(log_freq),
            "% more",
            target=3,
            absolute=True,
            key="watch" if device == "cpu" else "",
        ),
        Figure(
            f"a step in which watch looks, {model}",
            found.step_s + found.capture_s,
            "s",
            found.step_s,
            "a plain step",
        ),
    ]


@contextmanager
def watched_by_us(model: nn.Module) -> Iterator[Callable[[], object]]:
    """Let a watcher of ours look each `EVERY` steps; gives what ends a step."""
    from tracker.collect.watch import Watcher

    rows: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    step = 0

    def write() -> None:
        while (row := rows.get()) is not None:
            json.dumps({k: v if isinstance(v, float) else v.to_record(None) for k, v in row.items()})

    def end_step() -> None:
        nonlocal step
        step += 1

    writer = threading.Thread(target=write)
    writer.start()
    Watcher(rows.put, lambda: step).watch(model, log="all", log_freq=EVERY)
    try:
        yield end_step
    finally:
        rows.put(None)
        writer.join()


@contextmanager
def watched_by_wandb(model: nn.Module) -> Iterator[Callable[[], object]]:
    """The same by wandb, whose rows go to a process of its own."""
    import wandb  # type: ignore[import-not-found, unused-ignore]

    with wandb.init(mode="offline", project="bench") as run:
        run.watch(model, log="all", log_freq=EVERY)
        yield lambda: run.log({})


@dataclass(frozen=True)
class Overhead:
    """Medians: a plain step, what a capture adds to one, and what watching adds to every other."""

    parameters: int
    step_s: float
    capture_s: float
    between_s: float

    def percent(self, log_freq: int) -> float:
        """What watching adds to the steps, by the hundred."""
        return 100 * (self.between_s + self.capture_s / log_freq) / self.step_s


def overhead(watching: Watching, pairs: int, batch: int, device: str) -> Overhead:
    """Train pairs of steps, and say what watching adds."""
    plain, watched = Trainer(batch, device), Trainer(batch, device)
    more: list[float] = []
    alone: list[float] = []
    with watching(watched.model) as end_step:
        for pair in range(-EVERY, pairs):
            # By turns first.
            first, second = (plain, watched) if pair % 2 else (watched, plain)
            spent = {first: first.step(), second: second.step()}
            end_step()
            if pair >= 0:
                alone.append(spent[plain])
                more.append(spent[watched] - spent[plain])
    # Which step of ten is looked at is each watcher's own; the dearest is the one.
    by_phase = [more[phase::EVERY] for phase in range(EVERY)]
    captures = max(by_phase, key=statistics.median)
    others = [added for phase in by_phase if phase is not captures for added in phase]
    return Overhead(
        sum(parameter.numel() for parameter in plain.model.parameters()),
        statistics.median(alone),
        statistics.median(captures),
        statistics.median(others),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--log-freq", type=int, default=100)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--wandb", action="store_true")
    options = parser.parse_args()
    if options.wandb:
        found = overhead(watched_by_wandb, options.pairs, options.batch, "cpu")
        print("RESULT", found.percent(options.log_freq))
    else:
        print_figures(measure(options.pairs, options.log_freq, options.batch))


if __name__ == "__main__":
    main()
