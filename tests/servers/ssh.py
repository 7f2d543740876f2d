"""An sshd of our own on loopback, with a key for the test: SFTP, and git over ssh."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.process import free_ports, need_programs, program, start, stop, wait_until

_SERVER = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
MaxStartups 200
MaxSessions 200
"""
_CLIENT = """\
Host testhost
  HostName {address}
  Port {port}
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  StrictHostKeyChecking accept-new
  UserKnownHostsFile {folder}/known_hosts
  LogLevel ERROR
"""


@dataclass(frozen=True)
class SshServer:
    """A running server; `testhost` is its name in the configuration of the client."""

    folder: Path
    port: int

    @property
    def command(self) -> list[str]:
        """The ssh that knows it."""
        return ["ssh", "-F", str(self.folder / "client")]

    @property
    def environment(self) -> dict[str, str]:
        """What makes git and tracker use that ssh."""
        return {"GIT_SSH_COMMAND": shlex.join(self.command)}


@contextmanager
def run_sshd(folder: Path, address: str = "127.0.0.1", prefix: Sequence[str] = ()) -> Iterator[SshServer]:
    """Run it for the block; `prefix` goes before its command, to start it in another place."""
    need_programs("sshd", "ssh", "ssh-keygen")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized_keys").write_bytes((folder / "user_key.pub").read_bytes())
    (port,) = free_ports(1)
    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "server").write_text(_SERVER.format(folder=folder, port=port, address=address))
    (folder / "client").write_text(_CLIENT.format(folder=folder, port=port, user=user, address=address))
    log = folder / "server.log"
    process = start([*prefix, program("sshd"), "-D", "-e", "-f", folder / "server"], log)
    try:
        wait_until(lambda: "Server listening" in log.read_text(errors="replace"), "sshd", log=log)
        server = SshServer(folder, port)
        if (
            os.geteuid() != 0
            and subprocess.run([*server.command, "testhost", "true"], check=False).returncode
        ):
            pytest.skip(f"the account {user} cannot log in by ssh")
        yield server
    finally:
        stop(process)
