"""Trying out a remote: a probe is written, read, listed and removed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vcs.buckets.base import DeniedError
from vcs.errors import IntegrityError, StoreError

if TYPE_CHECKING:
    from vcs.sharing.contents import RemoteContents

PROBES = "probes/"
_BYTES = 4096


@dataclass
class Probe:
    """What came of it.

    Attributes:
        writable: Whether everything worked.
        reason: What the server said against writing.
        seconds: How long each step took.
    """

    writable: bool = True
    reason: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def probe(contents: RemoteContents) -> Probe:
    """Do each thing that sharing needs, once.

    Raises:
        DeniedError, UnreachableError, StoreError: The remote cannot even be read.
        FormatError: It is of a newer format.
        IntegrityError: It gives back other bytes than it got.
    """
    result = Probe()
    bucket = contents.bucket
    key, data = f"{PROBES}{os.urandom(16).hex()}", os.urandom(_BYTES)
    started = time.monotonic()

    def done(step: str) -> None:
        nonlocal started
        now = time.monotonic()
        result.seconds[step], started = now - started, now

    contents.state()
    done("list")
    try:
        bucket.put(key, data)
    except DeniedError as error:
        return Probe(False, error.message, result.seconds)
    done("write")
    try:
        if bucket.get(key) != data or bucket.get(key, 1000, 100) != data[1000:1100]:
            raise IntegrityError(f"{contents.name} gives back other bytes than it got")
        done("read")
        if not any(item.key == key for item in bucket.list(PROBES)):
            raise StoreError(f"{contents.name} does not list what was just written to it")
    finally:
        bucket.delete([key])
    done("remove")
    if any(item.key == key for item in bucket.list(PROBES)):
        raise StoreError(f"{contents.name} does not remove what it is told to")
    return result
