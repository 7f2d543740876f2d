"""What `watch(log="all")` adds to a training step.

Two equal models are trained by turns, one plain and one watched, step by step, so that
whatever else the machine does hits both. Captures are in: rows are written by another
thread, as in a run. Medians decide, so a hiccup of the machine does not.

    python -m benchmarks.bench_watch [--pairs 300] [--log-freq 100] [--batch 64]
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import threading
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.figures import Figure, print_figures
from tracker.collect.watch import Watcher

SMALL = {"pairs": 100, "log_freq": 20}


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


def measure(pairs: int = 300, log_freq: int = 100, batch: int = 64) -> list[Figure]:
    """Return what watching adds to a step, on a GPU too where there is one."""
    figures = [_figure(_overhead(pairs, log_freq, batch, "cpu"), "CPU")]
    if torch.cuda.is_available():
        figures.append(_figure(_overhead(pairs, log_freq, batch, "cuda"), "GPU"))
    return figures


def _figure(found: Overhead, where: str) -> Figure:
    model = f"{found.parameters / 1e6:.1f} million parameters, {where}"
    what = f"watch(log='all') each {found.log_freq} steps, {model}"
    return Figure(what, found.percent, "% more", target=3, absolute=True)


@dataclass(frozen=True)
class Overhead:
    """Medians: a plain step, what a capture adds to one, and what watching adds to every other."""

    parameters: int
    step_s: float
    capture_s: float
    between_s: float
    log_freq: int

    @property
    def percent(self) -> float:
        return 100 * (self.between_s + self.capture_s / self.log_freq) / self.step_s


def _overhead(pairs: int, log_freq: int, batch: int, device: str) -> Overhead:
    plain, watched = Trainer(batch, device), Trainer(batch, device)
    rows: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def write() -> None:
        while (row := rows.get()) is not None:
            json.dumps({k: v if isinstance(v, float) else v.to_record(None) for k, v in row.items()})

    writer = threading.Thread(target=write)
    writer.start()
    step = 0
    Watcher(rows.put, lambda: step).watch(watched.model, log="all", log_freq=log_freq)
    for trainer in (plain, watched) * 3:
        trainer.step()
    step = log_freq  # due again: the first capture was part of the warming up
    times: list[tuple[float, float]] = []
    for pair in range(pairs):
        # By turns first.
        first, second = (plain, watched) if pair % 2 else (watched, plain)
        spent = {first: first.step(), second: second.step()}
        times.append((spent[plain], spent[watched]))
        step += 1
    rows.put(None)
    writer.join()
    usual = statistics.median(alone for alone, _ in times)
    return Overhead(
        sum(parameter.numel() for parameter in plain.model.parameters()),
        usual,
        statistics.median(with_it for _, with_it in times[::log_freq]) - usual,
        statistics.median(w - alone for i, (alone, w) in enumerate(times) if i % log_freq),
        log_freq,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--log-freq", type=int, default=100)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    print_figures(measure(options.pairs, options.log_freq, options.batch))


if __name__ == "__main__":
    main()
