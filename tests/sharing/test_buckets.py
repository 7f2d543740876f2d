"""What every bucket keeps, whatever is behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.servers.ssh import SshServer
from tests.sharing.conftest import MakeBucket
from vcs.buckets.around import Counted, Limited, Retrying
from vcs.buckets.base import Bucket, DeniedError, UnreachableError
from vcs.buckets.folder import FolderBucket
from vcs.buckets.objectstore import ObjectStoreBucket
from vcs.buckets.sftp import SftpBucket
from vcs.errors import NotFoundError, StoreError, UsageError


@pytest.fixture
def bucket(make_bucket: MakeBucket) -> Bucket:
    """An empty bucket of each kind."""
    return make_bucket()


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_001])
def test_what_was_put_comes_back(bucket: Bucket, size: int) -> None:
    """Bytes of any size, in folders that did not exist."""
    data = os.urandom(size)
    bucket.put("state/deep/a-b_c.9", data)

    assert bucket.get("state/deep/a-b_c.9") == data


def test_ranges_come_alone(bucket: Bucket) -> None:
    """From anywhere to anywhere; what lies beyond the end is simply not there."""
    bucket.put("packs/one", bytes(range(200)))

    assert bucket.get("packs/one", 10, 5) == bytes(range(10, 15))
    assert bucket.get("packs/one", 190) == bytes(range(190, 200))
    assert bucket.get("packs/one", 190, 50) == bytes(range(190, 200))
    assert bucket.get("packs/one", 200, 50) == b""
    assert bucket.get("packs/one", 50, 0) == b""


def test_files_are_sent_and_memory_is_filled(bucket: Bucket, tmp_path: Path) -> None:
    """From stretches of several files; what lies beyond the end stays as it was."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(bytes(range(200)))
    two.write_bytes(os.urandom(300_000))
    with one.open("rb") as first, two.open("rb") as second:
        bucket.put_from("parts/x", [(first.fileno(), 10, 90), (second.fileno(), 7, 299_993)])
    wanted = bytes(range(10, 100)) + two.read_bytes()[7:]

    memory = bytearray(b"-" * 250_000)
    assert bucket.read_into("parts/x", 50, memoryview(memory)) == 250_000
    assert memory == wanted[50:250_050]
    memory = bytearray(b"-" * 250_000)
    count = bucket.read_into("parts/x", 200_000, memoryview(memory))
    assert bytes(memory[:count]) == wanted[200_000:]
    assert bytes(memory[count:]) == b"-" * (250_000 - count)
    assert bucket.read_into("parts/x", 400_000, memoryview(memory)) == 0


def test_the_system_copies_into_a_file_what_it_can(bucket: Bucket, tmp_path: Path) -> None:
    """Where it cannot it leaves the file as it was; beyond the end there is nothing to copy."""
    value = os.urandom(300_000)
    bucket.put("parts/x", value)
    with (tmp_path / "target").open("w+b") as target:
        target.write(b"-" * 400_000)
        target.flush()
        count = bucket.copy_into("parts/x", 1000, 350_000, target.fileno(), 70)
        assert bucket.copy_into("parts/none", 0, 10, target.fileno(), 0) == 0
        target.seek(0)
        written = target.read()
    assert count == (299_000 if bucket.is_near else 0)
    assert written[70 : 70 + count] == value[1000 : 1000 + count]
    assert written[:70] + written[70 + count :] == b"-" * (400_000 - count)


def test_a_second_put_replaces(bucket: Bucket) -> None:
    """Also with something shorter; a listing tells the new size at once."""
    bucket.put("state/a", b"long enough")
    bucket.put("state/a", b"new")

    assert bucket.get("state/a") == b"new"
    assert [(item.key, item.size) for item in bucket.list("state/")] == [("state/a", 3)]


def test_a_listing_is_of_one_folder_and_below(bucket: Bucket) -> None:
    """Nothing beside it, also with a name that begins alike; a folder that is not there has nothing."""
    for key in ("state/a", "state/b/c", "states", "packs/aa/x"):
        bucket.put(key, b"x")

    assert sorted(item.key for item in bucket.list("state/")) == ["state/a", "state/b/c"]
    assert [*bucket.list("nothing/")] == []


