"""YAML that is read safely and written exactly.

Reading trusts nothing: no tags, no anchors or aliases (a few hundred bytes of them
expand to gigabytes), no key twice in one mapping, no nesting or size beyond a bound.
Writing takes what JSON has, plus NaN and the infinities, and what was written is read
back equal. Times stay text in both directions. PyYAML, 15 ms of a start, is loaded with the
first document: most commands read none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vcs.atomic import disk_error
from vcs.errors import FormatError, NotFoundError

MAX_BYTES = 64 << 20


def load_yaml(source: Path | str, what: str) -> Any:
    """Read one YAML document from a file (a Path) or a text (a str).

    Returns None for an empty document. `what` says in an error what is being read
    ("settings", "manifest of x:v3"); the path or line is added here.

    Raises:
        NotFoundError: The file does not exist.
        FormatError: Not YAML or not UTF-8, a tag, anchor or alias, a key twice, nested
            beyond 200 levels, or larger than 64 MiB.
        StoreError: The file cannot be read.
    """
    if isinstance(source, Path):
        text, name = read_text(source, what), f"{what} {source}"
    else:
        text, name = source, what
    from vcs.yaml_engine import parse

    return parse(text, name)


def read_small(path: Path, what: str) -> bytes:
    """Return the bytes of a file of ours, of at most 64 MiB.

    Raises:
        NotFoundError, FormatError, StoreError: As for `load_yaml`.
    """
    try:
        # Without waiting: a named pipe in the place of a file would hold us for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise FormatError(f"{what} {path} is no file")
            with open(fd, "rb", buffering=0, closefd=False) as stream:
                # Python makes room for all that is asked for, and 64 MiB of it take longer than the file.
                data = stream.read(min(status.st_size, MAX_BYTES) + 1) or b""
                while 0 < len(data) <= MAX_BYTES and (more := stream.read(1 << 20)):
                    data += more
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise NotFoundError(f"{what} {path} does not exist") from None
    except OSError as error:
        raise disk_error(error, f"cannot read {what} {path}") from error
    if len(data) > MAX_BYTES:
        raise FormatError(f"{what} {path} is larger than {MAX_BYTES >> 20} MiB; it is not ours")
    return data


def read_text(path: Path, what: str) -> str:
    """Return the text of a file of ours; see `read_small`."""
    data = read_small(path, what)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{what} {path} is not UTF-8 at byte {error.start}") from error


def dump_yaml(value: Any) -> str:
    """Return `value` as a block of YAML text that ends with a newline.

    Takes None, booleans, numbers, text, lists, tuples (written as lists) and mappings with
    plain keys; subclasses of these are written as the plain value. Reading it back gives an
    equal value. Lone surrogates, which UTF-8 does not have, are written as `\\udcXX`.

    Raises:
        TypeError: Some other type is in it.
        ValueError: It is nested beyond 200 levels, or in itself.
    """
    from vcs.yaml_engine import block_text

    return block_text(value)


def dump_flow(value: Mapping[Any, Any] | Sequence[Any]) -> str:
    """Return `value` as one line of YAML, without a newline; otherwise as `dump_yaml`.

    Where JSON has a spelling for everything in it, the line is JSON.
    """
    from vcs.yaml_engine import flow_text

    return flow_text(value)
