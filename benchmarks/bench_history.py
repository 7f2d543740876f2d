"""What a long history costs: bytes on disk, compaction, and reading one metric of it.

Rows are those of a training: three losses that were float32, a learning rate, an epoch.
Random doubles, which no format makes small, are measured beside them. The floor of
reading is to parse the same lines and look at nothing.

    python -m benchmarks.bench_history [--rows 1000000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, alternating, print_figures
from tracker.read.rows import select_rows
from tracker.storage.compaction import compact, remove_lines
from tracker.storage.history import read_columns, tail_of
from tracker.storage.journal import Header, SegmentEncoder, SimpleRow
from tracker.storage.records import RunRecord, render
from vcs.clock import iso_time
from vcs.layout import RunLayout

SMALL = {"rows": 100_000, "repeat": 3}

KEYS = ("train/loss", "train/acc", "val/loss", "lr", "epoch")
START = 1.7e9
# Rows of which the end of a run is expected to make columns.
AT_THE_END = 100_000

MEMORY = """
import sys
from pathlib import Path
from tracker.storage.history import read_columns
from vcs.layout import RunLayout
columns = read_columns(RunLayout(Path(sys.argv[1])), ["_step", "train/loss"])
assert len(columns["train/loss"]) == int(sys.argv[2])
# Not ru_maxrss, which begins with that of the process that started this one.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


PARQUET = """
import io, sys
from pathlib import Path
from tracker.exports.tables import write_parquet
from tracker.read.run_view import RunView
from tracker.storage import records
from tracker.storage.catalog import RunEntry
from vcs.layout import RunLayout
run = RunLayout(Path(sys.argv[1]))
with Path(sys.argv[3]).open("wb") as target:
    assert write_parquet([RunView(RunEntry(run, records.load(run)), None)], target) == int(sys.argv[2])
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def measure(rows: int = 1_000_000, repeat: int = 3) -> list[Figure]:
    """Return the figures of size, compaction and reading; targets of time are for a million rows."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        lines, columns = RunLayout(place / "lines"), RunLayout(place / "columns")
        write(lines, training(rows))
        write(columns, training(rows))
        (compacting,) = alternating([lambda: to_columns(columns)], 1)
        text = segment(lines).read_bytes()
        asked = ["_step", "train/loss"]
        parsed, finished, running, dicts = alternating(
            [
                lambda: sum(1 for line in text.splitlines() if json.loads(line)),
                lambda: read_columns(columns, asked),
                lambda: read_columns(lines, asked),
                lambda: select_rows(columns, asked),
            ],
            repeat,
        )
        resumed = alternating([lambda: tail_of(lines), lambda: tail_of(columns)], 1)
        size, small = len(text) / rows, compacted(columns).stat().st_size / rows
        megabytes = peak_mb(MEMORY, columns, rows)
        record = RunRecord(id=columns.folder.name, project=place.name, created=iso_time(START))
        columns.record.write_text(render(record))
        exported = peak_mb(PARQUET, columns, rows, str(place / "rows.parquet"))
        noise, at_the_end = doubles(place, rows), end_of_a_run(place, repeat)
    floor, scale = "parse the lines with json", rows / 1e6
    what = f"of {rows} rows"
    return [
        Figure("bytes a row, running", size, "bytes", target=120, absolute=True),
        Figure("bytes a row, finished", small, "bytes", target=25, absolute=True),
        Figure("bytes a row, finished, five random doubles", noise, "bytes", 40, "the doubles"),
        Figure(
            f"one metric {what}, finished",
            finished,
            "s",
            parsed,
            floor,
            target=0.2 * scale,
            absolute=True,
            key="history.read",
        ),
        Figure(f"the same, peak of the process {what}", megabytes, "MB", target=150, absolute=True),
        Figure(
            f"export of all as Parquet, peak of the process {what}", exported, "MB", target=150, absolute=True
        ),
        Figure(f"the same as dictionaries (Run.history) {what}", dicts, "s", parsed, floor),
        Figure(f"one metric {what}, running", running, "s", parsed, floor),
        Figure(f"what a resumed run needs {what}, from lines", resumed[0], "s", parsed, floor),
        Figure(f"what a resumed run needs {what}, compacted", resumed[1], "s", parsed, floor),
        Figure(f"compaction {what}", compacting, "s", parsed, floor),
        Figure(f"compaction of {AT_THE_END} rows", at_the_end, "s", target=0.3, absolute=True),
    ]


def training(count: int) -> Iterator[SimpleRow]:
    """Rows of a training loop; a step takes some seven milliseconds."""
    draw = random.Random(0).random
    losses = array("f", (draw() for _ in range(3 * 4096))).tolist()
    time_s = START
    for step in range(count):
        time_s += 0.007 + 0.001 * int(4 * draw())
        at = 3 * (step * 2654435761 % 4096)
        values = (*losses[at : at + 3], 1e-3 * 0.99 ** (step // 1000), step // 100)
        yield step, time_s, KEYS, values


def random_rows(count: int) -> Iterator[SimpleRow]:
    """Rows of five doubles that are noise to the last bit."""
    draw = random.Random(0).random
    for step in range(count):
        yield step, START + step / 100, KEYS, (draw(), draw(), draw(), draw(), draw())


def write(run: RunLayout, rows: Iterator[SimpleRow]) -> None:
    """Write rows as a run does."""
    encoder = SegmentEncoder(Header(run="bench", session=0, start=START, from_step=0))
    segment(run).parent.mkdir(parents=True)
    with segment(run).open("wb") as stream:
        stream.write(encoder.head())
        while batch := [row for _, row in zip(range(4000), rows, strict=False)]:
            stream.write(encoder.encode(batch))


def segment(run: RunLayout) -> Path:
    return run.history_segment(0, "0")


def compacted(run: RunLayout) -> Path:
    return segment(run).with_suffix(".columns")


def to_columns(run: RunLayout) -> None:
    """Compact the only segment of a run."""
    done = compact(run, RunRecord(id="bench", project="bench", created="x"), own=[segment(run)])
    assert done
    remove_lines(done)


def doubles(place: Path, rows: int) -> float:
    """Return the bytes of a row of five random doubles, compacted."""
    run = RunLayout(place / "doubles")
    write(run, random_rows(min(rows, 100_000)))
    to_columns(run)
    return compacted(run).stat().st_size / min(rows, 100_000)


def end_of_a_run(place: Path, repeat: int) -> float:
    """Return the seconds that the compaction of a run of usual length takes."""
    runs = [RunLayout(place / f"end-{number}") for number in range(repeat)]
    for run in runs:
        write(run, training(AT_THE_END))
    waiting = iter(runs)
    return alternating([lambda: to_columns(next(waiting))], repeat)[0]


def peak_mb(program: str, run: RunLayout, rows: int, *more: str) -> float:
    """Return the peak memory of a process that does nothing else, in megabytes."""
    command = [sys.executable, "-c", program, str(run.folder), str(rows), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print_figures(measure(options.rows, options.repeat))


if __name__ == "__main__":
    main()
