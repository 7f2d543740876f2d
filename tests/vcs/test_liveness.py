"""Whether a recorded process still runs: known or unknown, never guessed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from vcs import liveness
from vcs.liveness import ProcessId, is_alive, this_process

SLEEP = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]


def identity(pid: int) -> ProcessId:
    """The identity of another process of this machine."""
    start = liveness._start_of(pid)
    assert start is not None
    return replace(this_process(), pid=pid, pid_start=start)


def test_this_process_is_alive() -> None:
    """And says so twice in the same words."""
    assert is_alive(this_process()) is True
    assert this_process() == this_process()


def test_a_process_that_was_killed_is_not() -> None:
    """Also while its parent has not noticed."""
    child = subprocess.Popen(SLEEP, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    process = identity(child.pid)
    assert is_alive(process) is True

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(process) is False
    child.communicate()
    assert is_alive(process) is False


def test_a_process_id_that_was_given_again_is_another_process() -> None:
    """The start tells them apart."""
    assert is_alive(replace(this_process(), pid_start=this_process().pid_start - 5)) is False


def test_after_a_reboot_no_process_is_alive() -> None:
    """Whatever ids they had."""
    assert is_alive(replace(this_process(), boot="another boot")) is False


def test_another_host_is_not_known_from_here() -> None:
    """Neither is a record that does not say where it ran."""
    assert is_alive(replace(this_process(), host="elsewhere.example.org")) is None
    assert is_alive(replace(this_process(), boot="")) is None


def test_another_container_on_this_machine_is_not_known_from_here() -> None:
    """Its process ids mean something else."""
    here = this_process()
    boot = here.boot.partition("/")[0]

    assert is_alive(replace(here, boot=f"{boot}/1")) is None


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 5, 2**62])
def test_ids_that_no_process_has_are_not_alive(pid: int) -> None:
    """They come out of hostile records."""
    assert is_alive(replace(this_process(), pid=pid)) is False


def test_a_forked_child_is_itself() -> None:
    """Its identity is not the parent's."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, str(this_process().pid).encode())
        os._exit(0)
    os.waitpid(pid, 0)

    assert int(os.read(reader, 20)) == pid
    os.close(reader)
    os.close(writer)
