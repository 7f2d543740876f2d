"""What a metric row costs: on the thread that logs, on disk, and in a kill.

Each figure of time stands beside a plain append to a list, timed in the same run, so that
a slow or busy machine shows in both. What reading costs is in bench_history.

    python -m benchmarks.bench_log [--rows 100000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, print_figures
from tracker.storage.history import read_rows
from tracker.storage.journal import Header
from tracker.storage.writer import SegmentWriter
from vcs.layout import RunLayout

SMALL = {"rows": 20_000, "repeat": 2}

BURST = 400_000  # Longer than the 0.2 s that may be lost: of fewer calls, all may.

KILLED = """
import os, sys, time
from benchmarks.bench_log import begin, make_rows
from pathlib import Path
rows = make_rows({burst})
writer = begin(Path(sys.argv[1]))
started = time.perf_counter()
for step, row in enumerate(rows):
    writer.put(step, row, time.time())
print(time.perf_counter() - started, flush=True)
os.kill(os.getpid(), 9)
"""


def make_rows(count: int) -> list[dict[str, float]]:
    """Rows of five scalars, such as a training loop logs."""
    draw = random.Random(0).random
    names = ("train/loss", "train/acc", "val/loss", "lr")
    return [{**{name: draw() for name in names}, "epoch": step // 100} for step in range(count)]


def begin(folder: Path) -> SegmentWriter:
    """Start a writer in an empty folder."""
    header = Header(run="bench", session=0, start=time.time(), from_step=0)
    return SegmentWriter(RunLayout(folder).history_segment(0, "0"), header, on_error=print)


def latencies_ns(
    rows: list[dict[str, float]], put: Callable[[int, dict[str, float], float], object]
) -> list[int]:
    """Time every single call."""
    clock, found = time.perf_counter_ns, []
    for step, row in enumerate(rows):
        start = clock()
        put(step, row, time.time())
        found.append(clock() - start)
    return sorted(found)


def per_call_us(rows: list[dict[str, float]], put: Callable[[int, dict[str, float], float], object]) -> float:
    """Time the loop as a whole, without a clock for each call."""
    start = time.perf_counter()
    for step, row in enumerate(rows):
        put(step, row, time.time())
    return (time.perf_counter() - start) / len(rows) * 1e6


def measure_put(rows: list[dict[str, float]]) -> dict[str, Any]:
    """The cost on the calling thread, and of the whole work with close."""
    kept: list[Any] = []
    plain = per_call_us(rows, lambda step, row, at: kept.append((step, row, at)))
    with tempfile.TemporaryDirectory() as folder:
        writer = begin(Path(folder))
        found = latencies_ns(rows, writer.put)
        writer.close()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        writer = begin(Path(folder))
        loop = per_call_us(rows, writer.put)
        counts = writer.close()
        whole = (time.perf_counter() - start) / len(rows) * 1e6
    assert counts.rows == len(rows)
    return {
        "put_p50_us": found[len(found) // 2] / 1000,
        "put_p99_us": found[len(found) * 99 // 100] / 1000,
        "put_max_ms": found[-1] / 1e6,
        "call_us": loop,
        "call_with_close_us": whole,
        "list_append_us": plain,
        "ratio_to_list_append": loop / plain,
        "bytes_per_row": counts.size_bytes / counts.rows,
    }


def measure_steps(seconds: float = 2.0) -> dict[str, float]:
    """The same in a loop with a pause of 1 ms, where caches are cold and threads change."""
    rows = make_rows(int(seconds * 1000))
    puts, appends = [], []
    kept: list[Any] = []
    clock = time.perf_counter_ns
    with tempfile.TemporaryDirectory() as folder:
        writer = begin(Path(folder))
        for step, row in enumerate(rows):
            # By turns first after the pause, since the first bears the cold caches.
            for put, found in ((writer.put, puts), (_appender(kept), appends))[:: 1 if step % 2 else -1]:
                time.sleep(0.0005)
                start = clock()
                put(step, row, time.time())
                found.append(clock() - start)
        writer.close()
    puts.sort()
    appends.sort()
    return {
        "put_after_pause_p50_us": puts[len(puts) // 2] / 1000,
        "put_after_pause_p99_us": puts[len(puts) * 99 // 100] / 1000,
        "list_append_after_pause_p50_us": appends[len(appends) // 2] / 1000,
        "list_append_after_pause_p99_us": appends[len(appends) * 99 // 100] / 1000,
    }


def _appender(kept: list[Any]) -> Callable[[int, dict[str, float], float], object]:
    return lambda step, row, at: kept.append((step, row, at))


def measure_kill() -> dict[str, float]:
    """How many of 20,000 rows are there when the process is killed right after the last put."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        code = [sys.executable, "-c", KILLED.format(burst=BURST), folder]
        done = subprocess.run(code, cwd=root, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done
        rows = read_rows(RunLayout(Path(folder)))
    assert [row["_step"] for row in rows] == list(range(len(rows)))
    return {"killed_after_s": float(done.stdout), "killed_rows_put": BURST, "killed_rows_kept": len(rows)}


def measure(rows: int = 100_000, repeat: int = 3) -> list[Figure]:
    """Return the figures, each the best of several times; targets are those of an idle machine."""
    made = make_rows(rows)
    results = [{**measure_put(made), **measure_steps()} for _ in range(repeat)]
    best = {name: min(result[name] for result in results) for name in results[0]}
    killed = measure_kill()
    # All but what was logged in the last 0.2 s.
    may_go = BURST * min(1.0, 0.2 / killed["killed_after_s"])
    us, append = "us", "append to a list"
    whole, alone = f"log() of 5 scalars, {rows} calls", best["list_append_us"]
    cold, cold_alone = "a call after a pause of 0.5 ms", best["list_append_after_pause_p50_us"]
    return [
        Figure(f"{whole}, p50", best["put_p50_us"], us, alone, append, 3, absolute=True, key="log.p50"),
        Figure(f"{whole}, p99", best["put_p99_us"], us, alone, append, 20, absolute=True, key="log.p99"),
        Figure(
            f"{whole}, each, close included",
            best["call_with_close_us"],
            us,
            alone,
            append,
            8,
            absolute=True,
            key="log.whole",
        ),
        Figure(f"{cold}, p50", best["put_after_pause_p50_us"], us, cold_alone, append),
        Figure(f"{cold}, p99", best["put_after_pause_p99_us"], us, cold_alone, append),
        Figure(
            "bytes a row of 5 random doubles, running",
            best["bytes_per_row"],
            "bytes",
            target=120,
            absolute=True,
            key="log.bytes",
        ),
        Figure(
            f"rows lost of {BURST} by SIGKILL right after the last",
            BURST - killed["killed_rows_kept"],
            "rows",
            target=may_go,
            absolute=True,
            key="log.killed",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print_figures(measure(options.rows, options.repeat))


if __name__ == "__main__":
    main()
