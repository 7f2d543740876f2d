"""What a session runs on and how it was started, for its part of `run.yaml`.

Cheap: a few small files are read, no process is started, nothing heavy is imported. Only
where there is an NVIDIA driver, its library is asked, which may take some ten milliseconds.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker.collect.gpu import Gpus
from vcs.secrets import mask_argv, mask_mapping

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")


def collect_environment(
    variables: Mapping[str, str] | None = None, argv: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return user, argv, python, platform, cpu, memory, gpus and environment.

    Never raises for what a system does not tell; that is left out.

    Args:
        variables: The environment variables to record (`tracker.settings` chooses
            them). Secrets in them and in argv are masked here.
        argv: The command line; by default, that of this process.
    """
    facts: dict[str, Any] = {
        "user": _user(),
        "argv": mask_argv(sys.orig_argv if argv is None else argv),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "cpu": _cpu(),
        "memory_bytes": _memory_bytes(),
        "gpus": Gpus().describe(),
        "environment": mask_mapping(variables or {}),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container that runs under a number without a name.
        return str(os.getuid()) if hasattr(os, "getuid") else None


def _cpu() -> dict[str, Any]:
    """Return the model, the number of logical CPUs and how many of them this process may use."""
    facts: dict[str, Any] = {"model": _cpu_model(), "count": os.cpu_count()}
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    facts["available"] = min(float(allowed), _cpu_quota())
    return {name: fact for name, fact in facts.items() if fact}


def _cpu_model() -> str | None:
    text = _read(Path("/proc/cpuinfo"), 4096)
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    # Not platform.processor(): it starts a process on Linux.
    return found[1].strip() if found else platform.machine() or None


def _cpu_quota() -> float:
    """Return how many CPUs the container may use: `<microseconds> <of so many>` or `max …`."""
    found = re.fullmatch(r"(\d+) (\d+)\s*", _read(_CPU_LIMIT, 64))
    return round(int(found[1]) / int(found[2]), 2) if found and int(found[2]) else float("inf")


def _memory_bytes() -> int | None:
    """Return the memory that this process may use: the machine's or the container's."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", _read(Path("/proc/meminfo"), 4096), re.MULTILINE)
    if found:
        total = int(found[1]) * 1024
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return None
    limit = _read(_MEMORY_LIMIT, 64).strip()
    return min(total, int(limit)) if limit.isdigit() else total


def _read(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
