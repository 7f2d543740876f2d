"""What the page costs: from request to drawn page, memory of the server, from `log()` to the pixel.

python -m benchmarks.bench_page [--runs 100,1000,10000] [--curves 1,10,100] [--points 1000000] [--repeat 3]

Needs playwright and Debian's chromium. A page is opened by a browser that is running, as a
user's is, in a new context whose cache is empty. It counts as drawn when the rows of the
table, or all curves of the chart, are on the screen. The floor is the same with an
empty page of the same server. Beside it the same curves in TensorBoard, where
`make bench-peers` could install it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.bench_runs import make_project
from benchmarks.figures import Figure, print_figures
from benchmarks.page_peers import tensorboard_charts
from tracker.storage import records
from tracker.storage.compaction import compact, remove_lines
from tracker.storage.journal import Header, SegmentEncoder, SimpleRow
from tracker.storage.records import RunRecord, Session
from vcs.clock import iso_time
from vcs.layout import RunLayout
from vcs.repo import Repo

SMALL = {"runs": [100, 1000], "curves": [1, 10], "points": 100_000, "repeat": 1}

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
_WAIT_MS = 600_000
_DIFFERENT = 4
_FLOOR = "an empty page"


def measure(
    runs: Sequence[int] = (100, 1000, 10_000),
    curves: Sequence[int] = (1, 10, 100),
    points: int = 1_000_000,
    repeat: int = 3,
) -> list[Figure]:
    """Return the figures."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        for count in runs:
            folder = Path(temporary, f"runs-{count}")
            make_project(folder, count)
            figures += _tables(browser, folder, count, repeat)
        folder = Path(temporary, "curves")
        make_curves(folder, max(curves), points)
        figures += _charts(browser, folder, curves, points, repeat)
        logs = Path(temporary, "events")
        figures += tensorboard_charts(browser, folder, logs, curves, points, repeat)
        figures.append(_delay(browser, Path(temporary, "live")))
        browser.close()
    return figures


def _tables(browser: Browser, folder: Path, count: int, repeat: int) -> list[Figure]:
    with serving(folder) as (url, server):
        first = _opened(browser, url, "#/runs", "() => document.querySelectorAll('.run-name').length > 5")
        _wait_for_the_list(browser, url)
        times = [
            _opened(browser, url, "#/runs", "() => document.querySelectorAll('.run-name').length > 5")
            for _ in range(repeat)
        ]
        bare = _bare(browser, url, repeat)
        memory = _memory(server)
    target = 1.0 if count <= 1000 else None
    return [
        Figure(f"page with {count} runs, first request of all, no index", first, "s"),
        Figure(f"page with {count} runs", median(times), "s", bare, _FLOOR, target, absolute=True),
        Figure(f"memory of the server, {count} runs", memory, "MB"),
    ]


def _charts(browser: Browser, folder: Path, curves: Sequence[int], points: int, repeat: int) -> list[Figure]:
    figures = []
    keys = [f"bench/c{number:03d}" for number in range(max(curves))]
    for count in curves:
        on = ",".join(keys[:count])
        off = ",".join(keys[count:10])
        place = f"#/curves?sort=name&on={on}&off={off}"
        drawn = (
            f"() => Number(document.querySelector('[data-metric=loss]')?.dataset.points) === {count * points}"
        )
        with serving(folder) as (url, server):
            first = _opened(browser, url, place, drawn)
            times = [_opened(browser, url, place, drawn) for _ in range(repeat)]
            bare = _bare(browser, url, repeat)
            memory = _memory(server)
            frame, still = _frames(browser, url, place, drawn)
        what = f"{count} curves of {points:,} points"
        figures += [
            Figure(f"page with {what}, first time", first, "s"),
            Figure(f"page with {what}", median(times), "s", bare, _FLOOR),
            Figure(f"memory of the server, {what}", memory, "MB"),
            Figure(
                f"frame while {what} are moved, 95 of 100", frame, "ms", still, "a page that is still", 2.0
            ),
        ]
    return figures


def _frames(browser: Browser, url: str, place: str, drawn: str) -> tuple[float, float]:
    """Return how long a frame takes while a chart is zoomed and moved, and while nothing happens."""
    page = _page(browser, url, place)
    page.wait_for_function(drawn, timeout=_WAIT_MS)
    still = _frames_during(page, lambda: page.wait_for_timeout(1000))
    box = page.locator("[data-metric=loss] .chart").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def move() -> None:
        page.mouse.move(*middle)
        page.keyboard.down("Control")
        for _ in range(6):
            page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        page.keyboard.down("Shift")
        page.mouse.down()
        for number in range(120):
            page.mouse.move(middle[0] + 100 * math.sin(number / 10), middle[1])
        page.mouse.up()
        page.keyboard.up("Shift")

    moving = _frames_during(page, move)
    page.context.close()
    return moving, still


