"""What a helper runs; see `vcs.helpers`. Imports next to nothing, so that it is there at once."""

from __future__ import annotations

import gc
import marshal
import mmap
import os
from importlib import import_module

# Requests that a helper has at once, so that it never waits while the other side is busy.
SLOTS = 6
# Of requests and replies: what passes a socket in one piece.
MAX_MESSAGE = 64 << 10


def serve(module: str, names: str, fd: int, memory_fd: int, buffer_bytes: int) -> None:
    """Answer requests until the other side is gone. What goes wrong ends the process."""
    gc.disable()  # Requests and replies hold no cycles.
    works = [getattr(import_module(module), name) for name in names.split(",")]
    memory = memoryview(mmap.mmap(memory_fd, SLOTS * buffer_bytes))
    while message := os.read(fd, MAX_MESSAGE):
        slot, which, arguments = marshal.loads(message)
        reply = works[which](memory[slot * buffer_bytes : (slot + 1) * buffer_bytes], *arguments)
        answer = marshal.dumps((slot, reply))
        if len(answer) > MAX_MESSAGE:
            raise ValueError("a reply that does not pass the socket in one piece")
        os.write(fd, answer)
