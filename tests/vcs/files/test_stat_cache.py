"""The stat cache: right before fast."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from vcs.digest import digest_bytes
from vcs.files.stat_cache import StatCache, is_racy_time

DIGEST = digest_bytes(b"content")
OTHER = digest_bytes(b"other")
LATER_NS = 10**18 * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of fixed content."""
    path = tmp_path / "data" / "file.bin"
    path.parent.mkdir()
    path.write_bytes(b"content")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    """An empty cache."""
    return StatCache(tmp_path / "machinery" / "stat-cache")


def reopened(cache: StatCache) -> StatCache:
    """The cache as another process sees it."""
    cache.save()
    return StatCache(cache.path)


def test_an_unchanged_file_is_known(cache: StatCache, file: Path) -> None:
    """At once, and after it was saved."""
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    assert cache.get(file, file.stat()) == DIGEST
    assert reopened(cache).get(file, file.stat()) == DIGEST


def test_an_unknown_file_is_not_known(cache: StatCache, file: Path) -> None:
    """Nothing is guessed."""
    assert cache.get(file, file.stat()) is None


def test_a_file_that_changed_is_not_known(cache: StatCache, file: Path) -> None:
    """Even if it has its size and its mtime back."""
    before = file.stat()
    cache.put(file, before, DIGEST, at_ns=LATER_NS)
    time.sleep(0.02)
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert cache.get(file, file.stat()) is None


def test_another_file_of_the_same_name_and_times_is_not_known(cache: StatCache, file: Path) -> None:
    """A copy with `cp -p` renamed over it is another inode."""
    before = file.stat()
    cache.put(file, before, DIGEST, at_ns=LATER_NS)
    copy = file.with_name("copy")
    copy.write_bytes(b"CONTENT")
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    copy.rename(file)

    assert cache.get(file, file.stat()) is None


def test_a_file_as_young_as_the_clocks_tick_is_not_taken_in(cache: StatCache, file: Path) -> None:
    """A change in the same tick would not show; what was known of it before is forgotten."""
    stat = file.stat()
    cache.put(file, stat, DIGEST, at_ns=LATER_NS)
    cache.put(file, stat, OTHER, at_ns=stat.st_ctime_ns + 1)
    assert reopened(cache).get(file, stat) is None


def test_a_file_from_the_future_is_not_taken_in(cache: StatCache, file: Path) -> None:
    """The clock was set back, or a server's clock is ahead."""
    stat = file.stat()
    cache.put(file, stat, DIGEST, at_ns=stat.st_ctime_ns - 10**12)
    assert cache.get(file, stat) is None


def test_whole_seconds_mean_a_coarse_clock() -> None:
    """There, two seconds are as young as a few milliseconds elsewhere."""
    second = 10**9
    assert is_racy_time(1000 * second, 1000 * second, 1002 * second)
    assert not is_racy_time(1000 * second, 1000 * second, 1003 * second)
    assert not is_racy_time(1000 * second + 1, 1000 * second, 1002 * second)
    assert is_racy_time(1000 * second + 1, 1000 * second, 1000 * second + 10**7)


def test_a_folder_can_be_replaced_as_a_whole(cache: StatCache, file: Path) -> None:
    """What a walk found is all there is."""
    folder = str(file.parent)
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    cache.set_folder(folder, {"a": (1, 2, 3, 4, b"#" * 32)})

    assert reopened(cache).folder(folder) == {"a": (1, 2, 3, 4, b"#" * 32)}
    assert cache.get(file, file.stat()) is None


def test_single_files_join_what_is_known_of_the_folder(cache: StatCache, file: Path) -> None:
    """In this session and in the saved file."""
    cache.set_folder(str(file.parent), {"a": (1, 2, 3, 4, b"#" * 32)})
    cache = reopened(cache)
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)

    assert set(cache.folder(str(file.parent))) == {"a", "file.bin"}
    assert set(reopened(cache).folder(str(file.parent))) == {"a", "file.bin"}


def test_names_that_are_no_text_can_be_kept(cache: StatCache, tmp_path: Path) -> None:
    """A folder may have any bytes in its name."""
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    cache.set_folder(folder, {"ü": (1, 2, 3, 4, b"#" * 32)})
    assert reopened(cache).folder(folder) == {"ü": (1, 2, 3, 4, b"#" * 32)}


