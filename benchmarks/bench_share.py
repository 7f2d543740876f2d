"""What sharing costs: requests for many small files, and large files beside the plain client of the server.

python -m benchmarks.bench_share [--files 100000] [--size 1073741824] [--delay 0.05] [--client PYTHON]

Servers are those of the tests; what is not installed is left out. The floor of S3 is boto3
(make bench-peers installs it; `--client` is a Python that has it), else obstore's own client.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import Figure, print_figures
from benchmarks.peer_environments import python_of
from vcs.buckets.around import Counted
from vcs.buckets.base import Bucket
from vcs.buckets.folder import FolderBucket
from vcs.buckets.objectstore import ObjectStoreBucket
from vcs.buckets.sftp import SftpBucket
from vcs.digest import Digest
from vcs.files.listing import Entry, Listing
from vcs.repo import Repo
from vcs.retention.named_objects import named_objects
from vcs.sharing import exchange
from vcs.sharing.contents import RemoteContents
from vcs.sharing.download import fetch
from vcs.sharing.exchange import Request
from vcs.sharing.upload import send
from vcs.stores.local import LocalStore

SMALL = {"files": 10_000, "size": 32 << 20}
_COUNT = 4
_TURNS = 2
# The files, what lies on the remote, what came back, and what a plain client sent.
_COPIES = 4
_BOTO = """
import sys, boto3
from concurrent.futures import ThreadPoolExecutor
from botocore.config import Config
way, endpoint, *paths = sys.argv[1:]
config = Config(s3={"addressing_style": "path"}, max_pool_connections=40)
key = {"aws_access_key_id": "testkey", "aws_secret_access_key": "testsecret", "region_name": "us-east-1"}
s3 = boto3.client("s3", endpoint_url=endpoint, config=config, **key)
def one(path):
    key = "plain/" + path.rpartition("/")[2]
    s3.upload_file(path, "shared", key) if way == "put" else s3.download_file("shared", key, path)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(one, paths))
"""

_LATE = """
import sys
from tests.servers.proxy import run_proxy
with run_proxy(int(sys.argv[1])) as proxy:
    proxy.delay_s = float(sys.argv[2])
    print(proxy.port, flush=True)
    sys.stdin.read()
