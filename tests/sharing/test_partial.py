"""Parts of what a remote has, read without fetching the rest; also in processes that fork."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.servers.ceph import S3Server
from tests.servers.proxy import run_proxy
from tests.sharing.clones import Clone, files_in, first_clone, make_hub, python
from tests.sharing.conftest import S3_BUCKET, local_store, s3_bucket
from vcs.buckets.apart import ApartBucket
from vcs.buckets.around import Counted
from vcs.buckets.base import UnreachableError
from vcs.buckets.folder import FolderBucket
from vcs.errors import IntegrityError, NotFoundError
from vcs.sharing.contents import RemoteContents
from vcs.sharing.reader import RemoteFile
from vcs.sharing.upload import Pace, send

LARGE = random.Random(9).randbytes(9_500_000)


@pytest.fixture
def shared(tmp_path: Path) -> tuple[RemoteContents, bytes, Counted]:
    """A remote with one large object in parts of 3 MiB."""
    bucket = Counted(FolderBucket(tmp_path / "remote"))
    remote = RemoteContents(bucket, tmp_path / "cache", "lab")
    store = local_store(tmp_path / "store")
    digest = store.put_bytes(LARGE)
    with remote.lease() as lease:
        send(store, remote, lease, {digest: len(LARGE)}, pace=Pace(2, 3 << 20))
    bucket.requests.clear()
    return remote, bytes.fromhex(digest), bucket


def opened(shared: tuple[RemoteContents, bytes, Counted]) -> RemoteFile:
    """The object as a file."""
    remote, raw, bucket = shared
    entry = remote.index().large(raw)
    assert entry is not None
    return RemoteFile(bucket, remote.index(), entry)


def test_any_stretch_reads_as_in_the_whole(shared: tuple[RemoteContents, bytes, Counted]) -> None:
    """Across blocks and parts, and at both ends."""
    source = random.Random(3)
    with opened(shared) as file:
        for _ in range(60):
            start = source.randrange(len(LARGE) + 10)
            count = source.choice([1, 100, 70_000, 2_500_000])
            file.seek(start)
            data = b""
            while len(data) < count and (part := file.read(count - len(data))):
                data += part
            assert data == LARGE[start : start + count]


def test_a_small_piece_costs_one_block(shared: tuple[RemoteContents, bytes, Counted]) -> None:
    """A megabyte at most, in one request."""
    with opened(shared) as file:
        file.seek(5_000_000)
        assert file.read(16) == LARGE[5_000_000:5_000_016]

    assert shared[2].requests["get"] == 1
    assert shared[2].received_bytes <= 1 << 20


def test_reading_on_fetches_more_at_once(shared: tuple[RemoteContents, bytes, Counted]) -> None:
    """Nine blocks in fewer requests."""
    with opened(shared) as file:
        assert file.readall() == LARGE

    assert shared[2].requests["get"] <= 7


def test_a_block_that_is_damaged_is_not_given_out(
    shared: tuple[RemoteContents, bytes, Counted], tmp_path: Path
) -> None:
    """Others are."""
    index = shared[0].index()
    entry = index.large(shared[1])
    assert entry is not None
    path = tmp_path / "remote" / index.parts[entry.ranges[1][0]].key
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)

    with opened(shared) as file:
        assert file.read(10) == LARGE[:10]
        file.seek(3 << 20)
        with pytest.raises(IntegrityError):
            file.read(1)


@pytest.fixture
def bob(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Clone:
    """A clone that has the records of an artifact, and none of its contents."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    ann.tracker("remote", "add", "nas", str(tmp_path / "nas"))
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    files = {f"train/{number}": bytes([number]) * 3000 for number in range(50)}
    ann.put("data", {**files, "test/a": b"the only one", "big.bin": LARGE})
    ann.tracker("push")
    Clone(tmp_path, capfd).tracker("clone", str(tmp_path / "hub.git"), "bob")
    return Clone(tmp_path / "bob", capfd)


def test_download_of_a_part_fetches_that_part(bob: Clone) -> None:
    """By prefix or pattern; and an entry is opened where it lies."""
    script = (
        "import tracker, json, pathlib\n"
        "a = tracker.Api().artifact('data:latest')\n"
        "a.download('out', path_prefix='test/')\n"
        "with a.get_entry('big.bin').open() as f:\n"
        "    f.seek(5_000_000); piece = f.read(5)\n"
        "text = a.get_entry('test/a').open('r').read()\n"
        "print(json.dumps([piece.hex(), text]))\n"
    )
    piece, text = json.loads(python(bob.folder, script))

    assert bytes.fromhex(piece) == LARGE[5_000_000:5_000_005]
    assert text == "the only one"
    assert [path.name for path in (bob.folder / "out").rglob("*") if path.is_file()] == ["a"]
    stored = sum(
        path.stat().st_size for path in (bob.folder / ".git/tracker/objects").rglob("*") if path.is_file()
    )
    assert stored < 10_000


