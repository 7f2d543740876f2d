"""A Slurm of one node on loopback: munge, controller, node. Without accounting, as on small clusters."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers.process import free_ports, need_programs, program, start, stop, wait_until

_CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
MessageTimeout=100
ReturnToService=2
KillWait=5
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def run_slurm(folder: Path) -> Iterator[Path]:
    """Run it for the block; yields its configuration, for SLURM_CONF. Skips where it cannot run."""
    need_programs("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
    if os.geteuid() != 0:
        pytest.skip("a node of Slurm runs as root")
    munge = folder / "munge"
    for made in (munge, folder / "state", folder / "spool"):
        made.mkdir()
    munge.chmod(0o755)
    key = munge / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    controller, node = free_ports(2)
    host = socket.gethostname().partition(".")[0]
    config = folder / "slurm.conf"
    config.write_text(_CONFIG.format(folder=folder, host=host, controller=controller, node=node))
    log = folder / "log"

    def ask(name: str, *words: str) -> str:
        environment = {**os.environ, "SLURM_CONF": str(config)}
        done = subprocess.run([program(name), *words], env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    def end_jobs() -> None:
        """What a job started outlives the servers, unless it ends before."""
        ask("scancel", "--full", "--signal=KILL", "--user=root")
        wait_until(lambda: not ask("squeue", "--noheader"), "the end of the jobs", log=log)

    with ExitStack() as stack:
        files = {"key-file": key, "socket": munge / "socket", "pid-file": munge / "pid"}
        files |= {"log-file": munge / "log", "seed-file": munge / "seed"}
        options = [f"--{name}={path}" for name, path in files.items()]
        stack.callback(stop, start([program("munged"), "--foreground", "--force", *options], log))
        wait_until((munge / "socket").exists, "munge", log=log)
        stack.callback(stop, start([program("slurmctld"), "-D", "-i", "-f", config], log))
        stack.callback(stop, start([program("slurmd"), "-D", "-N", host, "-f", config], log))
        wait_until(lambda: ask("sinfo", "--noheader", "--format=%t") == "idle", "Slurm", log=log)
        stack.callback(end_jobs)
        yield config
