"""Where the tensors of a file lie, by name, so that the same ones are found in another file.

Known are safetensors and zip files with members stored as they are: what torch.save and
numpy.savez write. All that is read comes from somewhere else, so nothing of it is
believed: a wrong border costs a comparison and nothing else.
"""

from __future__ import annotations

import json
import os
import struct
from typing import BinaryIO

_MAX_HEADER_BYTES = 32 << 20
# A zip of more is no checkpoint, and reading its directory would take long.
_MAX_MEMBERS = 4096
_ZIP_MAGIC = b"PK\x03\x04"
# The last bytes of a zip file without a comment: how many members there are.
_ZIP_END = struct.Struct("<4s6xH8xH")
_ZIP_END_MAGIC = b"PK\x05\x06"
# Of a local header: how long the name and the extra field are.
_LOCAL_LENGTHS = struct.Struct("<26xHH")


def find_borders(stream: BinaryIO) -> dict[str, int]:
    """Return the offset of each tensor by its name; nothing for a file of another kind.

    Raises:
        OSError, IntegrityError: The stream cannot be read.
    """
    stream.seek(0)
    head = stream.read(9)
    if head[:4] == _ZIP_MAGIC:
        return _zip_borders(stream)
    if len(head) == 9 and head[8:] == b"{":
        return _safetensors_borders(stream, int.from_bytes(head[:8], "little"))
    return {}


def anchors(new: dict[str, int], base: dict[str, int]) -> list[tuple[int, int]]:
    """Return where, in the new file, bytes are to be expected that lie elsewhere in the base.

    Each pair is an offset in the new file, and what to add to it from there on.
    """
    pairs = sorted((offset, base[name] - offset) for name, offset in new.items() if name in base)
    changes = [(0, 0)]
    for offset, shift in pairs:
        if shift != changes[-1][1]:
            changes.append((offset, shift))
    return changes


def _safetensors_borders(stream: BinaryIO, length: int) -> dict[str, int]:
    if length > _MAX_HEADER_BYTES:
        return {}
    stream.seek(8)
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError):
        return {}
    borders: dict[str, int] = {}
    for name, tensor in header.items() if isinstance(header, dict) else ():
        offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
        if isinstance(offsets, list) and offsets and isinstance(offsets[0], int) and offsets[0] >= 0:
            borders[name] = 8 + length + offsets[0]
    return borders


def _zip_borders(stream: BinaryIO) -> dict[str, int]:
    stream.seek(-_ZIP_END.size, os.SEEK_END)
    magic, count, comment = _ZIP_END.unpack(stream.read(_ZIP_END.size))
    if magic != _ZIP_END_MAGIC or comment or count > _MAX_MEMBERS:
        return {}
    from zipfile import ZIP_STORED, BadZipFile, ZipFile  # 10 ms, for such files only.

    borders: dict[str, int] = {}
    try:
        with ZipFile(stream) as file:
            members = file.infolist()
            # torch.save puts all under one folder, named after the file.
            folders = {member.filename.partition("/")[0] for member in members}
            prefix = len(next(iter(folders))) if len(folders) == 1 else 0
            for member in members:
                if member.compress_type != ZIP_STORED:
                    continue
                stream.seek(member.header_offset)
                name, extra = _LOCAL_LENGTHS.unpack(stream.read(_LOCAL_LENGTHS.size))
                offset = member.header_offset + _LOCAL_LENGTHS.size + name + extra
                borders[member.filename[prefix:]] = offset
    except (BadZipFile, struct.error, ValueError, NotImplementedError, UnicodeDecodeError, OverflowError):
        return {}
    return borders
