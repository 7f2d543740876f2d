"""Folders of many small files, as datasets are, and their next versions."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

from blake3 import blake3

_POOL_BYTES = 16 << 20
PER_FOLDER = 1000


def make_tree(folder: Path, count: int, *, median: int = 4096) -> int:
    """Make files of lognormal size (half of them above `median`), a thousand to a folder; return their bytes.

    No two are equal, and none can be compressed.
    """
    draw = random.Random(0)
    pool = memoryview(blake3(b"pool").digest(_POOL_BYTES))
    total = 0
    for number in range(count):
        if number % PER_FOLDER == 0:
            (folder / f"{number // PER_FOLDER:04}").mkdir(parents=True)
        size = max(8, min(int(draw.lognormvariate(math.log(median), 1)), 1 << 20))
        total += write_file(folder, number, size, pool, draw)
    return total


def next_version(folder: Path, count: int, turn: int) -> None:
    """Rewrite one in a hundred of the files, others each turn, and add a thousandth (100 of 100,000)."""
    draw = random.Random(turn + 1)
    pool = memoryview(blake3(b"version %d" % turn).digest(_POOL_BYTES))
    for number in range(turn % 100, count, 100):
        write_file(folder, number, draw.randrange(8, 16384), pool, draw)
    more = folder / f"more-{turn}"
    more.mkdir()
    for number in range(max(1, count // 1000)):
        (more / f"{number:06}.bin").write_bytes(pool[number * 4099 :][:4096])


def write_file(folder: Path, number: int, size: int, pool: memoryview, draw: random.Random) -> int:
    """Write one file of pseudorandom bytes that begins with its number."""
    at = draw.randrange(len(pool) - size)
    path = folder / f"{number // PER_FOLDER:04}" / f"{number:07}.bin"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.writev(fd, [number.to_bytes(8, "little"), pool[at : at + size - 8]])
    finally:
        os.close(fd)
    return size


def walk(folder: Path) -> int:
    """Look at every file with `stat`: the least that can be done to see whether one changed."""
    seen = 0
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    seen += 1
    return seen
