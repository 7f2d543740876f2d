"""One line of the table: a cost, its floor in the same run, their ratio, and the target."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        work: What was done.
        value, unit: The cost.
        floor: What the machine needs for the bare operation, in the same unit; None
            where the value stands for itself.
        floor_work: What that operation is.
        target: The bound, on the ratio to the floor, or on the value where `absolute`.
        absolute: See `target`.
        key: What the same work of peers goes by; see `peers`.
    """

    work: str
    value: float
    unit: str
    floor: float | None = None
    floor_work: str = ""
    target: float | None = None
    absolute: bool = False
    key: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing without a target."""
        measured = self.value if self.absolute else self.ratio
        if self.target is None or measured is None:
            return ""
        return "met" if measured <= self.target else "missed"


def alternating(works: Sequence[Callable[[], object]], repeat: int) -> list[float]:
    """Run several works in turn, so that a slow minute hits all, and return the median seconds of each."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeat):
        for spent, work in zip(times, works, strict=True):
            start = time.perf_counter()
            work()
            spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in times]


def process(*arguments: str, cwd: str | None = None) -> None:
    """Run this Python with arguments to its end, silent, with its byte code cached as users have it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, check=True, capture_output=True)


def print_figures(figures: Sequence[Figure], peers: Mapping[str, str] = MappingProxyType({})) -> None:
    """Print the table, with what peers need by the key of a figure, and how busy the machine is."""
    print_table(figures, peers)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def print_table(figures: Sequence[Figure], peers: Mapping[str, str]) -> None:
    """Print the table alone."""
    rows = table(figures, peers)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def table(figures: Sequence[Figure], peers: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the cells of the table, the first row its head."""
    rows: list[tuple[str, ...]] = [("work", "cost", "floor", "ratio", "target", "", "peers")]
    for f in figures:
        bound = "" if f.target is None else f"<= {f.target:g}{' ' + f.unit if f.absolute else ' x'}"
        floor = "" if f.floor is None else f"{f.floor:.3g} {f.unit} ({f.floor_work})"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        others = peers.get(f.key, "") if f.key else ""
        rows.append((f.work, f"{f.value:.3g} {f.unit}", floor, ratio, bound, f.verdict, others))
    return rows
