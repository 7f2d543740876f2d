"""`auto_push: true`: a run that has ended is sent by a process of its own.

The training does not wait for it and hears nothing of it; what it says is in
`.git/tracker/push.log`. What it cannot send, the next push does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from vcs.atomic import disk_error, make_folder
from vcs.clock import iso_now

if TYPE_CHECKING:
    from vcs.repo import Repo

# A log of some thousand pushes; beyond, it begins anew.
_MAX_LOG_BYTES = 1 << 20


def start_push(repo: Repo, run_id: str) -> None:
    """Begin to push what a run logged, and the records; return at once.

    Raises:
        StoreError: The process cannot be started, or its log not be written.
    """
    log = repo.layout.push_log
    make_folder(log.parent)
    command = [sys.executable, "-P", "-m", "tracker.cli.main", "-C", str(repo.layout.root)]
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
            flags |= os.O_TRUNC
        fd = os.open(log, flags, 0o644)
        try:
            os.write(fd, f"{iso_now()} push of run {run_id}\n".encode())
            subprocess.Popen(
                [*command, "push", "--run", run_id],
                stdin=subprocess.DEVNULL,
                stdout=fd,
                stderr=fd,
                start_new_session=True,  # It goes on when the terminal of the training is closed.
            )
        finally:
            os.close(fd)
    except OSError as error:
        raise disk_error(error, "cannot start the push of the run") from error
