"""The index of runs: never older than the files, never needed."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from blake3 import blake3

from tracker.storage import records, run_index
from tracker.storage.records import RunRecord, Session, Used
from tracker.storage.run_index import IndexedRun, RunIndex
from vcs.errors import Error, FormatError, StoreError
from vcs.layout import RunLayout


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep and write from the first run on."""
    monkeypatch.setattr(run_index, "WORTH_WRITING", 1)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder of all runs."""
    return tmp_path / "runs"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the index lies."""
    return tmp_path / "machinery" / "run-cache"


def make_old(path: Path, age_s: float = 60) -> None:
    """Let a file have been written a while ago."""
    then = time.time() - age_s
    os.utime(path, (then, then))


def add(runs: Path, run_id: str, *, age_s: float = 60, **fields: Any) -> RunLayout:
    """Make a run whose record was written a while ago."""
    run = RunLayout(runs / "p" / run_id)
    records.save(run, RunRecord(id=run_id, project="p", created="x", **fields))
    make_old(run.record, age_s)
    return run


def write(path: Path, text: str, age_s: float = 60) -> None:
    """Write a file a while ago."""
    path.write_text(text)
    make_old(path, age_s)


def listed(index: RunIndex, *ids: str, damaged: list[Error] | None = None) -> list[IndexedRun]:
    """List runs."""
    return list(index.runs([("p", run_id) for run_id in ids], [] if damaged is None else damaged))