def test_a_listing_tells_an_order_of_time(bucket: Bucket) -> None:
    """By the clock of the bucket, not ours."""
    bucket.put("state/a", b"")
    bucket.put("state/b", b"")
    times = {item.key: item.modified_s for item in bucket.list("state/")}

    assert 1.6e9 < times["state/a"] <= times["state/b"] + 1


def test_an_absent_key_is_named(bucket: Bucket) -> None:
    """In an empty bucket and in one with other keys."""
    with pytest.raises(NotFoundError, match="state/none"):
        bucket.get("state/none")
    bucket.put("state/some", b"x")
    with pytest.raises(NotFoundError, match="state/none"):
        bucket.get("state/none", 0, 10)


def test_delete_skips_what_is_not_there(bucket: Bucket) -> None:
    """Of several keys, those that are there go."""
    bucket.put("state/a", b"1")
    bucket.put("state/b", b"2")
    bucket.delete(["state/a", "state/none", "state/b"])

    assert [*bucket.list("state/")] == []
    bucket.delete(["state/a"])


def test_many_threads_use_one_bucket(bucket: Bucket) -> None:
    """Each gets what it put."""
    failed: list[object] = []

    def work(number: int) -> None:
        data = bytes([number]) * 200_000
        bucket.put(f"parts/{number}", data)
        if bucket.get(f"parts/{number}") != data:
            failed.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len([*bucket.list("parts/")]) == 8


class Flaky(FolderBucket):
    """Fails as often as it is told to."""

    failures = 0

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if self.failures:
            self.failures -= 1
            raise UnreachableError("the server did not answer")
        return super().get(key, start, length)


def test_what_fails_is_tried_again_and_later_each_time(tmp_path: Path) -> None:
    """A server that is down for a moment is waited for."""
    inner = Flaky(tmp_path)
    inner.put("a", b"x")
    inner.failures = 3
    waits: list[float] = []

    assert Retrying(inner, sleep=waits.append).get("a") == b"x"
    assert len(waits) == 3
    assert 0 < waits[0] <= 0.2
    assert waits[2] > 0.35


def test_what_goes_on_failing_is_reported(tmp_path: Path) -> None:
    """After all tries the last failure is raised; what another try cannot mend is raised at once."""
    inner = Flaky(tmp_path)
    inner.failures = 100
    waits: list[float] = []
    with pytest.raises(UnreachableError):
        Retrying(inner, tries=4, sleep=waits.append).get("a")
    assert len(waits) == 3

    inner.failures = 0
    with pytest.raises(NotFoundError):
        Retrying(inner, sleep=waits.append).get("a")
    assert len(waits) == 3


def test_a_limit_spreads_bytes_over_time(tmp_path: Path) -> None:
    """A second of waiting for each thousand bytes at a thousand bytes a second."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    bucket = Limited(FolderBucket(tmp_path), 1000.0, clock=lambda: now[0], sleep=sleep)
    for number in range(5):
        bucket.put(f"parts/{number}", bytes(500))
    bucket.get("parts/0", 0, 500)

    assert now[0] == pytest.approx(2.5)


def test_requests_and_bytes_are_counted(tmp_path: Path) -> None:
    """By kind."""
    bucket = Counted(FolderBucket(tmp_path))
    bucket.put("a", b"123")
    bucket.get("a", 1)
    [*bucket.list("x/")]

    assert dict(bucket.requests) == {"put": 1, "get": 1, "list": 1}
    assert (bucket.sent_bytes, bucket.received_bytes, bucket.total) == (3, 2, 3)


def test_a_host_that_nobody_knows_is_reported_in_a_sentence(sshd: SshServer) -> None:
    """With ssh's own words; worth another try, because networks come back."""
    bucket = SftpBucket("ssh://127.0.0.1:1/tmp/x", sshd.command)
    with pytest.raises(UnreachableError, match="refused"):
        bucket.get("a")


