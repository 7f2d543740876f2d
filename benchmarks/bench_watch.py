"""What `watch(log="all")` adds to a training step.

Two equal models are trained by turns, one plain and one watched, step by step, so that
whatever else the machine does hits both. Captures are in: rows are written by another
thread, as in a run. Prints one line of JSON.

    python benchmarks/bench_watch.py [--pairs 300] [--log-freq 100] [--batch 64]
"""

from __future__ import annotations

import argparse
import json
import queue
import statistics
import threading
import time
from typing import Any

import torch
from torch import nn

from tracker.collect.watch import Watcher


def make_model() -> nn.Module:
    """About ten million parameters in 26 tensors, as many small as large."""
    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(896, 896), nn.LayerNorm(896), nn.GELU()) for _ in range(12)]
    return nn.Sequential(*blocks, nn.Linear(896, 10))


class Trainer:
    """One model with its optimiser."""

    def __init__(self, batch: int) -> None:
        self.model = make_model()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-4)
        self.x, self.y = torch.randn(batch, 896), torch.randint(0, 10, (batch,))

    def step(self) -> float:
        """Train a step and return its seconds."""
        start = time.perf_counter()
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.model(self.x), self.y).backward()
        self.optimizer.step()
        return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--log-freq", type=int, default=100)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()

    plain, watched = Trainer(options.batch), Trainer(options.batch)
    rows: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    written = 0

    def write() -> None:
        nonlocal written
        while (row := rows.get()) is not None:
            plain_row = {k: v if isinstance(v, float) else v.to_record(None) for k, v in row.items()}
            written += len(json.dumps(plain_row))

    writer = threading.Thread(target=write)
    writer.start()
    step = 0
    Watcher(rows.put, lambda: step).watch(watched.model, log="all", log_freq=options.log_freq)
    for trainer in (plain, watched) * 3:
        trainer.step()
    step = options.log_freq  # due again: the first capture was part of the warming up

    times: dict[str, list[float]] = {"plain": [], "watched": []}
    for pair in range(options.pairs):
        order = [("plain", plain), ("watched", watched)]
        for name, trainer in order if pair % 2 else reversed(order):
            times[name].append(trainer.step())
        step += 1
    rows.put(None)
    writer.join()

    captures = times["watched"][:: options.log_freq]
    pairs = list(zip(times["plain"], times["watched"], strict=True))
    between_s = statistics.median(w - p for i, (p, w) in enumerate(pairs) if i % options.log_freq)
    usual = statistics.median(times["plain"])
    capture_s = statistics.median(captures) - usual
    print(
        json.dumps(
            {
                "parameters": sum(p.numel() for p in plain.model.parameters()),
                "threads": torch.get_num_threads(),
                "pairs": options.pairs,
                "step_ms": round(1000 * usual, 2),
                "capture_ms": round(1000 * capture_s, 2),
                "between_captures_us": round(1e6 * between_s, 1),
                "overhead_percent": round(100 * (sum(times["watched"]) / sum(times["plain"]) - 1), 2),
                "overhead_percent_by_medians": round(
                    100 * (between_s + capture_s / options.log_freq) / usual, 2
                ),
                "row_bytes": written // max(len(captures) + 1, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