@pytest.mark.slow
def test_get_of_a_part_reads_that_part_of_s3(s3: S3Server, tmp_path: Path, bob: Clone) -> None:
    """One stretch of one pack, found by what was listed before; and nothing of a large file."""
    bob.environment |= {"AWS_ACCESS_KEY_ID": s3.key, "AWS_SECRET_ACCESS_KEY": s3.secret}
    bob.tracker("fetch")
    source = random.Random(6)
    small = {f"train/{number:03}": source.randbytes(20_000) for number in range(300)}
    with run_proxy(s3.port) as proxy:
        url = f"s3://{S3_BUCKET}/{tmp_path.name}"
        bob.tracker("remote", "add", "lab", url, "--endpoint", proxy.endpoint, "--default")
        bob.put("images", {**small, "test/a": b"another one", "big.bin": LARGE})
        bob.tracker("push", "lab")
        bob.tracker("gc", "--pushed", "--grace", "0", "--yes")
        bob.tracker("gc", "--empty-trash", "--yes")
        proxy.requests.clear()
        sent_before = proxy.sent_bytes
        bob.tracker("get", "images", "out", "--path", "test/", "--include", "a")
        asked = [line.split()[1] for line in proxy.requests if line.startswith("GET")]
        assert sum("/packs/" in path for path in asked) == 1
        assert not any("/parts/" in path for path in asked)
        assert proxy.sent_bytes - sent_before < 100_000
    assert files_in(bob.folder / "out") == {"test/a": b"another one"}


def test_a_helper_does_what_the_bucket_does(tmp_path: Path) -> None:
    """Its errors arrive as the same errors; a helper that was killed is replaced."""
    bucket = ApartBucket(
        "s3://any/x", {"endpoint": "http://127.0.0.1:1"}, {"access_key_id": "a", "secret_access_key": "b"}
    )
    with pytest.raises(UnreachableError, match="cannot read"):
        bucket.get("state/a")
    assert bucket._helper is not None
    bucket._helper._process.kill()
    bucket._helper._process.wait()
    for _ in range(3):
        with pytest.raises(UnreachableError):
            [*bucket.list("state/")]
    bucket.close()


@pytest.mark.slow
def test_a_forked_worker_fetches_from_s3(s3: S3Server, tmp_path: Path) -> None:
    """After the parent has used the remote; the client itself would hang there."""
    options = {"endpoint": s3.endpoint}
    key = {"access_key_id": s3.key, "secret_access_key": s3.secret}
    bucket = ApartBucket(f"s3://{S3_BUCKET}/{tmp_path.name}", options, key)
    bucket.put("parts/x", b"data" * 1000)
    assert [item.size for item in bucket.list("parts/")] == [4000]
    child = os.fork()
    if child == 0:
        same = bucket.get("parts/x", 4, 4) == b"data"
        bucket.close()
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert bucket.get("parts/x", 0, 4) == b"data"
    with pytest.raises(NotFoundError):
        bucket.get("parts/none")
    bucket.close()
    assert s3_bucket(s3, tmp_path.name).get("parts/x", 0, 4) == b"data"


@pytest.mark.slow
def test_a_run_is_sent_when_it_has_ended(bob: Clone, tmp_path: Path) -> None:
    """`auto_push: true`: in the background, with what it says in a log."""
    from tests.waiting import until

    with (bob.folder / "tracker.yaml").open("a") as settings:
        settings.write("auto_push: true\n")
    script = (
        "import tracker\n"
        "run = tracker.init(project='p', id='sent1234', settings={'console': 'off'})\n"
        "run.log({'loss': 1.0}); run.finish()\n"
    )
    python(bob.folder, script)
    log = bob.folder / ".git/tracker/push.log"
    until(lambda: log.exists() and "Pushed the records" in log.read_text())

    ann = Clone(tmp_path / "ann", bob.capture)
    ann.tracker("pull")
    assert [run["id"] for run in ann.tracker("runs", "--json").json] == ["sent1234"]


@pytest.mark.slow
def test_git_push_sends_contents_and_records_first(bob: Clone, tmp_path: Path) -> None:
    """With the hooks; a clone right after it can check everything out."""
    bob.tracker("hooks", "install")
    (bob.folder / "more").mkdir()
    (bob.folder / "more" / "x").write_bytes(b"tracked")
    bob.tracker("track", "more")
    bob.git("add", "-A")
    bob.git("commit", "-q", "-m", "more")
    bob.git("push", "-q", "origin", "main")

    Clone(tmp_path, bob.capture).tracker("clone", str(tmp_path / "hub.git"), "eve")
    assert (tmp_path / "eve/more/x").read_bytes() == b"tracked"


@pytest.mark.slow
def test_git_push_stops_when_contents_cannot_be_sent(bob: Clone, tmp_path: Path) -> None:
    """Or others would pull a pointer to nothing; `--no-verify` passes by."""
    bob.tracker("hooks", "install")
    (bob.folder / "more").write_bytes(b"tracked")
    bob.tracker("track", "more")
    bob.git("add", "-A")
    bob.git("commit", "-q", "-m", "more")
    (tmp_path / "nas").rename(tmp_path / "gone")
    (tmp_path / "nas").write_text("in the way")

    with pytest.raises(subprocess.CalledProcessError) as caught:
        bob.git("push", "-q", "origin", "main")
    assert "--no-verify" in caught.value.stderr
    bob.git("push", "-q", "--no-verify", "origin", "main")
