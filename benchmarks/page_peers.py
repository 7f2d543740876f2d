"""The same records in TensorBoard, opened in the same browser.

It is given the event files that `tracker export --tensorboard` writes of the same runs. Of
each curve it keeps a thousand points that it draws at random; the page here draws the
extremes of all.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Browser, TimeoutError

from benchmarks.figures import Figure
from benchmarks.peer_environments import python_of, why_absent

# It selects forty runs by itself, and says the last step of each in a table below the chart.
_MOST = 40
_DRAWN = """() => {{
  const rows = [...document.querySelectorAll('scalar-card-data-table tb-data-table-content-row')];
  return rows.length >= {count} && rows.every((row) => row.innerText.includes('{last:,}'));
}}"""
# A page that was opened before all was read does not look again by itself.
_AGAIN_S = 10
_WAIT_S = 120


def tensorboard_charts(
    browser: Browser, folder: Path, logs: Path, counts: Sequence[int], points: int, repeat: int
) -> list[Figure]:
    """Return what it needs for the runs `c000`, `c001`, … of a folder; nothing where it is missing."""
    reason = why_absent("tensorboard")
    if reason is not None:
        print(f"TensorBoard is left out: {reason}", file=sys.stderr)
        return []
    figures = []
    for count in (count for count in counts if count <= _MOST):
        target = logs / str(count)
        names = [f"c{number:03d}" for number in range(count)]
        command = [sys.executable, "-m", "tracker.cli.main", "export", *names, "--tensorboard", "-o", target]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        drawn = _DRAWN.format(count=count, last=points - 1)
        with _serving(target) as (url, server, start):
            try:
                _opened(browser, url, drawn, again_s=_AGAIN_S)
                first = time.perf_counter() - start
                times = []
                for _ in range(repeat):
                    start = time.perf_counter()
                    _opened(browser, url, drawn)
                    times.append(time.perf_counter() - start)
            except TimeoutError:
                print(f"TensorBoard did not draw {count} curves in {_WAIT_S} s", file=sys.stderr)
                continue
            memory = sum(each.memory_info().rss for each in (server, *server.children(recursive=True))) / 1e6
        what = f"TensorBoard, {count} curves of {points:,} points"
        figures += [
            Figure(f"{what}, first time, from its start", first, "s"),
            Figure(what, median(times), "s"),
            Figure(f"memory of {what}", memory, "MB"),
        ]
    return figures


@contextmanager
def _serving(logs: Path) -> Iterator[tuple[str, psutil.Process, float]]:
    """Start it; yield its address, its process, and when it was started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python_of("tensorboard"), "-m", "tensorboard.main", "--logdir", logs, "--port", str(port)]
    start = time.perf_counter()
    server = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TB_DISABLE_TELEMETRY": "1"},
    )
    try:
        while server.poll() is None and time.perf_counter() - start < _WAIT_S:
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/", psutil.Process(server.pid), start
    finally:
        for child in psutil.Process(server.pid).children(recursive=True):
            child.kill()
        server.kill()
        server.wait(30)


def _opened(browser: Browser, url: str, drawn: str, *, again_s: float = _WAIT_S) -> None:
    """Open the page in a new context, and again after so long, until everything is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        end = time.perf_counter() + _WAIT_S
        page.goto(url, timeout=_WAIT_S * 1000)
        while True:
            try:
                page.wait_for_function(drawn, timeout=again_s * 1000)
                return
            except TimeoutError:
                if time.perf_counter() > end:
                    raise
                page.reload()
    finally:
        context.close()
