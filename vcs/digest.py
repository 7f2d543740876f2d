"""BLAKE3-256, the identity of every object.

A digest is 64 lower-case hexadecimal characters: plain text, because it goes into
file names, YAML and JSON as it is.
"""

from __future__ import annotations

import re
from typing import NewType

from blake3 import blake3

from vcs.errors import FormatError

Digest = NewType("Digest", str)

_FORM = re.compile(r"[0-9a-f]{64}")


def digest_bytes(data: bytes | bytearray | memoryview) -> Digest:
    """Return the digest of `data`, which is read once."""
    return Digest(blake3(data).hexdigest())


def parse_digest(text: object) -> Digest:
    """Return `text` as a digest.

    Raises:
        FormatError: It is not 64 lower-case hexadecimal characters.
    """
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise FormatError(f"not a BLAKE3 digest: {text!r}")
    return Digest(text)
