"""Load of the machine and of this process, measured on a timer.

Names are those under which wandb keeps system metrics, so that
`history(stream="system")` of a script written for it finds them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tracker.collect.gpu import Gpus

T = TypeVar("T")

PREFIX = "system."
_MB = 1 << 20
_GB = 1 << 30

# The first sample comes soon, so that a short run has more than its end.
_FIRST_AFTER_S = 1.0


class SystemSampler:
    """Gives a dictionary of numbers to a sink every so many seconds, from a thread of its own."""

    def __init__(
        self, sink: Callable[[dict[str, Any]], None], interval_s: float = 15, *, disk: Path | None = None
    ) -> None:
        """Measure nothing yet.

        Args:
            sink: Takes each sample, in the sampler's thread; must not raise.
            disk: A path on the file system whose usage is shown; by default the current folder.
        """
        self._sink = sink
        self._interval_s = interval_s
        self._disk = disk if disk is not None else Path()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def start(self) -> None:
        """Begin to measure; a second call does nothing. Imports psutil in the new thread."""
        if self._thread is None:
            self._pid = os.getpid()
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, name="tracker-system", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give the sink a last sample and end the thread; in a forked child, do nothing."""
        thread, self._thread = self._thread, None
        if thread is not None and self._pid == os.getpid():
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        sampler = Sampler(self._disk)
        is_over = self._stop.wait(min(_FIRST_AFTER_S, self._interval_s))
        while not is_over:
            self._sink(sampler.sample())
            is_over = self._stop.wait(self._interval_s)
        self._sink(sampler.sample())


class Sampler:
    """Takes single samples; traffic is counted from when it was made."""

    def __init__(self, disk: Path) -> None:
        """Look once, since load is a difference of two looks."""
        import psutil

        self._psutil = psutil
        self._disk = disk
        self._gpus = Gpus()
        self._process = psutil.Process()
        self._start = self._traffic()
        psutil.cpu_percent()
        self._try(self._process.cpu_percent)

    def sample(self) -> dict[str, float]:
        """Return what can be measured here; what cannot is left out."""
        numbers = self._gpus.sample()
        for part in (self._cpu, self._memory, self._disk_usage):
            numbers |= self._try(part) or {}
        for name, value in self._traffic().items():
            numbers[name] = value - self._start.get(name, value)
        return {PREFIX + name: value for name, value in numbers.items()}

    def _cpu(self) -> dict[str, float]:
        return {
            "cpu": self._psutil.cpu_percent(),
            # Of all CPUs together, as the load of the machine beside it.
            "proc.cpu": self._process.cpu_percent() / (self._psutil.cpu_count() or 1),
            "proc.cpu.threads": float(self._process.num_threads()),
        }

    def _memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        used = self._process.memory_info().rss
        return {
            "memory_percent": memory.percent,
            "proc.memory.availableMB": memory.available / _MB,
            "proc.memory.rssMB": used / _MB,
            "proc.memory.percent": 100.0 * used / memory.total,
        }

    def _disk_usage(self) -> dict[str, float]:
        usage = self._psutil.disk_usage(str(self._disk))
        return {"disk.usagePercent": usage.percent, "disk.usageGB": usage.used / _GB}

    def _traffic(self) -> dict[str, float]:
        """Return bytes of the network and megabytes of the disks since the machine started."""
        numbers: dict[str, float] = {}
        network = self._try(self._psutil.net_io_counters)
        if network is not None:
            numbers |= {"network.sent": float(network.bytes_sent), "network.recv": float(network.bytes_recv)}
        disks = self._try(self._psutil.disk_io_counters)
        if disks is not None:
            numbers |= {"disk.in": disks.read_bytes / _MB, "disk.out": disks.write_bytes / _MB}
        return numbers

    def _try(self, question: Callable[[], T]) -> T | None:
        # Containers hide some of it; NotImplementedError is how psutil says that a system has none.
        try:
            return question()
        except (self._psutil.Error, OSError, NotImplementedError, RuntimeError):
            return None