"""


def measure(
    files: int = 100_000, size: int = 1 << 30, delay: float = 0.05, client: str | None = None
) -> list[Figure]:
    """Return requests of many small files, and seconds of large ones, for each kind of remote.

    Where the large ones would not stay in memory, a quarter of them is measured, which the
    table shows. With 1 GiB each it takes some eight minutes and 20 GB of disk.
    """
    if size * _COUNT * _COPIES > _total_memory_bytes():
        size //= 4
    plain = client or str(python_of("boto3") or sys.executable)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        figures = [*measure_requests(folder / "small", files), *measure_named(folder / "versions")]
        large = folder / "large"
        large.mkdir()
        for number in range(_COUNT):
            write_random(large / f"{number}.bin", size)
        store, wanted = stored(folder / "store", large)
        what = f"{_COUNT} x {size >> 20} MiB"
        figures += measure_folder(folder, store, wanted, large, what)
        with sftp(folder) as (bucket, floor_put, floor_get):
            if bucket is not None:
                put, get = floor_put(large), floor_get(large)
                figures += transfer(folder, store, wanted, f"{what}, ssh", bucket, put, get, "sftp")
                shutil.rmtree(folder / "over-ssh")
        for late_by in (0.0, delay):
            figures += measure_s3(folder, store, wanted, large, what, late_by, plain)
        return figures


def measure_requests(folder: Path, files: int) -> list[Figure]:
    """How many requests a push of small files takes, one with nothing to do, and one with a changed file."""
    store = LocalStore(folder / "objects", folder / "packs", folder / "tmp")
    source = random.Random(1)
    with store.batch() as batch:
        wanted = {batch.put_bytes(data): len(data) for data in (source.randbytes(6800) for _ in range(files))}
    bucket = Counted(FolderBucket(folder / "remote"))
    remote = RemoteContents(bucket, folder / "cache", "bench")
    figures = []

    def push(work: str) -> None:
        bucket.requests.clear()
        spent = timed(lambda: under_lease(store, remote, wanted))
        figures.append(
            Figure(f"requests to push {work}", bucket.total, "requests", target=1000, absolute=True)
        )
        figures.append(Figure(f"push {work}", spent, "s"))

    push(f"{files} files of 6.8 kB")
    push(f"{files} files, nothing to do")
    wanted[store.put_bytes(b"changed")] = 7
    push(f"{files} files, one changed")
    bucket.requests.clear()
    other = LocalStore(folder / "o2", folder / "p2", folder / "t2")
    spent = timed(lambda: fetch(other, RemoteContents(bucket, folder / "cache2", "bench"), wanted))
    figures.append(Figure(f"requests to fetch {files} files", bucket.total, "requests"))
    figures.append(Figure(f"fetch {files} files", spent, "s"))
    shutil.rmtree(folder)
    return figures


def measure_named(folder: Path, versions: int = 1000, files: int = 20) -> list[Figure]:
    """What a push reads first, the manifests of all versions; and a push for which there is nothing to do."""
    for name in ("hub", "clone"):
        bare = ["--bare"] if name == "hub" else []
        subprocess.run(["git", "init", "-q", *bare, str(folder / name)], check=True)
    repo = Repo.open(folder / "clone")
    entries = [Entry(f"{number}.bin", repo.here.put_bytes(b"%d" % number), 1) for number in range(files)]
    for number in range(versions):
        changed = Entry("changed.bin", repo.here.put_bytes(b"changed %d" % number), 1)
        repo.collections.log("p", "x", "dataset", Listing([*entries, changed]))
    again = Repo.open(folder / "clone")
    spent = timed(lambda: named_objects(again.layout, again.collections, again.here))
    title = f"what {versions} versions of {files} files name, for a push"
    figures = [Figure(title, spent, "s", target=1, absolute=True)]
    request = Request(remote=str(folder / "nas"), git_remote=str(folder / "hub"))
    done: list[exchange.Pushed] = []
    for work in ("the first", "nothing to do", "one new version"):
        if work == "one new version":
            changed = Entry("changed.bin", repo.here.put_bytes(b"new"), 3)
            repo.collections.log("p", "x", "dataset", Listing([*entries, changed]))
        spent = timed(lambda: done.append(exchange.push(Repo.open(folder / "clone"), request)))
        figures.append(Figure(f"push of {versions} versions, contents and records: {work}", spent, "s"))
    read = done[-1].versions_read
    figures.append(Figure(f"versions of {versions} read to push a new one", read, "versions"))
    return figures


def measure_folder(
    folder: Path, store: LocalStore, wanted: dict[Digest, int], large: Path, what: str
) -> list[Figure]:
    """Push and pull through a folder, by turns with a copy; the best of each counts."""
    found: list[tuple[float, list[Figure]]] = []
    for _ in range(_TURNS):
        copied = timed(lambda: (shutil.copytree(large, folder / "copy"), os.sync()), large=True)
        shutil.rmtree(folder / "copy")
        remote = FolderBucket(folder / "remote")
        turn = transfer(folder, store, wanted, f"{what}, folder", remote, copied, copied, "cp; sync")
        shutil.rmtree(folder / "remote")
        found.append((copied, turn))
    floor = min(copied for copied, _ in found)
    return [
        replace(min(figures, key=lambda figure: figure.value), floor=floor)
        for figures in zip(*(turn for _, turn in found), strict=True)
    ]


def measure_s3(
    folder: Path,
    store: LocalStore,
    wanted: dict[Digest, int],
    large: Path,
    what: str,
    delay: float,
    client: str,
) -> list[Figure]:
    """Push and pull through S3, with each answer late by `delay`."""
    from _pytest.outcomes import Skipped

    from tests.servers.ceph import run_ceph

    place = folder / f"ceph{delay}"
    place.mkdir()
    try:
        with run_ceph(place) as server, late(server.port, delay) as port:
            server.make_bucket("shared")
            endpoint = f"http://127.0.0.1:{port}"
            key = {"access_key_id": server.key, "secret_access_key": server.secret}
            bucket = ObjectStoreBucket("s3://shared/bench", {"endpoint": endpoint}, key)
            bucket.put("warm", b"up")  # The first request of a new zone makes its pools.
            paths = sorted(large.iterdir())
            fetched = folder / "plain"
            fetched.mkdir(exist_ok=True)
            name, plain = plain_client(client, endpoint)
            put = timed(lambda: plain("put", paths), large=True)
            get = timed(lambda: plain("get", [fetched / path.name for path in paths]), large=True)
            shutil.rmtree(fetched)
            title = f"{what}, S3" + (f" with {delay * 1000:.0f} ms" if delay else "")
            return transfer(folder, store, wanted, title, bucket, put, get, name)
    except Skipped as skipped:
        print(f"S3 is left out: {skipped}", file=sys.stderr)
        return []
    finally:
        shutil.rmtree(place)


@contextmanager
def late(port: int, delay: float) -> Iterator[int]:
    """Give a port at which each answer of a server comes late; its own one without a delay.

    The proxy is a process of its own, and takes no time from whom is measured.
    """
    if not delay:
        yield port
        return
    command = [sys.executable, "-c", _LATE, str(port), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as proxy:
        try:
            assert proxy.stdout is not None
            yield int(proxy.stdout.readline())
        finally:
            proxy.kill()


def plain_client(python: str, endpoint: str) -> tuple[str, Callable[[str, list[Path]], None]]:
    """Return what a user without us would take, with its defaults."""
    if subprocess.run([python, "-c", "import boto3"], capture_output=True, check=False).returncode == 0:

        def boto(way: str, paths: list[Path]) -> None:
            subprocess.run([python, "-c", _BOTO, way, endpoint, *map(str, paths)], check=True)

        return "boto3", boto

    def own(way: str, paths: list[Path]) -> None:
        import obstore
        from obstore.store import S3Store

        store = S3Store(
            "shared", endpoint=endpoint, access_key_id="testkey", secret_access_key="testsecret",
            region="us-east-1", virtual_hosted_style_request=False, client_options={"allow_http": True},
        )  # fmt: skip
        for path in paths:
            if way == "put":
                obstore.put(store, f"plain/{path.name}", path)
            else:
                with path.open("wb") as stream:
                    for chunk in obstore.get(store, f"plain/{path.name}"):
                        stream.write(chunk)

    return "obstore", own


@contextmanager
def sftp(folder: Path) -> Iterator[tuple[Bucket | None, Callable[[Path], float], Callable[[Path], float]]]:
    """Run an sshd, and give what times the sftp of the system."""
    from _pytest.outcomes import Skipped

    from tests.servers.ssh import run_sshd

    def never(_: Path) -> float:
        return 0.0

    try:
        with run_sshd(folder / "sshd") as server:
            plain = folder / "plain-sftp"
            plain.mkdir()
            command = ["sftp", "-q", "-F", str(server.folder / "client"), "-b", "-", "testhost"]

            def run(lines: str) -> float:
                told = lines.encode()
                return timed(
                    lambda: subprocess.run(command, input=told, check=True, capture_output=True), large=True
                )

            def put(large: Path) -> float:
                return run(f"put {large}/*.bin {plain}/\n")

            def get(large: Path) -> float:
                back = folder / "plain-back"
                back.mkdir()
                spent = run(f"get {plain}/*.bin {back}/\n")
                shutil.rmtree(back)
                shutil.rmtree(plain)
                return spent

            yield SftpBucket(f"ssh://testhost{folder}/over-ssh", server.command), put, get
    except Skipped as skipped:
        print(f"ssh is left out: {skipped}", file=sys.stderr)
        yield None, never, never


def transfer(
    folder: Path, store: LocalStore, wanted: dict[Digest, int], what: str, bucket: Bucket,
    floor_put: float, floor_get: float, floor: str,
) -> list[Figure]:  # fmt: skip
    """Push and pull, with all hashing and checking, beside what a plain copy took."""
    cache = Path(tempfile.mkdtemp(dir=folder))
    remote = RemoteContents(bucket, cache / "a", "bench")
    pushed = timed(lambda: under_lease(store, remote, wanted), large=True)
    other = LocalStore(cache / "objects", cache / "packs", cache / "tmp")
    there = RemoteContents(bucket, cache / "b", "bench")
    pulled = timed(lambda: fetch(other, there, wanted), large=True)
    assert not other.missing(wanted)
    bucket.close()
    shutil.rmtree(cache)
    return [
        Figure(f"push {what}", pushed, "s", floor_put, floor, target=1.25),
        Figure(f"pull {what}", pulled, "s", floor_get, floor, target=1.25),
    ]


def under_lease(store: LocalStore, remote: RemoteContents, wanted: dict[Digest, int]) -> None:
    """Send, as the command does."""
    with remote.lease() as lease:
        send(store, remote, lease, wanted)


def stored(folder: Path, large: Path) -> tuple[LocalStore, dict[Digest, int]]:
    """Put the files into a store, as links: whoever is measured reads the same bytes of the same cache."""
    store = LocalStore(folder / "objects", folder / "packs", folder / "tmp")
    with store.batch() as batch:
        return store, dict(batch.adopt_file(path) for path in sorted(large.iterdir()))


def write_random(path: Path, size: int) -> None:
    """Write bytes that neither compress nor resemble others, for good."""
    with path.open("wb") as stream:
        for at in range(0, size, 16 << 20):
            stream.write(os.urandom(min(16 << 20, size - at)))
    path.chmod(0o444)


def _total_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def timed(work: Callable[[], object], *, large: bool = False) -> float:
    """Return the seconds that it takes, with what was written before out of the way.

    For `large` files the free memory is touched before: a virtual machine gives idle pages
    back to its host, and taking one again costs ten times a copy, for whoever comes first.
    """
    os.sync()
    if large:
        touch_free_memory()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def touch_free_memory() -> None:
    """Have all free memory but 2 GiB for a moment; without effect where the system has no such call."""
    facts = Path("/proc/meminfo")
    if facts.exists() and hasattr(mmap, "MAP_POPULATE"):
        free = int(facts.read_text().partition("MemFree:")[2].split()[0]) << 10
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        mmap.mmap(-1, max(free - (2 << 30), mmap.PAGESIZE), flags=flags).close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1 << 30)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--client")
    print_figures(measure(**vars(parser.parse_args())))