def _frames_during(page: Page, work: Callable[[], object]) -> float:
    """Return the milliseconds that 95 of 100 frames stay below."""
    page.evaluate(
        """() => {
          window.frames_seen = [];
          const seen = (now) => { window.frames_seen.push(now); window.next = requestAnimationFrame(seen); };
          window.next = requestAnimationFrame(seen);
        }"""
    )
    work()
    times = page.evaluate("() => (cancelAnimationFrame(window.next), window.frames_seen)")
    spent = sorted(after - before for before, after in pairwise(times))
    return float(spent[len(spent) * 95 // 100])


def _delay(browser: Browser, folder: Path) -> Figure:
    """Measure from `log()` in a training to the point in the chart."""
    folder.mkdir()
    training = subprocess.Popen(
        [sys.executable, "-c", _TRAINING], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, text=True, bufsize=1,
    )  # fmt: skip
    assert training.stdin is not None
    try:
        training.stdin.write("0\n")
        with serving(folder) as (url, _):
            page = _page(browser, url, "#/curves")
            _wait_for_points(page, 1)
            delays = []
            for number in range(1, 11):
                time.sleep(0.37)  # not in step with the writer
                start = time.perf_counter()
                training.stdin.write(f"{number}\n")
                _wait_for_points(page, number + 1)
                delays.append(time.perf_counter() - start)
            page.context.close()
        training.stdin.close()
        training.wait(60)
    finally:
        training.kill()
        training.wait()
    return Figure("from log() to the pixel, median of 10", median(delays), "s", target=2.0, absolute=True)


def _wait_for_points(page: Page, count: int) -> None:
    shown = f"() => document.querySelector('[data-metric=loss]')?.dataset.points === '{count}'"
    page.wait_for_function(shown, timeout=_WAIT_MS, polling=20)


_TRAINING = """
import sys, tracker
run = tracker.init(project="live", settings=tracker.Settings(console="off"))
for line in sys.stdin:
    run.log({"loss": float(line)})
run.finish()
"""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Start `tracker ui` over a folder; yield its address and its process."""
    command = [sys.executable, "-m", "tracker.cli.main", "ui", "--no-browser", "--port", "0", "--json"]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    try:
        text = ""
        while not text.rstrip().endswith("}"):
            text += server.stdout.readline()
        yield str(json.loads(text)["url"]), psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


def _opened(browser: Browser, url: str, place: str, drawn: str) -> float:
    """Return the seconds from the request to the drawn page."""
    start = time.perf_counter()
    page = _page(browser, url, place)
    page.wait_for_function(drawn, timeout=_WAIT_MS)
    # The next frame has what was drawn.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    spent = time.perf_counter() - start
    page.context.close()
    return spent


def _wait_for_the_list(browser: Browser, url: str) -> None:
    """Return when the server has read all runs; until then it shows some, and is busy."""
    context = browser.new_context()
    context.request.get(url)
    while context.request.get(url.partition("?")[0] + "api/reading").json()["reading"] is not None:
        time.sleep(0.1)
    context.close()


def _bare(browser: Browser, url: str, repeat: int) -> float:
    """Return what a context, a request and a frame take without a page in them."""
    return median(
        _opened(browser, url.partition("?")[0] + "static/none", "", "() => true") for _ in range(repeat)
    )


def _page(browser: Browser, url: str, place: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(url + place)
    return page


def _memory(server: psutil.Process) -> float:
    return float(server.memory_info().rss) / 1e6


def make_curves(folder: Path, count: int, points: int) -> None:
    """Make runs with one metric each, compacted, as they lie on disk some time after they have ended.

    Four have rows of their own; the files of the others are copies of theirs.
    """
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    repo = Repo.open(folder)
    repo.layout.ledger_mark.write_text("")  # so that nothing looks lost
    for number in range(count):
        run = repo.layout.run("bench", f"c{number:03d}")
        run.history.mkdir(parents=True)
        start = time.time() - 86400 + number
        session = Session(number=0, started=iso_time(start), ended=iso_time(start + 3600), state="finished")
        name = run.folder.name
        record = RunRecord(id=name, project="bench", name=name, created=iso_time(start), sessions=[session])
        record.state = "finished"
        run.record.write_text(records.render(record))
        # Without it the list of runs would make it from the history.
        run.summary.write_text(f"_step: {points - 1}\nloss: 0.05\n")
        if number >= _DIFFERENT:
            model = repo.layout.run("bench", f"c{number % _DIFFERENT:03d}")
            shutil.copytree(model.history, run.history, dirs_exist_ok=True)
            continue
        _write_rows(run, number, points, start)
        remove_lines(compact(run, record))


def _write_rows(run: RunLayout, number: int, points: int, start: float) -> None:
    encoder = SegmentEncoder(Header(run=run.folder.name, session=0, start=start, from_step=0))
    lines = run.history_segment(0, "0")
    with lines.open("wb") as stream:
        stream.write(encoder.head())
        for first in range(0, points, 10_000):
            steps = range(first, min(first + 10_000, points))
            stream.write(encoder.encode([_row(step, number, points, start) for step in steps]))
    os.utime(lines, (start, start))


def _row(step: int, number: int, points: int, start: float) -> SimpleRow:
    loss = math.exp(-3 * step / points) + 0.1 * math.sin(step * (number + 3)) + number / 50
    return step, start + step / 1000, ("loss",), (loss,)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", default="100,1000,10000")
    parser.add_argument("--curves", default="1,10,100")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print_figures(measure(_numbers(options.runs), _numbers(options.curves), options.points, options.repeat))


if __name__ == "__main__":
    main()
