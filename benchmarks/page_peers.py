"""The same records in TensorBoard, opened in the same browser.

It is given the event files that `tracker export --tensorboard` writes of the first run; those
of the others are copies. Of each curve it keeps a thousand points that it draws at random;
the page here draws the extremes of all. It has a minute and a half for each number of
curves, from its start; what it did not draw until then, the row says.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
_WAIT_S = 90


def tensorboard_charts(
    browser: Browser, folder: Path, logs: Path, counts: Sequence[int], points: int, repeat: int
) -> list[Figure]:
    """Return what it needs for the runs `c000`, `c001`, … of a folder; nothing where it is missing."""
    reason = why_absent("tensorboard")
    if reason is not None:
        print(f"TensorBoard is left out: {reason}", file=sys.stderr)
        return []
    figures: list[Figure] = []
    export = [sys.executable, "-m", "tracker.cli.main", "export", "c000", "--tensorboard", "-o", logs / "of"]
    subprocess.run(export, cwd=folder, check=True, capture_output=True)
    for count in (count for count in counts if count <= _MOST):
        target = logs / str(count)
        for number in range(count):
            shutil.copytree(logs / "of" / "c000", target / f"c{number:03d}", copy_function=os.link)
        what = f"TensorBoard, {count} curves of {points:,} points"
        with _serving(target) as (url, server, start):
            try:
                times = _times(browser, url, start, _DRAWN.format(count=count, last=points - 1), repeat)
            except TimeoutError:
                figures.append(Figure(f"{what}: not drawn within", _WAIT_S, "s"))
                continue
            memory = sum(each.memory_info().rss for each in (server, *server.children(recursive=True))) / 1e6
        figures += [
            Figure(f"{what}, first time, from its start", times[0], "s"),
            *([Figure(what, median(times[1:]), "s")] if times[1:] else []),
            Figure(f"memory of {what}", memory, "MB"),
        ]
    return figures


def _times(browser: Browser, url: str, start: float, drawn: str, repeat: int) -> list[float]:
    """Return how long it takes from its start, and then each time, as often as its time allows.

    Raises:
        TimeoutError: It did not draw at all.
    """
    end = start + _WAIT_S
    _opened(browser, url, drawn, end, again_s=_AGAIN_S)
    times = [time.perf_counter() - start]
    with suppress(TimeoutError):
        for _ in range(repeat):
            again = time.perf_counter()
            _opened(browser, url, drawn, end)
            times.append(time.perf_counter() - again)
    return times


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


def _opened(browser: Browser, url: str, drawn: str, end: float, *, again_s: float = _WAIT_S) -> None:
    """Open the page in a new context, and again after so long, until everything is drawn or time is up."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(url, timeout=_left_ms(end))
        while True:
            try:
                page.wait_for_function(drawn, timeout=min(again_s * 1000, _left_ms(end)))
                return
            except TimeoutError:
                page.reload(timeout=_left_ms(end))
    finally:
        context.close()


def _left_ms(end: float) -> float:
    left = end - time.perf_counter()
    if left <= 0:
        raise TimeoutError("time is up")
    return left * 1000
