"""plot, export, watch, and show --plot, as a user calls them."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker
from tests.tracker.compare.runs_on_disk import make_run
from tests.tracker.storage.build import row, write
from tests.waiting import until
from tracker.cli import watch as watching
from tracker.draw import png
from tracker.exports import parquet
from tracker.storage import records
from vcs.errors import UsageError
from vcs.liveness import this_process
from vcs.repo import Repo


@pytest.fixture
def two(git_repo: Path) -> None:
    layout = Repo.open(git_repo).layout
    make_run(
        layout, "old1", [{"loss": 3.0 - n, "acc": n} for n in range(3)], created="2026-01-01T00:00:00.000Z"
    )
    make_run(layout, "new2", [{"loss": 1.0, "only": 5.0}], created="2026-01-02T00:00:00.000Z")


def test_plot_draws_on_the_terminal(tracker: Tracker, two: None) -> None:
    """Piped: plain, 80 columns, a panel for each run."""
    said = tracker("plot", "loss")
    assert said.status == 0
    assert "\x1b" not in said.out
    assert {"loss · name-new2", "loss · name-old1"} <= {line[:16].strip() for line in said.out.splitlines()}
    assert max(map(len, said.out.splitlines())) <= 80


def test_plot_writes_a_picture_by_the_ending(tracker: Tracker, two: None, git_repo: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, begin in (("a.svg", b"<svg"), ("a.png", b"\x89PNG")):
        said = tracker("plot", "loss", "acc", "--run", "old1", "-o", name)
        assert (said.status, said.out) == (0, "")
        assert (git_repo / name).read_bytes().startswith(begin)
    assert tracker("plot", "loss", "-o", "a.gif").status == 2


def test_plot_takes_the_newest_runs_that_have_the_metric(tracker: Tracker, two: None) -> None:
    """And says when there are more."""
    assert "name-old1" not in tracker("plot", "only").out
    said = tracker("plot", "loss", "-n", "1")
    assert "only the newest 1 runs" in said.err
    missing = tracker("plot", "los")
    assert missing.status == 3
    assert "loss" in missing.err


def test_a_png_without_matplotlib_names_the_extra_and_the_way_without(
    tracker: Tracker, two: None, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError):
        png.import_figure()
    said = tracker("plot", "loss", "-o", "x.png")
    assert said.status == 2
    assert "tracker[media]" in said.err
    assert not (git_repo / "x.png").exists()


def test_export_to_a_pipe_and_to_files(tracker: Tracker, two: None, git_repo: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(tracker("export", "old1", "--csv").out)))
    assert [row["loss"] for row in rows] == ["3.0", "2.0", "1.0"]
    found = tracker("export", "--filter", "state = finished", "--json", "--keys", "loss").json
    assert [(run["id"], len(run["rows"])) for run in found] == [("new2", 1), ("old1", 3)]
    said = tracker("export", "old1", "new2", "-o", "out/rows.csv")
    assert "4 rows of 2 runs" in said.err
    assert (git_repo / "out" / "rows.csv").is_file()


def test_export_says_what_it_needs_to_know(
    tracker: Tracker, two: None, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is an error of use, and leaves no file."""
    for words in (["old1"], ["--csv"], ["old1", "--csv", "--json"], ["old1", "-f", "state = x", "--csv"]):
        assert tracker("export", *words).status == 2, words

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(parquet, "import_module", missing)
    said = tracker("export", "old1", "--parquet")
    assert (said.status, "tracker[parquet]" in said.err) == (2, True)
    assert not list(git_repo.glob("*.parquet"))


def test_show_draws_the_curves_of_a_run(tracker: Tracker, two: None) -> None:
    shown = tracker("show", "old1", "--plot").out
    assert re.search("[\u2801-\u28ff]", shown)
    assert not re.search("[\u2801-\u28ff]", tracker("show", "old1").out)


# watch


def test_watching_a_run_that_has_ended_says_how_it_ended(tracker: Tracker, two: None, git_repo: Path) -> None:
    said = tracker("watch", "old1")
    assert said.status == 0
    assert "step 2  loss=1  acc=2" in said.out
    assert "finished" in said.out
    make_run(Repo.open(git_repo).layout, "bad3", [{"loss": 1.0}], state="failed")
    assert tracker("watch", "bad3").status == 1
    assert tracker("watch", "old1", "nope").status == 3


def living(git_repo: Path) -> None:
    """A run that this process seems to train."""
    process = this_process()
    session = {"host": process.host, "boot": process.boot, "pid": process.pid, "pid_start": process.pid_start}
    make_run(Repo.open(git_repo).layout, "live", [{"loss": 1.0}], state="running", session=session)


def test_watching_follows_new_rows_until_the_end(
    tracker: Tracker, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each look that found rows; then the run ends while it is watched."""
    living(git_repo)
    files = Repo.open(git_repo).layout.run("p", "live")
    looks = []

    def end(record: records.RunRecord) -> None:
        record.state = "finished"

    def pass_time(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            write(files, 1, [row(1, 0.1, loss=0.5)], from_step=1)
        elif len(looks) == 3:
            records.update(files, end)

    monkeypatch.setattr(watching.time, "sleep", pass_time)
    said = tracker("watch", "live", "--every", "0.2")
    assert said.status == 0
    assert [line for line in said.out.splitlines() if line.startswith("step")] == [
        "step 0  loss=1",
        "step 1  loss=0.5",
    ]
    assert looks == [0.2] * 3


def test_ctrl_c_leaves_the_terminal_as_it_was(git_repo: Path) -> None:
    """The cursor comes back, the first screen comes back, no traceback."""
    living(git_repo)
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tracker.cli.main", "watch", "live"],
        cwd=git_repo,
        stdin=child,
        stdout=child,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "60", "LINES": "20", "PYTHONUTF8": "1"},
    )
    os.close(child)
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(parent, 4096)
            except OSError:  # the other end is closed
                return
            if not data:
                return
            seen.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: b"step 0" in seen, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(600) == 130
    reader.join()
    os.close(parent)
    text = seen.decode()
    assert text.index("\x1b[?1049h") < text.index("step 0") < text.rindex("\x1b[?25h\x1b[?1049l")
    assert "Traceback" not in text
    assert text.count("?1049l") == 1
