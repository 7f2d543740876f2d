"""Whether a process that a record names still runs, without asking it.

A process is named by host, boot, id and start time, so neither a reboot nor a
reused process id is mistaken for it. What cannot be known from here (another
host, another container, a process that the system hides) is None, never a guess.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# The kernel gives the first namespace of a machine this inode (PROC_PID_INIT_INO in proc_ns.h).
_FIRST_PID_NAMESPACE = 4026531836

# Linux counts starts in ticks of 10 ms; elsewhere they come from the wall clock.
_TICK_S = 0.011
_CLOCK_S = 2.0


@dataclass(frozen=True)
class ProcessId:
    """One process among all that ever ran anywhere.

    Attributes:
        boot: Identifies the boot of the host and, in a container, its process namespace.
        pid_start: When the process began, in seconds since the boot.
    """

    host: str
    boot: str
    pid: int
    pid_start: float


def this_process() -> ProcessId:
    """Return the identity of this process; cheap, and right after a fork."""
    pid = os.getpid()
    start = _start_of(pid)
    return ProcessId(os.uname().nodename, _boot(), pid, 0.0 if start is None else start)


def is_alive(process: ProcessId) -> bool | None:
    """Return whether the process still runs; None if that cannot be known from here.

    A zombie, which only waits for its parent to notice, has ended.
    """
    if process.host != os.uname().nodename or not process.boot:
        return None
    boot, _, namespace = process.boot.partition("/")
    own_boot, _, own_namespace = _boot().partition("/")
    if boot != own_boot:
        return False
    if namespace != own_namespace:
        return None
    if not _exists(process.pid):
        return False
    start = _start_of(process.pid)
    if start is None:
        # It exists but is hidden, or ended between the two questions.
        return None if _exists(process.pid) else False
    if _is_zombie(process.pid):
        return False
    tolerance_s = _TICK_S if _has_proc() else _CLOCK_S
    return abs(start - process.pid_start) < tolerance_s


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@cache
def _has_proc() -> bool:
    return Path("/proc/self/stat").exists()


@cache
def _boot() -> str:
    """Return the boot's id; `/` and the process namespace follow in a container."""
    if not _has_proc():
        import psutil

        return f"{psutil.boot_time():.0f}"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return boot
    return boot if namespace == _FIRST_PID_NAMESPACE else f"{boot}/{namespace}"


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat from the third on; None if there are none to see."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the command in parentheses, and may itself hold spaces and parentheses.
    return text.rpartition(")")[2].split()


def _start_of(pid: int) -> float | None:
    """Return when a process began, in seconds since the boot; None if it cannot be seen."""
    if _has_proc():
        fields = _stat_fields(pid)
        if fields is None:
            return None
        return round(int(fields[19]) / os.sysconf("SC_CLK_TCK"), 3)
    import psutil

    try:
        return round(psutil.Process(pid).create_time() - psutil.boot_time(), 3)
    except psutil.Error:
        return None


def _is_zombie(pid: int) -> bool:
    if _has_proc():
        fields = _stat_fields(pid)
        return fields is not None and fields[0] in ("Z", "X")
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
