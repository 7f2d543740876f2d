"""Peers that version files: many small ones, large ones, checkpoints, a table that grows."""

from __future__ import annotations

import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from blake3 import blake3

from benchmarks.peer_commands import Shell, Step, timed
from benchmarks.places import allocated_bytes, scratch
from benchmarks.trees import make_tree, next_version, walk

FILES = 10_000
LARGE_BYTES = 256 << 20
MIB = 1 << 20

_WANDB = "import wandb; r = wandb.init(project='bench'); a = wandb.Artifact('d', 'dataset')"
_TRACKIO = "import trackio; trackio.init(project='bench')"
_GIT_ADD = "git add -A data && git commit -q --allow-empty -m version"
_COMMANDS: dict[str, dict[str, str]] = {
    "git": {
        "init": "git init -q",
        "add": _GIT_ADD,
        "get": "git worktree add -q --detach out",
        "status": "git status --porcelain",
    },
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
        "init": "git init -q && git lfs install --local && git lfs track 'data/**' && git add .gitattributes",
        "add": _GIT_ADD,
        "get": "git worktree add -q --detach out",
    },
    "dvc": {
        "init": "git init -q && $dvc init -q",
        "add": "$dvc add -q data",
        "get": "rm -rf data && $dvc checkout -q",
        "status": "$dvc status -q",
    },
    "trackio": {
        "init": "mkdir store",
        "add": f'''TRACKIO_DIR=$PWD/store $python -c "{_TRACKIO}; a = trackio.Artifact('d', type='dataset')
a.add_dir('data'); trackio.log_artifact(a); trackio.finish()"''',
        "get": f'''TRACKIO_DIR=$PWD/store $python -c "{_TRACKIO}
trackio.use_artifact('d:latest').download('out'); trackio.finish()"''',
    },
    # Offline it gives nothing back.
    "wandb": {
        "init": "mkdir store",
        "add": f'''export WANDB_DIR=$PWD/store WANDB_DATA_DIR=$PWD/store WANDB_CACHE_DIR=$PWD/store
$python -c "{_WANDB}
a.add_dir('data'); r.log_artifact(a); r.finish()"''',
    },
}
_STORES = {"git": ".git/objects", "git-lfs": ".git/lfs", "dvc": ".dvc/cache"}


def files(name: str) -> Iterator[Step]:
    """Many small files: add, again, the next version, checkout, and the files in the store."""
    with scratch(FILES * 80_000) as place:
        data = place / "data"
        content = make_tree(data, FILES)
        copied = min(_copied(data) for _ in range(2))
        walked = min(timed(lambda: walk(data)) for _ in range(2))
        shell = _shell(name, place)
        shell("init")
        yield "files.add", lambda: f"{shell('add') / copied:.1f} x"
        store = _store(name, place)
        count = sum(path.is_file() for path in store.rglob("*"))
        yield "files.count", lambda: f"{count} of {FILES}"
        yield "files.space", lambda: f"{allocated_bytes(store) / content:.2f} x"
        yield "files.again", lambda: f"{shell('add') / walked:.1f} x"
        if "get" in _COMMANDS[name]:
            yield "files.get", lambda: f"{shell('get') / copied:.1f} x"
        next_version(data, FILES, 1)
        yield "files.next", lambda: f"{shell('add') / walked:.1f} x"


def status(name: str) -> Iterator[Step]:
    """Whether anything changed among many files that are tracked."""
    with scratch(FILES * 60_000) as place:
        make_tree(place / "data", FILES)
        shell = _shell(name, place)
        shell("init")
        shell("add")
        shell("status")
        walked = min(timed(lambda: walk(place / "data")) for _ in range(2))
        yield (
            "status",
            lambda: f"{(took := shell('status')):.2f} s ({took / walked:.1f} x walk, {FILES} files)",
        )


def large(name: str) -> Iterator[Step]:
    """One large file: add, again, with a MiB inserted, checkout."""
    with scratch(8 * LARGE_BYTES) as place:
        path = place / "data" / "large.bin"
        path.parent.mkdir()
        content = blake3(b"large").digest(LARGE_BYTES)
        path.write_bytes(content)
        copied = min(_copied(path.parent) for _ in range(2))
        shell = _shell(name, place)
        shell("init")
        yield "large.add", lambda: f"{shell('add') / copied:.1f} x"
        yield "large.again", lambda: f"{shell('add') * 1000:.0f} ms"
        before = allocated_bytes(_store(name, place))
        half = LARGE_BYTES // 2
        path.unlink()  # A hard link into the store, with some settings.
        path.write_bytes(content[:half] + blake3(b"inserted").digest(MIB) + content[half:])
        yield "large.insert.add", lambda: f"{shell('add') / copied:.1f} x"
        more = allocated_bytes(_store(name, place)) - before
        yield "large.insert", lambda: f"{more / MIB:.0f} MiB of {LARGE_BYTES // MIB}"
        if "get" in _COMMANDS[name]:
            yield "large.get", lambda: f"{shell('get') / copied:.1f} x"


def checkpoints(name: str) -> Iterator[Step]:
    """Ten checkpoints, nine tenths frozen, of the whole size: chunks are not smaller for smaller files."""
    from benchmarks.bench_large import checkpoint_versions, checkpoint_writers

    for suffix, write in checkpoint_writers().items():
        with scratch(3 << 30) as place:
            path = place / "data" / f"checkpoint{suffix}"
            path.parent.mkdir()
            shell = _shell(name, place)
            shell("init")
            times, unique = [], 0
            for tensors, new_bytes in checkpoint_versions():
                write(path, tensors)
                unique += new_bytes
                times.append(shell("add"))
            stored = allocated_bytes(_store(name, place)) / unique
            key = f"large.checkpoints{suffix}"
            yield key, lambda: f"{stored:.2f} x"  # noqa: B023
            yield f"{key}.add", lambda: f"{statistics.median(times[1:]):.2f} s"  # noqa: B023


def table(name: str) -> Iterator[Step]:
    """A CSV that grows by 1 % a version."""
    from benchmarks.bench_large import csv_versions

    with scratch(1 << 30) as place:
        path = place / "data" / "table.csv"
        path.parent.mkdir()
        shell = _shell(name, place)
        shell("init")
        for version in csv_versions(400_000):
            path.write_bytes(version)
            shell("add")
        stored = allocated_bytes(_store(name, place)) / path.stat().st_size
        yield "large.table.CSV", lambda: f"{stored:.2f} x"


def _shell(name: str, place: Path) -> Callable[[str], float]:
    return Shell(name, place, _COMMANDS[name])


def _store(name: str, place: Path) -> Path:
    return place / _STORES.get(name, "store")


def _copied(folder: Path) -> float:
    target = folder.parent / "copy"
    seconds = timed(lambda: subprocess.run(["cp", "-r", folder, target], check=True))
    shutil.rmtree(target)
    return seconds