def remembered(path: Path, runs: Path, *ids: str) -> RunIndex:
    """List runs, write the index, and return another one that reads it."""
    index = RunIndex(path, runs)
    listed(index, *ids)
    index.save()
    return RunIndex(path, runs)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed from now on."""
    found: list[str] = []
    real = {"load": records.load, "read_mapping": run_index.read_mapping}

    def load(run: RunLayout) -> RunRecord:
        found.append(run.folder.name)
        return real["load"](run)  # type: ignore[operator, no-any-return]

    def read_mapping(path: Path, what: str) -> Any:
        found.append(f"{path.parent.name}/{path.name}")
        return real["read_mapping"](path, what)  # type: ignore[operator]

    monkeypatch.setattr(records, "load", load)
    monkeypatch.setattr(run_index, "read_mapping", read_mapping)
    return found


def test_nothing_that_is_unchanged_is_parsed_again(runs: Path, path: Path, parsed: list[str]) -> None:
    """By this process or another; the record has all its unknown fields, the mappings their values."""
    session = Session(number=0, started="x", extra={"sky": "grey", 7: None})
    run = add(
        runs, "r", sessions=[session], used=[Used(artifact="a", version="v0", digest="d", as_="a:best")]
    )
    write(run.config, "lr: 0.1\nnested: {a: [1, null]}\n")
    write(run.summary, "loss: .nan\nn: 18446744073709551615\n")
    expected = records.load(run)
    index = remembered(path, runs, "r")
    parsed.clear()

    (found,) = listed(index, "r")
    assert found.record() == expected
    assert found.mapping("config") == {"lr": 0.1, "nested": {"a": [1, None]}}
    assert repr(found.mapping("summary")) == "{'loss': nan, 'n': 18446744073709551615}"
    assert found.layout == run
    assert parsed == []


def test_a_list_says_what_the_record_says(runs: Path, path: Path) -> None:
    """The head is taken from it, the duration from sessions that ended."""
    sessions = [
        Session(number=0, started="2026-11-23T07:30:00.000Z", ended="2026-11-23T07:30:10.500Z", user="ann"),
        Session(number=1, started="2026-11-23T08:30:00.000Z", ended="2026-11-23T08:30:01.000Z", branch="b"),
    ]
    add(runs, "r", name="calm", tags=["a", "b"], group="g", state="finished", sessions=sessions)
    for index in (RunIndex(path, runs), remembered(path, runs, "r")):
        (found,) = listed(index, "r")
        head = found.head
        assert (head.id, head.name, head.tags, head.group, head.state) == (
            "r",
            "calm",
            ("a", "b"),
            "g",
            "finished",
        )
        assert (head.user, head.branch, head.duration_s) == ("", "b", 11.5)


@pytest.mark.parametrize("ended", [None, "soon", "2026-11-23T07:30:00.000"])
def test_a_duration_that_is_not_known_is_not_given(runs: Path, path: Path, ended: str | None) -> None:
    """The session runs, or its times are no times."""
    add(runs, "r", sessions=[Session(number=0, started="2026-11-23T07:30:00.000Z", ended=ended)])

    assert listed(RunIndex(path, runs), "r")[0].head.duration_s is None


def test_a_changed_record_is_seen(runs: Path, path: Path) -> None:
    """Also when size and time are as before: the file is another one."""
    run = add(runs, "r", notes="old")
    index = remembered(path, runs, "r")
    times = run.record.stat()
    records.update(run, lambda record: setattr(record, "notes", "new"))
    os.utime(run.record, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert run.record.stat().st_size == times.st_size
    assert listed(index, "r")[0].head.notes == "new"
    assert listed(index, "r")[0].record().notes == "new"


@pytest.mark.parametrize("name", ["config", "summary"])
def test_a_changed_mapping_is_seen(runs: Path, path: Path, name: Any) -> None:
    """Written in place, replaced, removed, or there for the first time; even after the list was made."""
    run = add(runs, "r")
    file = run.folder / f"{name}.yaml"
    write(file, "a: 1\n")
    index = remembered(path, runs, "r")
    (found,) = listed(index, "r")

    with file.open("r+") as stream:
        stream.write("a: 2")
    assert found.mapping(name) == {"a": 2}
    write(run.folder / "new", "a: 3\n")
    (run.folder / "new").rename(file)
    assert found.mapping(name) == {"a": 3}
    file.unlink()
    assert found.mapping(name) is None

    index = remembered(path, runs, "r")
    (found,) = listed(index, "r")
    assert found.mapping(name) is None
    write(file, "a: 4\n")
    assert found.mapping(name) == {"a": 4}


def test_a_mapping_that_is_none_is_looked_at_again(runs: Path, path: Path) -> None:
    """An empty file, a list: whoever asks decides what that means."""
    run = add(runs, "r")
    write(run.config, "- 1\n")
    write(run.summary, "")
    (found,) = listed(remembered(path, runs, "r"), "r")

    assert found.mapping("config") is None
    assert found.mapping("summary") is None


def test_a_damaged_mapping_is_an_error_for_who_asks(runs: Path, path: Path) -> None:
    """Not for the list."""
    run = add(runs, "r")
    write(run.config, "{[")
    (found,) = listed(remembered(path, runs, "r"), "r")

    with pytest.raises(FormatError, match="config"):
        found.mapping("config")


def test_mappings_that_were_too_young_are_taken_in_later(runs: Path, path: Path, parsed: list[str]) -> None:
    """The next list does it."""
    run = add(runs, "r")
    write(run.summary, "a: 1\n", age_s=0)
    index = remembered(path, runs, "r")
    make_old(run.summary)
    listed(index, "r")
    index.save()
    parsed.clear()

    assert listed(RunIndex(path, runs), "r")[0].mapping("summary") == {"a": 1}
    assert parsed == []


def test_a_record_that_became_damaged_is_reported(runs: Path, path: Path) -> None:
    """The index does not hide it, and the others are listed."""
    run = add(runs, "r")
    add(runs, "s")
    index = remembered(path, runs, "r", "s")
    run.record.write_text("{[")
    damaged: list[Error] = []

    assert [found.head.id for found in listed(index, "r", "s", damaged=damaged)] == ["s"]
    assert len(damaged) == 1


def test_a_record_that_cannot_be_read_is_reported(runs: Path, path: Path) -> None:
    """It is not taken for one that is not there."""
    run = add(runs, "r")
    run.record.unlink()
    run.record.symlink_to(run.record)
    damaged: list[Error] = []

    assert listed(RunIndex(path, runs), "r", damaged=damaged) == []
    assert [type(error) for error in damaged] == [StoreError]


def test_a_record_of_this_moment_is_not_kept(runs: Path, path: Path, parsed: list[str]) -> None:
    """Its next change could bear the same time."""
    add(runs, "r", age_s=0)
    listed(remembered(path, runs, "r"), "r")

    assert parsed.count("r") == 2
    assert not path.exists()


def some_index(runs: Path, path: Path) -> bytes:
    """The bytes of an index of one run."""
    run = add(runs, "r", name="calm")
    write(run.config, "lr: 0.1\n")
    remembered(path, runs, "r")
    return path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x92\x63\x80", b"TRUN0003" + bytes(32) + b"\x80"])
def test_a_damaged_index_is_dropped(runs: Path, path: Path, content: bytes) -> None:
    """Silently: nothing is lost with it."""
    some_index(runs, path)
    path.write_bytes(content)
    index = RunIndex(path, runs)

    assert listed(index, "r")[0].head.id == "r"
    index.save()
    assert b"calm" in path.read_bytes()


def test_an_index_cut_or_changed_at_any_byte_says_nothing_wrong(runs: Path, path: Path) -> None:
    """It is dropped as a whole."""
    data = some_index(runs, path)
    for place in range(0, len(data), 3):
        for bad in (data[:place], data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]):
            path.write_bytes(bad)
            (found,) = listed(RunIndex(path, runs), "r")
            assert found.head.name == found.record().name == "calm"
            assert found.mapping("config") == {"lr": 0.1}


def test_an_index_of_another_make_is_dropped(runs: Path, path: Path) -> None:
    """Its checksum is right, its content something else."""
    add(runs, "r")
    body = msgspec.msgpack.encode({"p/r": [[1, 2, 3, 4], ["r"], {}]})
    path.parent.mkdir()
    footer = struct.pack("<Q32s8s", len(body), blake3(body).digest(), b"TRUNEND1")
    path.write_bytes(b"TRUN0003" + body + footer)

    assert listed(RunIndex(path, runs), "r")[0].head.id == "r"


def test_runs_that_are_gone_leave_the_index(runs: Path, path: Path) -> None:
    """It does not grow for ever."""
    one = add(runs, "one")
    add(runs, "two")
    index = RunIndex(path, runs)
    listed(index, "one", "two")
    one.record.unlink()
    one.folder.rmdir()
    index.save()

    assert b"p/two" in path.read_bytes()
    assert b"p/one" not in path.read_bytes()


def test_what_has_no_form_in_the_index_is_parsed_each_time(runs: Path, path: Path) -> None:
    """YAML has integers of any size; other runs are kept all the same."""
    big = add(runs, "big", extra={"big": 10**40})
    add(runs, "small")
    write(big.summary, f"x: {10**40}\n")
    index = remembered(path, runs, "big", "small")

    assert b"p/small" in path.read_bytes()
    (found, _) = listed(index, "big", "small")
    assert found.record().extra == {"big": 10**40}
    assert found.mapping("summary") == {"x": 10**40}


def test_an_index_that_cannot_be_written_is_no_error(runs: Path, path: Path) -> None:
    """The next listing parses again."""
    add(runs, "r")
    path.parent.write_text("a file where a folder should be")

    assert [found.head.id for found in listed(remembered(path, runs, "r"), "r")] == ["r"]


def test_what_is_no_run_is_left_out(runs: Path, path: Path) -> None:
    """A folder without a record, a name that is not there, one removed meanwhile."""
    add(runs, "r")
    (runs / "p" / "empty").mkdir()

    assert [found.head.id for found in listed(RunIndex(path, runs), "empty", "gone", "r")] == ["r"]
    with pytest.raises(StoreError):
        listed(RunIndex(path, runs / "nowhere"), "r")
