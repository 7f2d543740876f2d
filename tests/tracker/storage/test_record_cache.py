"""The cache of parsed records: never older than the files, never needed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tracker.storage import record_cache, records
from tracker.storage.record_cache import RecordCache
from tracker.storage.records import RunRecord, Session, Used
from vcs.errors import FormatError
from vcs.layout import RunLayout


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep and write from the first record on."""
    monkeypatch.setattr(record_cache, "WORTH_WRITING", 1)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder of all runs."""
    return tmp_path / "runs"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the cache lies."""
    return tmp_path / "machinery" / "run-cache"


def add(runs: Path, run_id: str, *, age_s: float = 60, **fields: Any) -> RunLayout:
    """Make a run whose record was written a while ago."""
    run = RunLayout(runs / "p" / run_id)
    records.save(run, RunRecord(id=run_id, project="p", created="x", **fields))
    then = time.time() - age_s
    os.utime(run.record, (then, then))
    return run


def count_parses(monkeypatch: pytest.MonkeyPatch) -> list[RunLayout]:
    """Record which runs are parsed from now on."""
    parsed: list[RunLayout] = []
    load = records.load

    def counted(run: RunLayout) -> RunRecord:
        parsed.append(run)
        return load(run)

    monkeypatch.setattr(record_cache.records, "load", counted)
    return parsed


def test_an_unchanged_record_is_not_parsed_again(
    runs: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By this process or another, and it is the same record with all its unknown fields."""
    session = Session(number=0, started="x", extra={"sky": "grey", 7: None})
    run = add(
        runs, "r", sessions=[session], used=[Used(artifact="a", version="v0", digest="d", as_="a:best")]
    )
    expected = records.load(run)
    first = RecordCache(path)
    first.load(run)
    first.save(runs)
    parsed = count_parses(monkeypatch)

    assert RecordCache(path).load(run) == expected
    assert parsed == []


def test_a_changed_record_is_seen(runs: Path, path: Path) -> None:
    """Also when size and time are as before: the file is another one."""
    run = add(runs, "r", notes="old")
    cache = RecordCache(path)
    cache.load(run)
    cache.save(runs)
    times = run.record.stat()
    records.update(run, lambda record: setattr(record, "notes", "new"))
    os.utime(run.record, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert run.record.stat().st_size == times.st_size
    assert cache.load(run).notes == "new"
    assert RecordCache(path).load(run).notes == "new"


def test_a_record_that_became_damaged_is_reported(runs: Path, path: Path) -> None:
    """The cache does not hide it."""
    run = add(runs, "r")
    cache = RecordCache(path)
    cache.load(run)
    run.record.write_text("{[")

    with pytest.raises(FormatError):
        cache.load(run)


def test_a_record_of_this_moment_is_not_kept(runs: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next change could bear the same time."""
    run = add(runs, "r", age_s=0)
    cache = RecordCache(path)
    cache.load(run)
    cache.save(runs)
    parsed = count_parses(monkeypatch)
    cache.load(run)

    assert len(parsed) == 1
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x92\x63\x80", b"\x92\x01\x81\xa1a\xc0"])
def test_a_damaged_cache_is_dropped(runs: Path, path: Path, content: bytes) -> None:
    """Silently: nothing is lost with it."""
    run = add(runs, "r")
    path.parent.mkdir()
    path.write_bytes(content)
    cache = RecordCache(path)

    assert cache.load(run).id == "r"
    cache.save(runs)
    assert b"created" in path.read_bytes()


def test_runs_that_are_gone_leave_the_cache(runs: Path, path: Path) -> None:
    """It does not grow for ever."""
    one, two = add(runs, "one"), add(runs, "two")
    cache = RecordCache(path)
    cache.load(one)
    cache.load(two)
    one.record.unlink()
    one.folder.rmdir()
    cache.save(runs)

    assert b"p/two" in path.read_bytes()
    assert b"p/one" not in path.read_bytes()


def test_a_cache_that_cannot_be_written_is_no_error(runs: Path, path: Path) -> None:
    """The next listing parses again."""
    run = add(runs, "r", extra={"big": 10**40})
    cache = RecordCache(path)
    cache.load(run)
    cache.save(runs)
    assert not path.exists()

    path.parent.write_text("a file where a folder should be")
    cache = RecordCache(path)
    cache.load(add(runs, "s"))
    cache.save(runs)
