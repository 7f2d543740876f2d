"""A small model to watch, a training of it, and the rows that come of it."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.collect.watch import Watcher

torch = pytest.importorskip("torch")
nn = torch.nn


class Log:
    """Stands for a run: rows that are logged one after the other, as `log(…, commit=False)` fills them."""

    def __init__(self) -> None:
        self.step = 0
        self.rows: dict[int, dict[str, Any]] = {}
        self.summary: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.watcher = Watcher(
            self.put, lambda: self.step, set_summary=self.summary.update, warn=self.warnings.append
        )

    def put(self, values: dict[str, Any]) -> None:
        self.rows.setdefault(self.step, {}).update(values)

    def value(self, step: int, key: str) -> dict[str, Any]:
        record: dict[str, Any] = self.rows[step][key].to_record(None)
        return record


def small_net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))


def backward(model: Any, size: int = 4) -> None:
    model(torch.ones(2, size)).sum().backward()


def train(log: Log, model: Any, steps: int, *, passes: int = 1, steps_per_row: int = 1) -> None:
    """Train as scripts do: gradients are gone before the row is logged."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for number in range(1, steps + 1):
        for _ in range(passes):
            backward(model)
        optimizer.step()
        optimizer.zero_grad()
        if number % steps_per_row == 0:
            log.step += 1


def due(log: Log) -> list[int]:
    """The steps that have a row."""
    return sorted(log.rows)
