"""Who may only read pulls, uses and compares; and what pushing says then. Also sharing by WebDAV."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import tracker as api
from tests.servers import web
from tests.servers.ceph import S3Server
from tests.servers.web import WebDav, run_plain_web
from tests.sharing.clones import Clone, clone_of, files_in, first_clone, make_hub
from tests.sharing.conftest import S3_BUCKET

Capture = pytest.CaptureFixture[str]
LARGE = [random.Random(seed).randbytes(3_000_000) for seed in range(2)]
pytestmark = pytest.mark.slow


def with_remote(clone: Clone, *words: str) -> None:
    """Add a remote and commit it."""
    clone.tracker("remote", "add", "lab", *words)
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "remote")
    clone.git("push", "-q", "origin", "main")


def two_versions(clone: Clone) -> None:
    """Make and push two versions that differ in one file."""
    for number in (0, 1):
        clone.put("data", {"a": b"same", "b": b"%d" % number, "large": LARGE[number]})
    clone.tracker("push")


def reads_everything(bob: Clone) -> None:
    """Compares and gets what was pushed, whole and in parts."""
    with bob.entered(), api.Api().artifact("data:v1").get_entry("large").open() as stream:
        stream.seek(2_000_000)
        assert stream.read(1000) == LARGE[1][2_000_000:2_001_000]
    assert "b: +1 -1 lines" in bob.tracker("diff", "data:v0", "data:v1", fails=True).out  # They differ.
    bob.tracker("artifact", "get", "data:v0", "out/0")
    assert files_in(bob.folder / "out/0") == {"a": b"same", "b": b"0", "large": LARGE[0]}


def refused_in_one_sentence(bob: Clone) -> None:
    """A push of something new ends with a sentence that says why, and nothing is lost."""
    bob.put("mine", {"c": b"new"})
    said = bob.tracker("push", fails=True)
    assert said.err.startswith("Error: nothing can be pushed to lab: cannot write state/")
    assert "Traceback" not in said.err
    bob.tracker("artifact", "get", "mine", "out/mine")


def test_a_key_that_may_only_read_is_enough_to_use_what_others_push(
    s3: S3Server, tmp_path: Path, capfd: Capture
) -> None:
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    ann.environment |= {"AWS_ACCESS_KEY_ID": s3.key, "AWS_SECRET_ACCESS_KEY": s3.secret}
    with_remote(ann, f"s3://{S3_BUCKET}/{tmp_path.name}", "--endpoint", s3.endpoint)
    two_versions(ann)
    key, secret = s3.make_reader(S3_BUCKET)
    ann.environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    bob = clone_of(ann, "bob")
    said = bob.tracker("remote", "test", "lab", fails=True)
    assert "read" in said.out + said.err
    bob.tracker("pull")
    reads_everything(bob)
    refused_in_one_sentence(bob)


def test_a_folder_behind_a_plain_web_server_can_be_read(tmp_path: Path, capfd: Capture) -> None:
    """It lists nothing: the last push named the inventories, also after many of them were merged."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    with_remote(ann, str(tmp_path / "served"))
    two_versions(ann)
    with run_plain_web(tmp_path / "nginx", tmp_path / "served") as url:
        bob = clone_of(ann, "bob")
        (bob.folder / "tracker.yaml").write_text(f"remotes: {{lab: '{url}'}}\n")
        reads_everything(bob)
        for number in range(18):
            ann.put("more", {"n": b"%d" % number})
            ann.tracker("push")
        assert len([*(tmp_path / "served/state").glob("*.inventory")]) < 10
        bob.tracker("pull")
        bob.tracker("artifact", "get", "more:v17", "out/more")
        assert (bob.folder / "out/more/n").read_bytes() == b"17"
        ann.tracker("artifact", "rm", "more:v17", "--yes", "--delete-aliases")
        ann.tracker("push")
        ann.tracker("gc", "--remote", "lab", "--grace", "0", "--yes")
        bob.tracker("pull")
        bob.tracker("artifact", "get", "more:v16", "out/16")
        refused_in_one_sentence(bob)


@pytest.mark.parametrize("refusal", [403, 404])
def test_a_web_server_that_hides_its_listings_can_be_read(
    tmp_path: Path, capfd: Capture, refusal: int
) -> None:
    """It answers the question for a listing as if it were forbidden, or as if nothing were there."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    with_remote(ann, str(tmp_path / "served"))
    two_versions(ann)
    with run_plain_web(tmp_path / "nginx", tmp_path / "served", refusal) as url:
        bob = clone_of(ann, "bob")
        (bob.folder / "tracker.yaml").write_text(f"remotes: {{lab: '{url}'}}\n")
        said = bob.tracker("remote", "test", fails=True)
        assert "can be read, but not written" in said.out
        reads_everything(bob)
        refused_in_one_sentence(bob)


def test_a_web_server_with_nothing_of_ours_says_so(tmp_path: Path, capfd: Capture) -> None:
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    (tmp_path / "served").mkdir()
    with run_plain_web(tmp_path / "nginx", tmp_path / "served") as url:
        with_remote(ann, url)
        said = ann.tracker("remote", "test", "lab", fails=True)
        assert "gives no listings" in said.err


def test_clones_share_by_webdav(webdav: WebDav, tmp_path: Path, capfd: Capture) -> None:
    """With a password that is kept outside of the repository, in a folder that the first push makes."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    with_remote(ann, f"{webdav.url}/deep/{tmp_path.name}")
    said = ann.tracker("login", "lab", "--key", f"{web.USER}:wrong", fails=True)
    assert "nothing was kept" in said.err
    ann.tracker("login", "lab", "--key", f"{web.USER}:{web.PASSWORD}")
    two_versions(ann)
    bob = clone_of(ann, "bob")
    reads_everything(bob)
    bob.put("data", {"a": b"bob's"})
    bob.tracker("push")
    ann.tracker("pull", "--all")
    ann.tracker("artifact", "get", "data:v2", "out/2")
    assert files_in(ann.folder / "out/2") == {"a": b"bob's"}
    ann.tracker("gc", "--remote", "lab", "--grace", "0", "--yes")
