"""A real S3 behind a network that misbehaves: what fails is tried again, what is wrong is not believed."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.servers.ceph import S3Server
from tests.servers.proxy import FaultyProxy, Verdict, run_proxy
from tests.sharing.clones import Clone, first_clone, make_hub
from tests.sharing.conftest import S3_BUCKET, local_store, s3_bucket
from vcs.buckets.around import Retrying
from vcs.buckets.base import UnreachableError
from vcs.digest import Digest
from vcs.sharing.contents import RemoteContents
from vcs.sharing.download import fetch
from vcs.sharing.upload import Pace, send
from vcs.stores.local import LocalStore

pytestmark = pytest.mark.slow
PACE = Pace(jobs=4, piece_bytes=1 << 20)


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultyProxy]:
    """Between us and the server."""
    with run_proxy(s3.port) as running:
        yield running


def filled(store: LocalStore) -> dict[Digest, int]:
    """Small and large objects."""
    source = random.Random(4)
    with store.batch() as batch:
        return {batch.put_bytes(source.randbytes(size)): size for size in [5000] * 300 + [6_000_000, 200_000]}


def remote(s3: S3Server, proxy: FaultyProxy, folder: Path, clone: str, tries: int = 7) -> RemoteContents:
    """The remote through the proxy, as one clone sees it; waiting is short."""
    bucket = s3_bucket(s3, folder.name, proxy.endpoint)
    return RemoteContents(Retrying(bucket, tries=tries, sleep=lambda seconds: None), folder / clone, "lab")


@pytest.mark.parametrize("verdict", ["503", "drop", "cut"])
def test_every_tenth_request_may_go_wrong(
    s3: S3Server, proxy: FaultyProxy, tmp_path: Path, verdict: Verdict
) -> None:
    """Refused for now, dropped in the middle of a body, cut in the middle of an answer."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = filled(ann)
    proxy.rule = lambda number, line: verdict if number % 10 == 5 else "pass"

    sender = remote(s3, proxy, tmp_path, "a")
    with sender.lease() as lease:
        send(ann, sender, lease, wanted, pace=PACE)
    fetched = fetch(bob, remote(s3, proxy, tmp_path, "b"), wanted, pace=PACE)

    assert len(proxy.requests) >= 20
    assert (fetched.missing, fetched.damaged) == ([], [])
    assert all(bob.read_bytes(digest) for digest in wanted)


def test_a_server_that_stays_busy_is_reported_and_nothing_is_half_visible(
    s3: S3Server, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """What was listed before can be fetched; afterwards the push goes on."""
    ann, eve = local_store(tmp_path / "ann"), local_store(tmp_path / "eve")
    wanted = filled(ann)
    proxy.rule = lambda number, line: "503" if number > 6 else "pass"
    sender = remote(s3, proxy, tmp_path, "a", tries=3)
    with pytest.raises(UnreachableError, match=r"SlowDown|503"), sender.lease() as lease:
        send(ann, sender, lease, wanted, pace=PACE)

    proxy.rule = lambda number, line: "pass"
    reader = remote(s3, proxy, tmp_path, "e")
    listed = reader.refresh().digests()
    assert fetch(eve, reader, listed, pace=PACE).damaged == []
    again = remote(s3, proxy, tmp_path, "a2")
    with again.lease() as lease:
        send(ann, again, lease, wanted, pace=PACE)
    assert fetch(eve, remote(s3, proxy, tmp_path, "e2"), wanted, pace=PACE).missing == []


def test_flipped_bits_on_the_way_are_asked_for_again(
    s3: S3Server, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """Of packs, parts and inventories."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = filled(ann)
    sender = remote(s3, proxy, tmp_path, "a")
    with sender.lease() as lease:
        send(ann, sender, lease, wanted, pace=PACE)
    data = re.compile(r"GET \S*/(packs|parts|state/[0-9a-f]+\.inventory)")
    seen: list[int] = []

    def every_third(number: int, line: str) -> Verdict:
        if data.match(line):
            seen.append(number)
            return "corrupt" if len(seen) % 3 == 1 else "pass"
        return "pass"

    proxy.rule = every_third
    fetched = fetch(bob, remote(s3, proxy, tmp_path, "b"), wanted, pace=Pace(jobs=1, piece_bytes=1 << 20))

    assert len(seen) > 6
    assert fetched.damaged == []
    assert all(bob.read_bytes(digest) for digest in wanted)


def kill(process: subprocess.Popen[bytes], at: int, number: int, line: str) -> Verdict:
    """A rule: whoever asks so often dies."""
    if number >= at:
        process.kill()
    return "pass"


def test_a_push_that_is_killed_goes_on(
    s3: S3Server, proxy: FaultyProxy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL in the middle of the sending, at several points; then it is run again."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    url = f"s3://{S3_BUCKET}/{tmp_path.name}"
    ann.environment |= {"AWS_ACCESS_KEY_ID": s3.key, "AWS_SECRET_ACCESS_KEY": s3.secret}
    ann.tracker("remote", "add", "lab", url, "--endpoint", proxy.endpoint)
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    source = random.Random(8)
    files = {f"{number}": source.randbytes(9000) for number in range(2000)}
    ann.put("data", {**files, "big": source.randbytes(70_000_000)})

    for death in (4, 7, 9):
        proxy.requests.clear()
        with ann.entered():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tracker.cli.main", "push"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        proxy.rule = partial(kill, process, death)
        process.wait()
    proxy.rule = lambda number, line: "pass"
    # The lease of the killed stays, and holds no other push off.
    ann.tracker("push")

    Clone(tmp_path, capfd, ann.environment).tracker("clone", str(tmp_path / "hub.git"), "bob")
    bob = Clone(tmp_path / "bob", capfd, ann.environment)
    bob.tracker("get", "data", "out")
    assert (bob.folder / "out/big").stat().st_size == 70_000_000
    assert len([*(bob.folder / "out").iterdir()]) == 2001
