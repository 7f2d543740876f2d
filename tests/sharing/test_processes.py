"""What anybody on the machine may read of our processes, their arguments, holds no key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.ceph import S3Server
from tests.servers.githttp import PASSWORD, GitHttpServer
from tests.servers.proxy import FaultyProxy, Verdict, run_proxy
from tests.sharing.clones import first_clone, make_hub
from tests.sharing.conftest import S3_BUCKET

Capture = pytest.CaptureFixture[str]
TRACKER = (sys.executable, "-P", "-m", "tracker.cli.main")
pytestmark = pytest.mark.slow


class Watched:
    """A command, with the arguments and environments of its processes at each request that they make."""

    def __init__(self, proxy: FaultyProxy) -> None:
        self._proxy = proxy
        self.seen: set[bytes] = set()

    def run(self, folder: Path, *words: str, given: str = "") -> None:
        """Run it to its end; it has to succeed."""
        looked = 0
        process = subprocess.Popen(
            [*TRACKER, *words],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        def look(number: int, line: str) -> Verdict:
            nonlocal looked
            for pid in family(process.pid):
                for name in ("cmdline", "environ"):
                    with suppress(OSError):  # It has ended.
                        self.seen.add(Path(f"/proc/{pid}/{name}").read_bytes())
            looked += 1
            return "pass"

        self._proxy.rule = look
        said, _ = process.communicate(given)
        assert process.returncode == 0, said
        assert looked, f"{words} asked the server nothing"


def family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, added = {pid}, {pid}
    while added:
        added = {child for child, parent in parents.items() if parent in added} - found
        found |= added
    return found


def test_no_process_shows_the_key_while_it_talks_to_a_server(
    s3: S3Server, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Login, test, push, and a fetch by a helper, looked at in the middle of each request."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    with run_proxy(s3.port) as proxy:
        ann.tracker("remote", "add", "lab", f"s3://{S3_BUCKET}/{tmp_path.name}", "--endpoint", proxy.endpoint)
        ann.put("mnist", {"a.txt": b"one", "b.bin": os.urandom(1_000_000)})
        watched = Watched(proxy)
        watched.run(ann.folder, "login", "lab", "--key-stdin", given=f"{s3.key}:{s3.secret}\n")
        watched.run(ann.folder, "remote", "test", "lab")
        watched.run(ann.folder, "push", "lab")
        for name in ("objects", "packs", "recipes", "extents"):
            shutil.rmtree(ann.folder / ".git/tracker" / name, ignore_errors=True)
        watched.run(ann.folder, "get", "mnist", "out")

    assert (ann.folder / "out/a.txt").read_bytes() == b"one"
    assert any(b"tracker.cli.main\0push\0" in one for one in watched.seen)
    assert any(b"vcs.buckets.apart\0" in one for one in watched.seen)
    assert not any(s3.secret.encode() in one for one in watched.seen)


def test_git_is_called_without_the_password_of_its_server(
    githttp: GitHttpServer, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password in the address of a remote stays in git's settings; git is given the remote's name."""
    real, calls = shutil.which("git"), tmp_path / "calls"
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nprintf \'%s\\n\' "$*" >> {calls}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    url = githttp.make_repository(tmp_path.name)
    ann = first_clone(tmp_path / "ann", githttp.with_password(url), capfd)
    ann.tracker("remote", "add", "nas", str(tmp_path / "nas"))
    ann.put("mnist", {"a.txt": b"one"})
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    for words in (("push",), ("pull",), ("fetch",), ("remote", "test"), ("doctor",)):
        ann.tracker(*words)
    said = calls.read_text()
    assert " push " in said
    assert " fetch " in said
    assert PASSWORD not in said
