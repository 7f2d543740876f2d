"""System metrics on a timer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tracker.collect.system import Sampler, SystemSampler


def test_a_sample_has_numbers_under_wandbs_names(tmp_path: Path) -> None:
    """Machine, process, disk and network."""
    sample = Sampler(tmp_path).sample()

    expected = {
        "cpu",
        "proc.cpu",
        "proc.cpu.threads",
        "memory_percent",
        "proc.memory.availableMB",
        "proc.memory.rssMB",
        "proc.memory.percent",
        "disk.usagePercent",
        "disk.usageGB",
    }
    assert {f"system.{name}" for name in expected} <= set(sample)
    assert all(isinstance(value, float) for value in sample.values())
    assert 1 < sample["system.proc.memory.rssMB"] < 100_000


def test_load_of_this_process_is_seen(tmp_path: Path) -> None:
    """Work between two looks shows as load."""
    sampler = Sampler(tmp_path)
    start = os.times()
    while os.times().user - start.user < 0.2:
        sum(range(1000))
    assert sampler.sample()["system.proc.cpu"] > 0


def test_what_a_system_does_not_tell_is_left_out(tmp_path: Path) -> None:
    """A disk that is gone takes no other number with it."""
    sample = Sampler(tmp_path / "missing").sample()
    assert "system.disk.usagePercent" not in sample
    assert "system.memory_percent" in sample


def test_samples_come_on_a_timer_and_once_more_at_the_end(tmp_path: Path) -> None:
    """Also a short run has one."""
    samples: list[dict[str, Any]] = []
    third = threading.Event()

    def sink(sample: dict[str, Any]) -> None:
        samples.append(sample)
        if len(samples) == 3:
            third.set()

    sampler = SystemSampler(sink, 0.01, disk=tmp_path)
    sampler.start()
    sampler.start()
    assert third.wait(600)
    sampler.stop()
    count = len(samples)
    sampler.stop()

    assert count >= 4
    assert len(samples) == count

    short: list[dict[str, Any]] = []
    sampler = SystemSampler(short.append, disk=tmp_path)
    sampler.start()
    sampler.stop()
    assert len(short) == 1


def test_stop_in_a_forked_child_does_not_hang() -> None:
    """The thread is the parent's; the child neither waits for it nor samples."""
    script = """
import os
from tracker.collect.system import SystemSampler
parent = os.getpid()
sampler = SystemSampler(lambda sample: print(os.getpid() == parent, flush=True), 3600)
sampler.start()
pid = os.fork()
if pid == 0:
    sampler.stop()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
sampler.stop()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"True"}
