"""Large files: the first version beside cp, near-identical ones beside what is new in them.

Versions are stored by the store alone, in this process; what is measured on disk is what
the file system allocated. The Parquet files are what pyarrow writes of a table that grew;
without it stand-ins: row groups of random bytes, between a magic number and a footer.

python -m benchmarks.bench_large [--scale 1.0] [--folder FOLDER] [--repeat 3]
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blake3 import blake3

from benchmarks.figures import Figure, print_figures
from benchmarks.places import allocated_bytes, has_memory, scratch
from benchmarks.worker import spent
from vcs.files.add import add_tree
from vcs.files.checkout import plan_checkout
from vcs.files.listing import Listing
from vcs.files.stat_cache import StatCache
from vcs.stores.local import LocalStore

MIB = 1 << 20
_ROOM_BYTES = 14 << 30


SMALL = {"scale": 0.02, "repeat": 2}


def measure(scale: float = 1.0, folder: Path | None = None, repeat: int = 3) -> list[Figure]:
    """Return the figures. At scale 1 the files are 4 GiB, and 14 GiB of room are needed.

    Without so much memory a quarter of the scale is measured, which the table shows.
    """
    if folder is None and not has_memory(int(scale * _ROOM_BYTES)):
        scale /= 4
    figures: list[Figure] = []
    with _place(folder, scale) as place:
        figures += _big_files(place, scale, repeat)
    with _place(folder, scale) as place:
        figures += _checkpoints(place, scale) + _tables(place, scale)
    return figures


@contextmanager
def _place(folder: Path | None, scale: float) -> Iterator[Path]:
    """A folder that goes away again: in memory, or below the one that was asked for."""
    if folder is None:
        with scratch(int(scale * _ROOM_BYTES)) as place:
            yield place
    else:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            yield Path(name)


def _big_files(folder: Path, scale: float, repeat: int) -> list[Figure]:
    size = int(1024 * MIB * scale)
    data = folder / "data"
    data.mkdir()
    for number in range(4):
        (data / f"{number}.bin").write_bytes(_random(number, size))
    changed = _with_insertion(data / "2.bin", folder / "changed" / "2.bin")
    turns = [_big_files_once(folder, data, changed) for _ in range(repeat)]
    cost = {name: min(turn[name] for turn in turns) for name in turns[0]}
    subprocess.run(["git", "init", "-q", str(folder / "project")], check=True)
    cost["peak"], cost["changed peak"] = (
        spent("add", str(folder / "project"), str(what)).peak_bytes / 1e6 for what in (data, changed.parent)
    )
    files = f"4 files of {size / MIB:g} MiB"
    one = "1 MiB inserted in one of them"
    return [
        Figure(f"first add of {files}", cost["add"], "s", cost["cp"], "cp", 1.1, key="large.add"),
        Figure(
            "the same again, unchanged",
            cost["again"] * 1000,
            "ms",
            target=50,
            absolute=True,
            key="large.again",
        ),
        Figure(f"{one}: add", cost["changed"], "s", cost["cp one"], "cp", 0.5, key="large.insert.add"),
        Figure(f"{one}: more on disk", cost["more"], "MiB", target=3, absolute=True, key="large.insert"),
        Figure("checkout of the four by hard links", cost["link"] * 1000, "ms", target=50, absolute=True),
        Figure(
            "checkout of the changed one", cost["checkout"], "s", cost["cp one"], "cp", 1.2, key="large.get"
        ),
        Figure("peak memory of adding them", cost["peak"], "MB", target=80, absolute=True),
        Figure("peak memory of adding the changed one", cost["changed peak"], "MB", target=80, absolute=True),
    ]


def _big_files_once(folder: Path, data: Path, changed: Path) -> dict[str, float]:
    """Do all of it in an empty store; return seconds, and MiB for `more`."""
    store, cache = _store(folder / "store"), StatCache(folder / "stat-cache")
    cost = {"cp": _copied(data, folder / "copy")}
    cost["add"] = _timed(lambda: add_tree(data, store, stat_cache=cache))
    cost["again"] = _timed(lambda: add_tree(data, store, stat_cache=cache))
    before = allocated_bytes(folder / "store")
    cost["cp one"] = _copied(changed.parent, folder / "copy")
    cost["changed"] = _timed(lambda: add_tree(changed.parent, store))
    cost["more"] = (allocated_bytes(folder / "store") - before) / MIB
    cost["link"] = _timed(_checkout(add_tree(data, store, stat_cache=cache), folder, store, "hardlink"))
    cost["checkout"] = _timed(_checkout(add_tree(changed.parent, store), folder, store, "copy"))
    for name in ("store", "out"):
        shutil.rmtree(folder / name)
    return cost


def _copied(source: Path, target: Path) -> float:
    seconds = _timed(lambda: subprocess.run(["cp", "-r", source, target], check=True))
    shutil.rmtree(target)
    return seconds


def _checkpoints(folder: Path, scale: float) -> list[Figure]:
    figures = []
    for suffix, write in checkpoint_writers().items():
        store = _store(folder / "store")
        (folder / "saved").mkdir()
        times, unique = [], 0
        for step, (tensors, new_bytes) in enumerate(checkpoint_versions(scale)):
            path = folder / "saved" / f"checkpoint-{step * 500}{suffix}"
            write(path, tensors)
            unique += new_bytes
            times.append(_timed(lambda: store.put_file(path)))  # noqa: B023
            path.unlink()
        figures += [
            Figure(
                f"10 checkpoints {suffix}, 9/10 frozen: on disk",
                allocated_bytes(folder / "store") / MIB, "MiB", unique / MIB, "unique tensors", 1.03,
                key=f"large.checkpoints{suffix}",
            ),
            Figure(
                f"a later add {suffix}", statistics.median(times[1:]), "s", target=0.25, absolute=True,
                key=f"large.checkpoints{suffix}.add",
            ),
        ]  # fmt: skip
        shutil.rmtree(folder / "store")
        shutil.rmtree(folder / "saved")
    return figures


def checkpoint_writers() -> dict[str, Callable[[Path, dict[str, bytes]], None]]:
    """Return what writes tensors to a file, by the end of its name; `.pt` with torch only."""
    writers: dict[str, Callable[[Path, dict[str, bytes]], None]] = {".safetensors": _write_safetensors}
    with suppress(ImportError):
        import torch

        def write_torch(path: Path, tensors: dict[str, bytes]) -> None:
            torch.save(
                {
                    name: torch.frombuffer(bytearray(data), dtype=torch.float32)
                    for name, data in tensors.items()
                },
                path,
            )

        writers[".pt"] = write_torch
    return writers


def checkpoint_versions(scale: float = 1.0) -> Iterator[tuple[dict[str, bytes], int]]:
    """Yield ten times the tensors of a training, and how many bytes of them are new; 200 MiB at scale 1."""
    share = int(MIB * scale) // 4 * 4  # of 200: 20 frozen tensors of 9, and 5 trained ones of 4
    frozen = {f"layer{n}": _random(n, 9 * share) for n in range(20)}
    for step in range(10):
        trained = {f"adapter{n}": _random(1000 + 5 * step + n, 4 * share) for n in range(5)}
        # Each between those that are frozen.
        tensors = {name: data for n in range(20) for name, data in _block(n, frozen, trained)}
        yield tensors, 5 * 4 * share + (0 if step else 20 * 9 * share)


def _block(n: int, frozen: dict[str, bytes], trained: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """Return a frozen layer, and in one of four what is trained."""
    adapter = f"adapter{n // 4}"
    return [(f"layer{n}", frozen[f"layer{n}"]), *([(adapter, trained[adapter])] if n % 4 == 1 else [])]


def _tables(folder: Path, scale: float) -> list[Figure]:
    figures = []
    for kind, versions in _kinds_of_tables(int(400_000 * scale)):
        store = _store(folder / "store")
        before, last = None, 0
        for data in versions:
            path = folder / "table"
            path.write_bytes(data)
            before, last = store.put_file(path, like=before)  # As of a path that was added before.
        figures.append(
            Figure(
                f"a {kind} that grows 1 % a version, 20 versions: on disk",
                allocated_bytes(folder / "store") / MIB, "MiB", last / MIB, "the last version", 1.3,
                key=f"large.table.{kind}",
            )
        )  # fmt: skip
        shutil.rmtree(folder / "store")
    return figures


def _kinds_of_tables(rows: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    yield "CSV", csv_versions(rows)
    yield "CSV of 250 kB", csv_versions(9000)
    yield "CSV of 40 kB", csv_versions(1500)
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        yield "Parquet (stand-in)", _stand_in_versions(rows * 50)
    else:
        yield "Parquet", _parquet_versions(rows)
        yield "Parquet of 800 kB", _parquet_versions(30_000)
        yield "Parquet of 200 kB", _parquet_versions(8000)


def csv_versions(rows: int) -> Iterator[bytes]:
    """Yield a table twenty times, each with 1 % more rows."""
    source = random.Random(1)
    lines = ["id,time,loss,label\n"]
    for version in range(20):
        for number in range(rows if version == 0 else rows // 100):
            lines.append(f"{len(lines)},{number * 17},{source.random():.6f},class{source.randrange(100)}\n")
        yield "".join(lines).encode()


def _parquet_versions(rows: int) -> Iterator[bytes]:
    import pyarrow as arrow
    from pyarrow.parquet import write_table

    source = random.Random(1)
    number = range(rows + 19 * (rows // 100))
    table = arrow.table(
        {
            "id": list(number),
            "time": [count + source.random() for count in number],
            "loss": [source.random() for _ in number],
            "label": [f"class{source.randrange(100)}" for _ in number],
        }
    )
    for version in range(20):
        stream = io.BytesIO()
        write_table(table.slice(0, rows + version * (rows // 100)), stream)
        yield stream.getvalue()


def _stand_in_versions(size: int) -> Iterator[bytes]:
    groups: list[bytes] = []
    for version in range(20):
        groups.append(_random(version, size if version == 0 else size // 100))
        footer = json.dumps([{"offset": n, "bytes": len(group)} for n, group in enumerate(groups)]).encode()
        yield b"PAR1" + b"".join(groups) + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _write_safetensors(path: Path, tensors: dict[str, bytes]) -> None:
    header: dict[str, object] = {}
    at = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.writelines(tensors.values())


def _with_insertion(source: Path, target: Path) -> Path:
    target.parent.mkdir()
    size = source.stat().st_size
    with source.open("rb") as old, target.open("wb") as new:
        for start, end in ((0, size // 2 + 777), (size // 2 + 777, size)):
            while start < end:
                start += new.write(old.read(min(4 * MIB, end - start)))
            if end != size:
                new.write(_random(10_000, MIB))
    return target


def _checkout(listing: Listing, folder: Path, store: LocalStore, link: str) -> Callable[[], object]:
    def work() -> None:
        plan_checkout(listing, folder / "out", store).apply(link=link)  # type: ignore[arg-type]

    shutil.rmtree(folder / "out", ignore_errors=True)
    return work


def _store(folder: Path) -> LocalStore:
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def _random(seed: int, size: int) -> bytes:
    return blake3(b"%d" % seed).digest(size)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    print_figures(measure(arguments.scale, arguments.folder, arguments.repeat))


if __name__ == "__main__":
    main()
