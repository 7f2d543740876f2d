"""Large files compared in a process that maps them: the same as by reading, and never needed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from vcs.digest import Digest, digest_bytes
from vcs.files.verify import verify_store
from vcs.helpers import start_python
from vcs.stores import mapped
from vcs.stores.local import LocalStore

MIB = 1 << 20
BASE = random.Random(1).randbytes(5 * MIB)
MORE = random.Random(2).randbytes(MIB)
INSERTED = BASE[: 2 * MIB + 777] + MORE + BASE[2 * MIB + 777 :]


class Started:
    """The processes that were started."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.function = ("vcs.stores.mapped_process", "serve")

    def __call__(
        self, _module: str, _function: str, arguments: Sequence[str | int], fds: Sequence[int], *, pipes: bool
    ) -> subprocess.Popen[bytes] | None:
        process = start_python(*self.function, arguments, fds, pipes=pipes)
        assert process is not None
        self.processes.append(process)
        return process


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Have files of every size compared in another process, in short stretches."""
    started = Started()
    monkeypatch.setattr(mapped, "start_python", started)
    monkeypatch.setattr(mapped, "cores", lambda: 2)
    monkeypatch.setattr(mapped, "MAPPED_FROM_BYTES", MIB)
    monkeypatch.setattr(mapped, "_PIECE_BYTES", 1)
    monkeypatch.setattr(mapped, "_ASK_FROM_BYTES", 1)
    monkeypatch.setattr(mapped, "_ASK_BYTES", MIB)
    return started


def open_store(tmp_path: Path) -> LocalStore:
    """As a new process would."""
    folder = tmp_path / "store"
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def put(
    tmp_path: Path, data: bytes, advance: Callable[[int], None] | None = None, name: str = "weights"
) -> Digest:
    """Store bytes from a file."""
    path = tmp_path / name
    path.write_bytes(data)
    with open_store(tmp_path).batch() as batch:
        return batch.put_file(path, advance=advance)[0]


def recipe(tmp_path: Path, digest: Digest) -> bytes:
    """What lies on disk of an object that is a recipe."""
    return (tmp_path / "store" / "recipes" / digest).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[: 2 * MIB + 777] + MORE + data[2 * MIB + 777 :],
        lambda data: data[:100] + data[MIB + 1 :],
        lambda data: data + MORE[:70_000],
        lambda data: MORE[:1] + data,
        lambda data: data[:MIB] + MORE[:100] + data[MIB + 100 : -5],
        lambda data: data[:MIB] + MORE[:9000] + data[MIB + 3000 : -3000] + MORE[:7],
    ],
)
def test_it_finds_what_reading_finds(
    tmp_path: Path, started: Started, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]
) -> None:
    """The recipe is the same to the byte, of a file and of one that a recipe gives."""
    places = [tmp_path / "mapped", tmp_path / "read"]
    found = []
    for place in places:
        place.mkdir()
        if place.name == "read":
            monkeypatch.setattr(mapped, "cores", lambda: 1)
        versions = [BASE, change(BASE), change(change(BASE))]
        digests = [put(place, data) for data in versions]
        assert digests == [digest_bytes(data) for data in versions]
        assert [open_store(place).read_bytes(digest) for digest in digests] == versions
        found.append([recipe(place, digest) for digest in digests[1:]])

    assert found[0] == found[1]
    assert len(started.processes) == 2
    assert all(process.poll() is not None for process in started.processes)


def test_a_process_that_is_killed_is_done_without(tmp_path: Path, started: Started) -> None:
    """What it had compared is read; progress is taken back."""
    put(tmp_path, BASE)
    told: list[int] = []

    def kill(count: int) -> None:
        if not told:
            os.kill(started.processes[-1].pid, signal.SIGKILL)
            started.processes[-1].wait()
        told.append(count)

    digest = put(tmp_path, INSERTED, kill)

    assert digest == digest_bytes(INSERTED)
    assert recipe(tmp_path, digest)
    assert sum(told) == len(INSERTED)
    assert min(told) < 0
    assert verify_store(open_store(tmp_path)) == []
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_a_file_that_is_cut_under_its_mapping_ends_the_other_process_alone(
    tmp_path: Path, started: Started
) -> None:
    """It dies by SIGBUS; what is left of the file is stored."""
    put(tmp_path, BASE)
    started.function = ("tests.vcs.stores.mapped_work", "serve_and_cut")

    digest = put(tmp_path, INSERTED)

    assert [process.returncode for process in started.processes] == [-signal.SIGBUS]
    assert digest == digest_bytes(b"")
    assert verify_store(open_store(tmp_path)) == []


@pytest.mark.parametrize("what", ["base", "file"])
def test_a_file_that_is_cut_before_it_is_mapped_is_noticed(
    tmp_path: Path, started: Started, what: str
) -> None:
    """Zeros behind the end of the last page are not taken for bytes of it."""
    zeros = BASE[: 3 * MIB] + bytes(2000)
    base = put(tmp_path, zeros, name="before")
    objects = tmp_path / "store" / "objects" / base[:2] / base[2:]
    path = objects if what == "base" else tmp_path / "weights"
    cut: list[int] = []

    def cut_it(count: int) -> None:
        if not cut:
            path.chmod(0o644)
            os.truncate(path, 3 * MIB + 10)
        cut.append(count)

    digest = put(tmp_path, zeros + MORE if what == "base" else zeros + b"+" * 4000, cut_it)

    expected = zeros + MORE if what == "base" else zeros[: 3 * MIB + 10]
    assert digest == digest_bytes(expected)
    assert open_store(tmp_path).read_bytes(digest) == expected


def test_a_digest_is_of_what_is_stored_whatever_happens_to_the_file(tmp_path: Path, started: Started) -> None:
    """Bytes that change behind the comparison, in a file that keeps its time, are not in the digest."""
    put(tmp_path, BASE)
    path = tmp_path / "weights"
    changed: list[int] = []

    def change(count: int) -> None:
        if not changed:
            status = path.stat()
            with path.open("r+b") as stream:
                stream.write(b"other")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        changed.append(count)

    digest = put(tmp_path, INSERTED, change)

    assert digest == digest_bytes(INSERTED)
    assert open_store(tmp_path).read_bytes(digest) == INSERTED


def test_without_a_python_to_start_files_are_read(
    tmp_path: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its absence costs nothing but time."""
    monkeypatch.setattr(mapped, "start_python", start_python)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    put(tmp_path, BASE)

    assert recipe(tmp_path, put(tmp_path, INSERTED))
    assert started.processes == []


def test_what_ends_an_add_ends_the_other_process(tmp_path: Path, started: Started) -> None:
    """Ctrl-C comes out of the call, and nothing is left over."""

    def interrupt(_count: int) -> Any:
        raise KeyboardInterrupt

    put(tmp_path, BASE)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, INSERTED, interrupt)

    assert [process.returncode for process in started.processes] == [-signal.SIGKILL]
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
