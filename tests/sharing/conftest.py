"""Servers that run for the session, started when the first test wants one, and clones to share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import azure as azure_server
from tests.servers import web
from tests.servers.azure import AzureServer, run_azure
from tests.servers.ceph import S3Server, run_ceph
from tests.servers.gcs import GcsServer, run_gcs
from tests.servers.githttp import GitHttpServer, run_githttp
from tests.servers.ssh import SshServer, run_sshd
from tests.servers.web import WebDav, run_webdav
from tests.sharing.clones import Clone, first_clone, make_hub
from vcs.buckets.base import Bucket
from vcs.buckets.folder import FolderBucket
from vcs.buckets.objectstore import ObjectStoreBucket
from vcs.buckets.sftp import SftpBucket
from vcs.sharing.contents import RemoteContents
from vcs.stores.local import LocalStore

S3_BUCKET = "shared"


@pytest.fixture
def ann(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Clone:
    """A clone with a folder as its remote for contents."""
    clone = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    clone.tracker("remote", "add", "nas", str(tmp_path / "nas"))
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "remote")
    clone.git("push", "-q", "origin", "main")
    return clone


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


@pytest.fixture(scope="session")
def webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDav]:
    """A WebDAV server."""
    with run_webdav(tmp_path_factory.mktemp("webdav")) as server:
        yield server


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    """A server that speaks Azure's protocol, with one container."""
    with run_azure(tmp_path_factory.mktemp("azure")) as server:
        server.make_container(S3_BUCKET)
        yield server


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsServer]:
    """A server that speaks the protocol of Google Cloud Storage, with one bucket."""
    with run_gcs(tmp_path_factory.mktemp("gcs")) as server:
        server.make_bucket(S3_BUCKET)
        yield server


def azure_bucket(server: AzureServer, prefix: str) -> Bucket:
    """Open a prefix of the test's container."""
    credentials = {"account_name": azure_server.ACCOUNT, "account_key": azure_server.KEY}
    return ObjectStoreBucket(f"az://{S3_BUCKET}/{prefix}", {"endpoint": server.endpoint}, credentials)


@pytest.fixture(
    params=[
        "folder",
        "sftp",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("s3", "webdav", "az", "gs")),
    ]
)
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
        elif kind == "webdav":
            dav: WebDav = request.getfixturevalue("webdav")
            url = f"{dav.url}/teams/{tmp_path.name}"  # Of this, nothing is there yet.
            bucket = ObjectStoreBucket(url, {}, {"user": web.USER, "password": web.PASSWORD})
        elif kind == "az":
            bucket = azure_bucket(request.getfixturevalue("azure"), tmp_path.name)
        elif kind == "gs":
            google: GcsServer = request.getfixturevalue("gcs")
            options = {"endpoint": google.endpoint}
            url = f"gs://{S3_BUCKET}/{tmp_path.name}"
            bucket = ObjectStoreBucket(url, options, {"service_account_key": google.key})
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


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., RemoteContents]:
    """Opens a remote as one clone, which has a cache of its own."""

    def open_remote(clone: str, bucket: Bucket | None = None) -> RemoteContents:
        return RemoteContents(bucket or FolderBucket(tmp_path / "remote"), tmp_path / f"{clone}-cache", "lab")

    return open_remote