def test_a_file_whose_name_is_no_text_is_not_remembered(cache: StatCache, file: Path) -> None:
    """No artifact can hold it."""
    odd = file.rename(file.with_name("odd\udcff"))
    cache.put(odd, odd.stat(), DIGEST, at_ns=LATER_NS)
    assert reopened(cache).get(odd, odd.stat()) is None


def test_a_cache_cut_or_damaged_anywhere_is_only_forgotten(cache: StatCache, file: Path) -> None:
    """Whatever happens to its bytes, it answers with the truth or with nothing."""
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    cache.save()
    whole = cache.path.read_bytes()
    for position in range(0, len(whole), 101):
        for data in (whole[:position], whole[:position] + b"\xa5" + whole[position + 1 :]):
            cache.path.write_bytes(data)
            damaged = StatCache(cache.path)
            assert damaged.get(file, file.stat()) in (DIGEST, None)
            damaged.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
            damaged.save()
    StatCache(cache.path).save()
    fresh = StatCache(cache.path)
    fresh.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    fresh.save()
    again = StatCache(cache.path)
    again.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    assert reopened(again).get(file, file.stat()) == DIGEST


def test_a_digest_changed_in_the_file_does_not_come_out(cache: StatCache, file: Path) -> None:
    """sqlite would not notice; our checksum does."""
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    cache.save()
    database = sqlite3.connect(cache.path)
    (known,) = database.execute("SELECT known FROM file").fetchone()
    swapped = known.replace(bytes.fromhex(DIGEST), bytes.fromhex(OTHER))
    assert swapped != known
    database.execute("UPDATE file SET known=?", (swapped,))
    database.commit()
    database.close()

    assert StatCache(cache.path).get(file, file.stat()) is None


def test_a_newer_format_is_dropped(cache: StatCache, file: Path) -> None:
    """It is a cache: the next save begins anew."""
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    cache.save()
    database = sqlite3.connect(cache.path)
    database.execute("PRAGMA user_version=99")
    database.execute("ALTER TABLE file RENAME COLUMN known TO other")
    database.commit()
    database.close()

    cache = StatCache(cache.path)
    assert cache.get(file, file.stat()) is None
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    assert reopened(cache).get(file, file.stat()) == DIGEST


def test_a_place_that_cannot_be_written_is_silent(tmp_path: Path, file: Path) -> None:
    """Work goes on without a cache."""
    (tmp_path / "file").write_bytes(b"")
    cache = StatCache(tmp_path / "file" / "stat-cache")
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    cache.save()
    assert cache.get(file, file.stat()) is None


def test_processes_save_side_by_side(cache: StatCache, tmp_path: Path) -> None:
    """Different folders do not get in each other's way."""
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            mine = StatCache(cache.path)
            mine.set_folder(f"/folder {number}", {"a": (number, 2, 3, 4, b"#" * 32)})
            mine.save()
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert [StatCache(cache.path).folder(f"/folder {n}")["a"][0] for n in range(4)] == [0, 1, 2, 3]


def test_a_forked_child_reads_through_a_connection_of_its_own(cache: StatCache, file: Path) -> None:
    """sqlite does not survive a fork."""
    cache.put(file, file.stat(), DIGEST, at_ns=LATER_NS)
    cache = reopened(cache)
    assert cache.get(file, file.stat()) == DIGEST
    child = os.fork()
    if child == 0:
        os._exit(0 if set(cache.folder(str(file.parent))) == {"file.bin"} else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert set(cache.folder(str(file.parent))) == {"file.bin"}


def test_threads_may_share_it(cache: StatCache, file: Path) -> None:
    """Reads, writes and saves at once."""
    failures: list[Exception] = []
    stat = file.stat()

    def work(number: int) -> None:
        try:
            for turn in range(50):
                cache.put(file.with_name(f"{number}-{turn}"), stat, DIGEST, at_ns=LATER_NS)
                assert cache.get(file.with_name(f"{number}-{turn}"), stat) == DIGEST
                if turn % 10 == 0:
                    cache.save()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(reopened(cache).folder(str(file.parent))) == 200
