"""Two machines, as far as the kernel can pretend: each in a network namespace of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers.process import need_programs
from tests.servers.ssh import SshServer, run_sshd
from tests.sharing.clones import make_hub

pytestmark = pytest.mark.slow
TRACKER = (sys.executable, "-P", "-m", "tracker.cli.main")


def ip(*words: str) -> None:
    """Change the network; what is not allowed here skips the test."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespaces here: {done.stderr.strip()}")


@contextmanager
def two_machines(folder: Path) -> Iterator[tuple[SshServer, list[str]]]:
    """Run an sshd on one; return it, and what to put before a command to run it on the other."""
    need_programs("ip", "sshd")
    if os.geteuid():
        pytest.skip("network namespaces need root")
    name = os.urandom(3).hex()
    server, client = f"ts{name}", f"tc{name}"
    with ExitStack() as stack:
        for space in (server, client):
            ip("netns", "add", space)
            stack.callback(subprocess.run, ["ip", "netns", "del", space], check=False)
        ip(
            "link",
            "add",
            f"vs{name}",
            "netns",
            server,
            "type",
            "veth",
            "peer",
            "name",
            f"vc{name}",
            "netns",
            client,
        )
        for space, link, address in ((server, f"vs{name}", "10.77.0.1"), (client, f"vc{name}", "10.77.0.2")):
            ip("-n", space, "addr", "add", f"{address}/24", "dev", link)
            ip("-n", space, "link", "set", link, "up")
            ip("-n", space, "link", "set", "lo", "up")
        inside = ["ip", "netns", "exec", server]
        with run_sshd(folder, "10.77.0.1", inside) as sshd:
            yield sshd, ["ip", "netns", "exec", client]


def test_two_clones_on_another_machine_push_conflict_and_merge(tmp_path: Path) -> None:
    """git and contents over ssh, with nothing shared but the wire."""
    with two_machines(tmp_path / "sshd") as (sshd, there):

        def call(folder: Path, *words: str) -> str:
            done = subprocess.run(
                [*there, *words],
                cwd=folder,
                env={**os.environ, **sshd.environment},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
            return done.stdout

        hub = make_hub(tmp_path / "hub.git")
        ann, bob = tmp_path / "ann", tmp_path / "bob"
        call(tmp_path, "git", "clone", "-q", f"ssh://testhost{hub}", str(ann))
        (ann / ".gitignore").write_text("made\nout\n")
        call(ann, *TRACKER, "remote", "add", "box", f"ssh://testhost{tmp_path}/shared")
        call(ann, "git", "add", "-A")
        call(ann, "git", "commit", "-q", "-m", "first")
        call(ann, "git", "push", "-q", "origin", "HEAD:main")
        call(tmp_path, *TRACKER, "clone", f"ssh://testhost{hub}", str(bob))
        for clone in (ann, bob):
            (clone / "made").write_bytes(clone.name.encode() * 100_000)
            call(clone, *TRACKER, "artifact", "put", "made", "--name", "data")
        call(ann, *TRACKER, "push")
        assert "data:v0 is now v1" in call(bob, *TRACKER, "push")
        call(ann, *TRACKER, "pull", "--all")

        for clone in (ann, bob):
            for version, maker in (("v0", "ann"), ("v1", "bob")):
                call(clone, *TRACKER, "get", f"data:{version}", f"out/{version}")
                assert (clone / "out" / version / "made").read_bytes() == maker.encode() * 100_000
        assert call(ann, "git", "rev-parse", "refs/tracker/ledger") == call(
            bob, "git", "rev-parse", "refs/tracker/ledger"
        )
