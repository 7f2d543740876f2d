"""Compacted segments for tests, made by the real writer."""

from __future__ import annotations

from pathlib import Path

from tracker.storage.columnar import ColumnsWriter
from tracker.storage.journal import parse_header
from tracker.storage.segment_names import columns_beside


def compacted(lines: Path, *, block_lines: int = 10**9, remove: bool = True) -> Path:
    """Write the compacted form of a file of lines, so many lines a block, and return its path."""
    head, *rest = lines.read_bytes().splitlines(keepends=True)
    target = columns_beside(lines)
    torn = rest.pop() if rest and not rest[-1].endswith(b"\n") else b""
    with target.open("wb") as stream:
        writer = ColumnsWriter(stream, head, parse_header(lines, head))
        for start in range(0, len(rest), block_lines):
            writer.add(b"".join(rest[start : start + block_lines]))
        writer.finish(torn)
    if remove:
        lines.unlink()
    return target
