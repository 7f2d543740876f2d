"""Servers that run for the session, started when the first test wants one, and clones to share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.ceph import S3Server, run_ceph
from tests.servers.githttp import GitHttpServer, run_githttp
from tests.servers.ssh import SshServer, run_sshd
from vcs.buckets.base import Bucket
from vcs.buckets.folder import FolderBucket
from vcs.buckets.objectstore import ObjectStoreBucket
from vcs.buckets.sftp import SftpBucket
from vcs.stores.local import LocalStore

S3_BUCKET = "shared"


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An sshd, for SFTP and for git."""
    with run_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with one bucket."""
    with run_ceph(tmp_path_factory.mktemp("ceph")) as server:
        server.make_bucket(S3_BUCKET)
        yield server


@pytest.fixture(scope="session")
def githttp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHttpServer]:
    """A git server over HTTP."""
    with run_githttp(tmp_path_factory.mktemp("githttp")) as server:
        yield server


def s3_bucket(server: S3Server, prefix: str, endpoint: str | None = None) -> Bucket:
    """Open a prefix of the test's bucket, through a proxy if its address is given."""
    options = {"endpoint": endpoint or server.endpoint}
    credentials = {"access_key_id": server.key, "secret_access_key": server.secret}
    return ObjectStoreBucket(f"s3://{S3_BUCKET}/{prefix}", options, credentials)


MakeBucket = Callable[[], Bucket]


@pytest.fixture(params=["folder", "sftp", pytest.param("s3", marks=pytest.mark.slow)])
def make_bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeBucket]:
    """Opens one empty place again and again, as different processes would; of each kind."""
    kind: str = request.param
    opened: list[Bucket] = []

    def make() -> Bucket:
        if kind == "folder":
            bucket: Bucket = FolderBucket(tmp_path / "remote")
        elif kind == "sftp":
            server: SshServer = request.getfixturevalue("sshd")
            bucket = SftpBucket(f"ssh://testhost{tmp_path}/remote", server.command)
        else:
            bucket = s3_bucket(request.getfixturevalue("s3"), tmp_path.name)
        opened.append(bucket)
        return bucket

    yield make
    for bucket in opened:
        bucket.close()


def local_store(folder: Path) -> LocalStore:
    """A store of one clone."""
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")
