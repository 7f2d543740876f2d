"""Keys for remotes: asked for, checked, kept for one address, and nowhere in a repository."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.ceph import S3Server
from tests.servers.gcs import GcsServer
from tests.sharing.clones import FILES, Clone, clone_of, files_in, first_clone, make_hub
from tests.sharing.conftest import S3_BUCKET

Capture = pytest.CaptureFixture[str]


def test_a_remote_that_cannot_be_reached_is_one_json_object(ann: Clone) -> None:
    """`remote show` says what it knows, and ends as the problem has it."""
    ann.tracker("remote", "add", "lab", "s3://bucket/x", "--endpoint", "http://127.0.0.1:1")
    ann.tracker("login", "lab", "--key", "id:secret", "--no-check")
    said = ann.tracker("remote", "show", "lab", "--json", fails=True)
    assert said.status == 9
    assert "nobody answers" in said.json["problem"]


@pytest.mark.slow
def test_contents_on_s3_with_a_kept_key(
    s3: S3Server, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log in, push, clone, use; a wrong key is found out at login; logging out ends it."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    url = f"s3://{S3_BUCKET}/{tmp_path.name}"
    ann.tracker("remote", "add", "lab", url, "--endpoint", s3.endpoint)
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    ann.put("mnist", FILES)
    kept = Path(os.environ["XDG_CONFIG_HOME"]) / "tracker/credentials.json"

    assert (
        "Denied" in ann.tracker("login", "lab", "--key", f"{s3.key}:wrong", fails=True).err
        or not kept.exists()
    )
    ann.tracker("login", "lab", "--key", f"{s3.key}:{s3.secret}")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "works" in ann.tracker("remote", "test").out
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    bob.tracker("get", "mnist", "out")
    assert files_in(bob.folder / "out") == FILES
    ann.tracker("logout", "lab")
    said = ann.tracker("remote", "test", fails=True)
    assert "tracker login" in said.err
    stolen = b"".join(files_in(ann.folder).values()) + b"".join(files_in(bob.folder).values())
    assert s3.secret.encode() not in stolen


@pytest.mark.slow
def test_contents_on_google_cloud_storage(gcs: GcsServer, tmp_path: Path, capfd: Capture) -> None:
    """With the key of a service account, as its file has it."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    ann.tracker("remote", "add", "lab", f"gs://{S3_BUCKET}/{tmp_path.name}", "--endpoint", gcs.endpoint)
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    other = gcs.key.replace("tester@", "stranger@")
    said = ann.tracker("login", "lab", "--key", other, fails=True)
    assert "permission denied" in said.err
    ann.tracker("login", "lab", "--key", gcs.key)
    assert "works" in ann.tracker("remote", "test").out
    ann.put("mnist", FILES)
    ann.put("mnist", {**FILES, "a.txt": b"two"})
    ann.tracker("push")
    bob = clone_of(ann, "bob")
    bob.tracker("get", "mnist", "out")
    assert files_in(bob.folder / "out") == {**FILES, "a.txt": b"two"}
    ann.tracker("artifact", "rm", "mnist:v0", "--yes")
    ann.tracker("push")
    ann.tracker("gc", "--remote", "lab", "--grace", "0", "--yes")
    bob.tracker("pull")
    assert bob.tracker("fetch", "--json").json["missing"] == []


def test_a_login_without_a_terminal_fails_with_the_way_out(ann: Clone) -> None:
    """No prompt that nobody sees."""
    ann.tracker("remote", "add", "lab", "s3://bucket/x", "--endpoint", "http://127.0.0.1:1")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tracker.cli.main", "login", "lab"],
        cwd=ann.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--key-stdin" in done.stderr


def test_a_key_is_kept_for_its_address_only(ann: Clone) -> None:
    """A tracker.yaml that sends a known name elsewhere gets nothing of it."""
    from vcs.remotes import make_remote
    from vcs.sharing.credentials import find_credentials

    options = {"endpoint": "http://127.0.0.1:1"}
    ann.tracker("remote", "add", "lab", "s3://bucket/x", "--endpoint", options["endpoint"])
    ann.tracker("login", "lab", "--key", "id:secret", "--no-check")
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "tracker"

    assert (
        find_credentials(make_remote("lab", "s3://bucket/x", options), folder, {})["secret_access_key"]
        == "secret"
    )
    for other in (
        make_remote("lab", "s3://bucket/x", {"endpoint": "http://evil:1"}),
        make_remote("lab", "s3://other/x", options),
        make_remote("lab", "s3://bucket/x"),
    ):
        assert find_credentials(other, folder, {}) == {}


def test_a_stolen_repository_holds_no_key(ann: Clone, tmp_path: Path) -> None:
    """Every byte of the clone, the hub and the remote is looked at, and what the commands said."""
    secret = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
    ann.tracker("remote", "add", "lab", "s3://bucket/x", "--endpoint", "http://127.0.0.1:1")
    said = ann.tracker("login", "lab", "--key", f"AKID:{secret}", "--no-check")
    told = [said.out, said.err]
    ann.put("mnist", FILES)
    for words in (("remote", "show", "lab"), ("remote", "test", "lab"), ("config",), ("doctor",)):
        said = (
            ann.tracker(*words, fails=words[0] == "remote") if words[0] == "remote" else ann.tracker(*words)
        )
        told += [said.out, said.err]
    ann.tracker("push", "nas")

    everything = [*files_in(ann.folder).values(), *files_in(tmp_path / "hub.git").values()]
    everything += [*files_in(tmp_path / "nas").values(), *(text.encode() for text in told)]
    assert not any(secret.encode() in data for data in everything)
    packed = subprocess.run(
        ["git", "-C", ann.folder, "cat-file", "--batch-all-objects", "--batch"],
        capture_output=True,
        check=True,
    )
    assert secret.encode() not in packed.stdout
