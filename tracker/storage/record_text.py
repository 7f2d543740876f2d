"""Records as text in which digests can be read, for those who look for what names an object."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tracker.storage.segment_names import COLUMNS
from vcs.errors import FormatError


def expand_record(path: str, content: bytes) -> bytes:
    """Return a record's bytes; those of a compacted segment as the lines that it stands for.

    A damaged one stays as it is: what its run lists by digest is named by the run's record.
    """
    if not path.endswith(COLUMNS):
        return content
    from tracker.storage.column_segment import to_jsonl

    with tempfile.NamedTemporaryFile(suffix=COLUMNS) as file:
        file.write(content)
        file.flush()
        try:
            return b"".join(to_jsonl(Path(file.name)))
        except FormatError:
            return content
