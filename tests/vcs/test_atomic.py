"""Small files that are replaced whole, created once, and grown by lines."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from vcs.atomic import append_line, copy_atomic, create_exclusive, make_folder, replacing, write_atomic
from vcs.errors import StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file below folders that do not exist."""
    return tmp_path / "a" / "b" / "file.yaml"


def test_a_file_is_written_with_its_folders(path: Path) -> None:
    """Text is UTF-8; a second write replaces it."""
    write_atomic(path, "grün")
    assert path.read_bytes() == "grün".encode()
    write_atomic(path, b"\0bytes", durable=False)
    assert path.read_bytes() == b"\0bytes"
    assert os.listdir(path.parent) == ["file.yaml"]


def test_the_mode_is_as_asked_for(path: Path) -> None:
    """Credentials can be kept from others."""
    write_atomic(path, "secret", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_kill_at_any_step_leaves_the_old_or_the_new_file(path: Path) -> None:
    """Never a mixture, never nothing."""
    seen = set()

    def check(finished: bool) -> None:
        seen.add(path.read_text())
        assert not finished or path.read_text() == "new"
        leftovers = [name for name in os.listdir(path.parent) if name != path.name]
        assert all(name.startswith(".") and name.endswith(".tmp") for name in leftovers)
        write_atomic(path, "old")

    write_atomic(path, "old")
    assert kill_at_every_step(lambda: write_atomic(path, "new"), check) >= 4
    assert seen == {"old", "new"}


def test_a_failing_disk_leaves_the_old_file_and_no_other(path: Path) -> None:
    """Whichever step fails; only the last fsync comes after the replacement."""
    write_atomic(path, "old")

    def work() -> None:
        write_atomic(path, "new")

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, StoreError)
        assert path.read_text() == ("old" if raised is not None and failed != "fsync" else path.read_text())
        assert path.read_text() in ("old", "new")
        assert os.listdir(path.parent) == [path.name]
        path.write_text("old")

    assert fail_at_every_step(work, check) >= 4


def test_only_the_first_creates(path: Path) -> None:
    """The second is told, and nothing is changed."""
    assert create_exclusive(path, "first") is True
    assert create_exclusive(path, "second") is False
    assert path.read_text() == "first"
    assert os.listdir(path.parent) == [path.name]


def test_a_dangling_link_takes_the_name_too(tmp_path: Path) -> None:
    """Nothing is written through it."""
    (tmp_path / "name").symlink_to(tmp_path / "elsewhere")
    assert create_exclusive(tmp_path / "name", "x") is False
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_of_many_creators_one_wins(path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """Also on a file system without hard links."""
    if not links:

        def no_link(*arguments: object, **options: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", no_link)
    won: list[str] = []
    start = threading.Barrier(8)

    def create(text: str) -> None:
        start.wait()
        if create_exclusive(path, text):
            won.append(text)

    threads = [threading.Thread(target=create, args=(f"writer {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [path.read_text()] == won
    assert os.listdir(path.parent) == [path.name]


def test_a_kill_at_any_step_creates_whole_or_not_at_all(path: Path) -> None:
    """The name never shows a part."""

    def check(finished: bool) -> None:
        assert path.exists() or not finished
        if path.exists():
            assert path.read_text() == "content"
            path.unlink()

    path.parent.mkdir(parents=True)
    assert kill_at_every_step(lambda: create_exclusive(path, "content"), check) >= 4


def test_lines_are_appended(path: Path) -> None:
    """The file appears with the first."""
    append_line(path, "one")
    append_line(path, "zwö", durable=False)
    assert path.read_text() == "one\nzwö\n"


def test_a_torn_last_line_is_ended_first(path: Path) -> None:
    """The next line stands on its own."""
    make_folder(path.parent)
    path.write_text("whole\ntor")
    append_line(path, "next")
    assert path.read_text() == "whole\ntor\nnext\n"


def test_a_newline_in_a_line_is_a_mistake(path: Path) -> None:
    """It would be two lines."""
    with pytest.raises(ValueError, match="newline"):
        append_line(path, "a\nb")
    assert not path.exists()


def test_a_line_that_does_not_fit_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full after half a line leaves the lines before."""
    append_line(path, "one")
    real = os.write
    calls = []

    def half(fd: int, data: memoryview) -> int:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StoreError, match="the disk is full"):
        append_line(path, "two two two")
    monkeypatch.undo()
    append_line(path, "three")

    assert path.read_text() == "one\nthree\n"


def test_lines_of_many_processes_do_not_mix(path: Path) -> None:
    """Each is whole, and none is lost."""
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            for turn in range(50):
                append_line(path, f"{number} {turn} " + "x" * 500, durable=False)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)

    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(f"{n} {t} " + "x" * 500 for n in range(4) for t in range(50))


def test_a_file_in_the_way_of_a_folder_is_one_sentence(tmp_path: Path) -> None:
    """The error names the path."""
    (tmp_path / "file").write_text("")
    for work in (write_atomic, create_exclusive):
        with pytest.raises(StoreError, match="file"):
            work(tmp_path / "file" / "inner", "x")


@pytest.mark.parametrize("name", ["权" * 84, "é" * 127, "x" * 255])
def test_a_long_name_of_any_script_can_be_written(tmp_path: Path, name: str) -> None:
    """File systems count bytes, and the temporary name must fit, too."""
    write_atomic(tmp_path / name, "data")
    assert (tmp_path / name).read_text() == "data"


def test_a_stream_becomes_the_file_at_its_end_and_not_before(tmp_path: Path) -> None:
    """If the writer fails, the old bytes stay and nothing is left beside them."""
    path = tmp_path / "new" / "rows.csv"
    with replacing(path) as stream:
        stream.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    for error, seen in ((KeyboardInterrupt(), KeyboardInterrupt), (OSError(errno.ENOSPC, ""), StoreError)):
        with pytest.raises(seen):
            write_and_fail(path, error)
        assert path.read_bytes() == b"one"
    assert [each.name for each in path.parent.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_copy_of_stretches_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_kernel: bool
) -> None:
    """Also where the system cannot copy between two file systems, and where a source is shorter than said."""
    source, path = tmp_path / "source", tmp_path / "new" / "copy"
    data = os.urandom(3_000_000)
    source.write_bytes(data)
    if not in_kernel:

        def cannot(*_: int) -> int:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

        monkeypatch.setattr(os, "copy_file_range", cannot)
    with source.open("rb") as stream:
        copy_atomic(path, [(stream.fileno(), 2_000_000, 1_000_000), (stream.fileno(), 5, 1_500_000)])
        with pytest.raises(StoreError, match="cut"):
            copy_atomic(path, [(stream.fileno(), 0, 3_000_001)])

    assert path.read_bytes() == data[2_000_000:] + data[5:1_500_005]
    assert [each.name for each in path.parent.iterdir()] == ["copy"]


def test_a_full_disk_ends_a_copy_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves what was there."""
    source, path = tmp_path / "source", tmp_path / "new" / "copy"
    source.write_bytes(bytes(1000))
    write_atomic(path, b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    monkeypatch.setattr(os, "write", full)
    with source.open("rb") as stream, pytest.raises(StoreError, match="the disk is full"):
        copy_atomic(path, [(stream.fileno(), 0, 1000)])
    monkeypatch.undo()

    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == ["copy"]


def write_and_fail(path: Path, error: BaseException) -> None:
    """Fail in the middle."""
    with replacing(path) as stream:
        stream.write(b"two")
        raise error
