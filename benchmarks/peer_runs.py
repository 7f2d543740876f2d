"""Peers that track runs: start, an empty run, `log()`, one metric of a long run, `watch`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from benchmarks.peer_commands import Step, median_of_three, python, run, variables
from benchmarks.peer_environments import python_of
from benchmarks.places import scratch

# As many as take some seconds.
CALLS = {"wandb": 10_000, "trackio": 10_000, "tensorboard": 10_000, "mlflow": 300}
ROWS = 100_000
KILLED_AFTER = 20_000

# How a run begins, how a row is logged, how it ends.
_LOG = {
    "wandb": ("import wandb; run = wandb.init(project='bench')", "run.log(row)", "run.finish()"),
    "trackio": ("import trackio; trackio.init(project='bench')", "trackio.log(row)", "trackio.finish()"),
    "mlflow": (
        "import mlflow; mlflow.set_experiment('bench'); mlflow.start_run()",
        "mlflow.log_metrics(row, step=i)",
        "mlflow.end_run()",
    ),
    "tensorboard": (
        "from torch.utils.tensorboard import SummaryWriter; w = SummaryWriter('runs')",
        "[w.add_scalar(k, v, i) for k, v in row.items()]",
        "w.close()",
    ),
}
_LOG_PROGRAM = """
import json, time
{begin}
row = {{"loss": 0.123456789, "acc": 0.987654321, "val_loss": 0.5, "lr": 0.001, "epoch": 3}}
spent = []
start = time.perf_counter()
for i in range({calls}):
    t = time.perf_counter(); {log}; spent.append(time.perf_counter() - t)
{end}
whole = (time.perf_counter() - start) / {calls}
spent.sort()
print("RESULT", json.dumps([x * 1e6 for x in (spent[len(spent) // 2], spent[len(spent) * 99 // 100], whole)]))
"""
_KILL_PROGRAM = """
import os, signal
{begin}
row = {{"loss": 0.123456789, "acc": 0.987654321, "val_loss": 0.5, "lr": 0.001, "epoch": 3}}
for i in range({calls}):
    {log}
os.kill(os.getpid(), signal.SIGKILL)
"""
# What counts the rows that are on disk then.
_COUNT = {
    "trackio": """
import sqlite3, sys
from pathlib import Path
found = 0
for path in Path.home().rglob("bench.db"):
    found += sqlite3.connect(path).execute("select count(*) from metrics").fetchone()[0]
print("RESULT", found)
""",
    "tensorboard": """
from pathlib import Path
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
(path,) = Path("runs").glob("events*")
print("RESULT", sum(v.tag == "epoch" for e in EventFileLoader(str(path)).Load() for v in e.summary.value))
""",
    # Rows are not to be read without its server; for each it writes the name of a metric twice,
    # and some names are cut where a block ends.
    "wandb": """
from pathlib import Path
print("RESULT", sum(path.read_bytes().count(b"val_loss") // 2 for path in Path("wandb").rglob("run-*.wandb")))
""",
}
# Begins with what fills a run, which is not timed.
_HISTORY = {
    "trackio": """
from trackio.sqlite_storage import SQLiteStorage as store
rows = [{{"loss": i / 7, "acc": i / 9, "val": i / 11, "lr": 0.001, "epoch": i // 100}} for i in range({rows})]
store.bulk_log(project="bench", run="long", metrics_list=rows, steps=list(range({rows})))
def read():
    return [row["loss"] for row in store.get_logs("bench", "long") if "loss" in row]
""",
    "mlflow": """
import mlflow
from mlflow.entities import Metric
mlflow.set_experiment("bench")
with mlflow.start_run() as begun:
    client, run = mlflow.MlflowClient(), begun.info.run_id
    for at in range(0, {rows}, 1000):
        client.log_batch(run, metrics=[Metric("loss", i / 7, i, i) for i in range(at, at + 1000)])
def read():
    return [metric.value for metric in client.get_metric_history(run, "loss")]
""",
}
_READ = """
import time
start = time.perf_counter(); found = read(); spent = time.perf_counter() - start
assert len(found) == {rows}, len(found)
print("RESULT", spent)
"""


def imported(name: str) -> Iterator[Step]:
    """What the import takes over bare Python."""
    with scratch() as place:
        bare = median_of_three(lambda: python(name, "pass", place))
        yield (
            "start.import",
            lambda: (
                f"{(median_of_three(lambda: python(name, f'import {name}', place)) - bare) * 1000:.0f} ms"
            ),
        )


def empty_run(name: str) -> Iterator[Step]:
    """A process with a run in which nothing is logged."""
    with scratch() as place:
        code, paths = "; ".join((_LOG[name][0], _LOG[name][2])), _paths(name)
        python(name, code, place, paths)
        yield (
            "start.empty_run",
            lambda: f"{median_of_three(lambda: python(name, code, place, paths)) * 1000:.0f} ms",
        )


def log(name: str) -> Iterator[Step]:
    """Rows of five scalars: the calling thread, and the disk."""
    begin, put, end = _LOG[name]
    text = _LOG_PROGRAM.format(begin=begin, log=put, end=end, calls=CALLS[name])
    with scratch() as place:
        found: list[float] = []

        def p50() -> str:
            found.extend(json.loads(python(name, text, place, _paths(name)).rpartition("RESULT")[2]))
            return f"{found[0]:.0f} us"

        yield "log.p50", p50
        yield "log.p99", lambda: f"{found[1]:.0f} us"
        yield "log.whole", lambda: f"{found[2]:.0f} us"
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        yield "log.bytes", lambda: f"{size / CALLS[name]:.0f} bytes"


def kept(name: str) -> Iterator[Step]:
    """Rows on disk after a SIGKILL right after the last of them; what else it started may go on a little."""
    begin, put, _ = _LOG[name]
    text = _KILL_PROGRAM.format(begin=begin, log=put, calls=KILLED_AFTER)
    with scratch() as place:

        def count() -> str:
            killed = ["bash", "-c", '"$0" -c "$1"; sleep 2', str(python_of(name)), text]
            run(killed, place, variables(_paths(name)))
            return (
                f"kept {python(name, _COUNT[name], place).rpartition('RESULT')[2].strip()} of {KILLED_AFTER}"
            )

        yield "log.killed", count


def history(name: str) -> Iterator[Step]:
    """One metric of a run of a tenth of the length."""
    text = (_HISTORY[name] + _READ).format(rows=ROWS)
    with scratch() as place:
        yield (
            "history.read",
            lambda: f"{float(python(name, text, place).rpartition('RESULT')[2]):.2f} s of {ROWS} rows",
        )


def watch(name: str) -> Iterator[Step]:
    """With the torch of our own environment: that of the peer has none."""
    if not (paths := _torch_paths()):
        raise ValueError("there is no torch")
    command = [str(python_of(name)), "-m", "benchmarks.bench_watch", "--wandb", "--pairs", "150"]
    found = variables([Path(__file__).parents[1], *paths])
    with scratch() as place:
        yield "watch", lambda: f"{float(run(command, place, found).rpartition('RESULT')[2]):.1f} %"


def _paths(name: str) -> list[Path]:
    """TensorBoard's writer of scalars is torch's."""
    return _torch_paths() if name == "tensorboard" else []


def _torch_paths() -> list[Path]:
    found = find_spec("torch")
    return [Path(found.origin).parents[1]] if found is not None and found.origin else []
