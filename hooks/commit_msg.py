"""A message that the user left empty stays empty, so that git gives up as it should.

git would take our trailers in an otherwise empty message, or below an untouched template,
for a message.
"""

from __future__ import annotations

import os
from pathlib import Path

from hooks.call import Call
from hooks.prepare_commit_msg import TRAILER, read_added, without_comments
from vcs.atomic import write_atomic


def run(call: Call) -> bool:
    """Take our trailers out again if nothing else was written."""
    added = read_added(call.state.added)
    if added is None or added.untouched is None:
        return True
    file = Path(os.path.abspath(call.argument(0)))
    lines = without_comments(call, file.read_bytes()).splitlines()
    rest = "\n".join(line for line in lines if not line.startswith(f"{TRAILER}: ")).strip()
    if rest == added.untouched.strip():
        write_atomic(file, added.untouched, durable=False)
        call.state.added.unlink(missing_ok=True)
    return True