def test_a_key_that_does_not_fit_is_denied_without_a_question(sshd: SshServer, tmp_path: Path) -> None:
    """No prompt, no other try; the hint is a command that shows it."""
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config = (sshd.folder / "client").read_text().replace(str(sshd.folder / "user_key"), str(key))
    (tmp_path / "config").write_text(config)
    bucket = SftpBucket(f"ssh://testhost{tmp_path}/r", ["ssh", "-F", str(tmp_path / "config")])

    with pytest.raises(DeniedError, match="Permission denied") as caught:
        bucket.put("a", b"x")
    assert caught.value.hint is not None
    assert "ssh testhost" in caught.value.hint


def test_a_shell_that_talks_is_found_out(tmp_path: Path) -> None:
    """A program that is no ssh at all: what it prints is not taken for an answer."""
    bucket = SftpBucket(f"ssh://host{tmp_path}", ["sh", "-c", "echo Welcome to this machine"])
    with pytest.raises(StoreError):
        bucket.get("a")


@pytest.mark.parametrize("url", ["ssh://-oProxyCommand=x/y", "ssh://host", "ssh:///path"])
def test_addresses_that_ssh_would_misread_are_refused(url: str) -> None:
    """A host that begins with a dash would be an option."""
    with pytest.raises(UsageError):
        SftpBucket(url)


def test_a_put_over_ssh_that_fails_leaves_nothing_visible(sshd: SshServer, tmp_path: Path) -> None:
    """The folder's place is taken by a file: a sentence, and no half value."""
    (tmp_path / "remote").write_text("in the way")
    bucket = SftpBucket(f"ssh://testhost{tmp_path}/remote", sshd.command)
    with pytest.raises((StoreError, NotFoundError)):
        bucket.put("state/a", b"x")
    bucket.close()

    assert [path.name for path in tmp_path.iterdir()] == ["remote"]


def test_a_bucket_in_a_child_is_refused_before_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """obstore would wait for threads that the child does not have."""
    bucket = ObjectStoreBucket(
        "s3://any/x", {"endpoint": "http://127.0.0.1:1"}, {"access_key_id": "a", "secret_access_key": "b"}
    )
    monkeypatch.setattr("vcs.buckets.objectstore._used_in", os.getpid() - 1)
    with pytest.raises(StoreError, match="forked"):
        bucket.get("a")


def test_a_server_that_is_not_there_is_unreachable() -> None:
    """Not denied, and not an endless wait."""
    bucket = ObjectStoreBucket(
        "s3://any/x", {"endpoint": "http://127.0.0.1:1"}, {"access_key_id": "a", "secret_access_key": "b"}
    )
    with pytest.raises(UnreachableError):
        bucket.get("state/a")


FULL = """
import struct, sys
from pathlib import Path
INIT, OPEN, CLOSE, WRITE, REMOVE, STATUS, HANDLE = 1, 3, 4, 6, 13, 101, 102
def text(said): return struct.pack(">I", len(said)) + said
while head := sys.stdin.buffer.read(4):
    packet = sys.stdin.buffer.read(int.from_bytes(head, "big"))
    kind, number = packet[0], packet[1:5]
    status = {WRITE: (4, b"No space left on device")}.get(kind, (0, b""))
    if kind == REMOVE:
        Path(sys.argv[1]).write_text("removed")
    answer = bytes([STATUS]) + number + struct.pack(">I", status[0]) + text(status[1]) + text(b"")
    if kind == INIT:
        answer = bytes([2]) + struct.pack(">I", 3)
    if kind == OPEN:
        answer = bytes([HANDLE]) + number + text(b"h")
    sys.stdout.buffer.write(struct.pack(">I", len(answer)) + answer)
    sys.stdout.buffer.flush()
"""


def test_a_full_disk_of_another_machine_is_said_and_nothing_stays_there(tmp_path: Path) -> None:
    """However many blocks were on their way when the first one was refused."""
    (tmp_path / "full.py").write_text(FULL)
    removed = tmp_path / "removed"
    bucket = SftpBucket("ssh://host/folder", [sys.executable, str(tmp_path / "full.py"), str(removed)])

    with pytest.raises(StoreError, match="No space left") as caught:
        bucket.put("parts/x", bytes(10_000_000))
    assert caught.value.hint == "is its disk full?"
    assert removed.exists()
