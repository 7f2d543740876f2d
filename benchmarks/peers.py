"""What peers need for the same work, each beside its floor in the same run.

At a tenth of our own size, because some take minutes; ratios to the floor can be compared.
Results carry the key of the figure that they stand beside.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from benchmarks.peer_environments import PACKAGES, PROGRAMS, python_of, why_absent
from benchmarks.places import allocated_bytes, scratch
from benchmarks.trees import make_tree, walk

# A command that takes longer, and what comes after so much time for all, is left out.
COMMAND_S = 90
ALL_S = 300
FILES = 10_000
LARGE_BYTES = 256 << 20
LOG_CALLS = {"wandb": 10_000, "trackio": 10_000, "mlflow": 300}

# With no server to talk to: a closed port stands for the network.
_OFFLINE = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
    "DVC_NO_ANALYTICS": "true",
    "HF_HUB_OFFLINE": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "RESTIC_PASSWORD": "bench",
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    **{f"{name}_PROXY": "http://127.0.0.1:9" for name in ("HTTP", "HTTPS")},
    **{f"GIT_{role}_{what}": "bench" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
_COMMANDS: dict[str, dict[str, str]] = {
    "restic": {
        "init": "restic -q -r store init",
        "add": "restic -q -r store backup data",
        "get": "restic -q -r store restore latest --target out",
    },
    "borg": {
        "init": "borg init -e none store",
        "add": "borg create store::$RANDOM$RANDOM data",
        "get": "mkdir out && cd out && borg extract ../store::$(borg list --short --last 1 ../store)",
    },
    "git-lfs": {
        "init": "git init -q && git lfs install --local && git lfs track 'data/**'",
        "add": "git add -A data && git commit -q --allow-empty -m version",
        "get": "git worktree add -q --detach out",
    },
    "dvc": {
        "init": "git init -q && $dvc init -q",
        "add": "$dvc add -q data",
        "get": "rm -rf data && $dvc checkout -q",
    },
}
_LOG = {
    "wandb": ("import wandb; run = wandb.init(project='bench')", "run.log(row)", "run.finish()"),
    "trackio": ("import trackio; trackio.init(project='bench')", "trackio.log(row)", "trackio.finish()"),
    "mlflow": (
        "import mlflow; mlflow.set_experiment('bench'); mlflow.start_run()",
        "mlflow.log_metrics(row, step=i)",
        "mlflow.end_run()",
    ),
}
_LOG_PROGRAM = """
import json, time
{begin}
row = {{"loss": 0.123456789, "acc": 0.987654321, "val_loss": 0.5, "lr": 0.001, "epoch": 3}}
spent = []
for i in range({calls}):
    t = time.perf_counter(); {log}; spent.append(time.perf_counter() - t)
{end}
print("RESULT", json.dumps(sorted(spent)[len(spent) // 2] * 1e6))
"""


@dataclass(frozen=True)
class PeerResult:
    """One figure of a peer: `text` is a ratio or a value with its unit."""

    key: str
    peer: str
    text: str


def measure() -> list[PeerResult]:
    """Measure every peer that is installed; one that fails is said and left out."""
    found: list[PeerResult] = []
    began = time.monotonic()
    for name in (*PROGRAMS, *PACKAGES):
        reason = why_absent(name)
        if time.monotonic() - began > ALL_S:
            reason = f"the others took {ALL_S} s"
        if reason is not None:
            print(f"{name} is left out: {reason}", file=sys.stderr)
            continue
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        works: list[Callable[[str], Iterator[PeerResult]]] = []
        works += [_files, _large] if name in _COMMANDS else []
        works += [_import, _empty_run, _log] if name in _LOG else []
        works += [_watch] if name == "wandb" else []
        for work in works:
            try:
                found += work(name)
            except (subprocess.SubprocessError, OSError, ValueError) as error:
                said = getattr(error, "stderr", None)
                text = said if isinstance(said, str) and said.strip() else str(error)
                print(f"{name}: {text.strip().splitlines()[-1]}", file=sys.stderr)
    return found


def _files(name: str) -> Iterator[PeerResult]:
    with scratch(FILES * 60_000) as place:
        make_tree(place / "data", FILES)
        copied = min(_copied(place / "data") for _ in range(2))
        walked = min(_timed(lambda: walk(place / "data")) for _ in range(2))
        run = _Commands(name, place)
        run("init")
        yield PeerResult("files.add", name, f"{run('add') / copied:.1f} x")
        yield PeerResult("files.again", name, f"{run('add') / walked:.0f} x")
        yield PeerResult("files.get", name, f"{run('get') / copied:.1f} x")


def _large(name: str) -> Iterator[PeerResult]:
    with scratch(8 * LARGE_BYTES) as place:
        path = place / "data" / "large.bin"
        path.parent.mkdir()
        content = blake3(b"large").digest(LARGE_BYTES)
        path.write_bytes(content)
        copied = min(_copied(path.parent) for _ in range(2))
        run = _Commands(name, place)
        run("init")
        yield PeerResult("large.add", name, f"{run('add') / copied:.1f} x")
        yield PeerResult("large.again", name, f"{run('add') * 1000:.0f} ms")
        store = place / ("store" if (place / "store").exists() else "." + name.partition("-")[0])
        before = allocated_bytes(store)
        half = LARGE_BYTES // 2
        path.unlink()  # A hard link into the store, with some settings.
        path.write_bytes(content[:half] + blake3(b"inserted").digest(1 << 20) + content[half:])
        yield PeerResult("large.insert.add", name, f"{run('add') / copied:.1f} x")
        yield PeerResult("large.insert", name, f"{(allocated_bytes(store) - before) / (1 << 20):.0f} MiB")
        yield PeerResult("large.get", name, f"{run('get') / copied:.1f} x")


def _import(name: str) -> Iterator[PeerResult]:
    bare, imported = (
        statistics.median(_timed(lambda: _python(name, code)) for _ in range(3))  # noqa: B023
        for code in ("pass", f"import {name}")
    )
    yield PeerResult("start.import", name, f"{(imported - bare) * 1000:.0f} ms")


def _empty_run(name: str) -> Iterator[PeerResult]:
    with scratch() as place:
        code = "; ".join((_LOG[name][0], _LOG[name][2]))
        _python(name, code, place)
        seconds = statistics.median(_timed(lambda: _python(name, code, place)) for _ in range(3))
    yield PeerResult("start.empty_run", name, f"{seconds * 1000:.0f} ms")


def _log(name: str) -> Iterator[PeerResult]:
    with scratch() as place:
        begin, log, end = _LOG[name]
        text = _LOG_PROGRAM.format(begin=begin, log=log, end=end, calls=LOG_CALLS[name])
        output = _python(name, text, place)
        p50 = json.loads(output.rpartition("RESULT")[2])
    yield PeerResult("log.p50", name, f"{p50:.0f} us")


def _watch(name: str) -> Iterator[PeerResult]:
    """With the torch of our own environment: that of the peer has none."""
    try:
        import torch
    except ImportError:
        return
    paths = (Path(__file__).parents[1], Path(torch.__file__).parents[1])
    with scratch() as place:
        done = subprocess.run(
            [str(python_of(name)), "-m", "benchmarks.bench_watch", "--wandb", "--pairs", "150"],
            cwd=place,
            env={
                **os.environ,
                **_OFFLINE,
                "HOME": str(place),
                "PYTHONPATH": os.pathsep.join(map(str, paths)),
            },
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
        )
    yield PeerResult("watch", name, f"{float(done.stdout.rpartition('RESULT')[2]):.1f} %")


class _Commands:
    """The commands of one peer in one folder; a call returns the seconds that it takes."""

    def __init__(self, name: str, folder: Path) -> None:
        self._commands = _COMMANDS[name]
        self._folder = folder
        python = python_of(name)
        self._variables = {"dvc": f"{python} -m dvc"} if python is not None else {}

    def __call__(self, what: str) -> float:
        start = time.perf_counter()
        subprocess.run(
            ["bash", "-ec", self._commands[what]],
            cwd=self._folder,
            env={**os.environ, **_OFFLINE, **self._variables, "HOME": str(self._folder)},
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
        )
        return time.perf_counter() - start


def _python(name: str, code: str, folder: Path | None = None) -> str:
    environment = {**os.environ, **_OFFLINE, "HOME": str(folder or Path.home())}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(python_of(name)), "-c", code]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
    )
    return done.stdout


def _copied(folder: Path) -> float:
    target = folder.parent / "copy"
    seconds = _timed(lambda: subprocess.run(["cp", "-r", folder, target], check=True))
    shutil.rmtree(target)
    return seconds


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
