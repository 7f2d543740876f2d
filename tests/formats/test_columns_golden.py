"""A compacted segment as version 1 wrote it, read by us, and by a program that knows only docs/formats.md."""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.properties.test_journal_roundtrip import same
from tests.tracker.storage.build import layout
from tracker.storage.column_segment import read_columns_file, to_jsonl

LINES = b"""\
{"format":1,"run":"run1","session":0,"rank":"0","start":1700000000.0,"from_step":0}
{"schema":0,"keys":["loss","n"]}
[0,0,1000,0.5,1]
[0,1,2000,{"float":"nan"},2]
{"set":{"best":0.25},"t":2000}
[0,2,3000,0.125,3]
{"schema":1,"keys":[["val","acc"]]}
[1,2,4000,null]
{"rewind":2,"t":0}
[1,2,5000,"x"]
[1,3,6000,[1,true]]
"""

COLUMNS = base64.b64decode(
    """
VENPTDAwMDEAAQAAAAAAAQAAAAEAAQAAAAABAAAA6AMAAQAAAAABAAAAAAEAAAAAAQAAAAABAAAAAAEAAAABAgAAAAECAAAA
AAAAAAAA4Pg/fwABAAAAAQABAAAAAQABAAAAAgABAAAAAAEAAADoAwABAAAAAAEAAAAAAQAAAAABAAAAAAEAAAAAAQAAAAAB
AAAAAAEAAAAAAAAAAADAPwABAAAAAwABAAAAbgABAAAAAQABAAAAAQABAAAAAAEAAADoA3gBU6pQ4oo21CkpKk2N5QIAF+kD
pgEDAAAAAgEBeAE9zLEKgDAQA9Ddz8hc5BRc+ivSodYDxargiSKl/+5RxCmB8JIgYeLVw5LBwo/A9oi7CAw2uFwlCJ+wCQOL
JtVtlw20tURU5s83v+9x+ajehwBXLg6+521UU6SyF2+hI1d7ImZvcm1hdCI6MSwic291cmNlX3NpemUiOjMxOSwic291cmNl
X2RpZ2VzdCI6IjU2ZmI3NjI5YjkyYWQzZmVhNmFmZmI0YjNmMWMyNDkzNGY5NjIyNWNkOTJjN2E4OGQ1ZGY4MDk2ZjFiYjY2
YTYiLCJoZWFkIjoie1wiZm9ybWF0XCI6MSxcInJ1blwiOlwicnVuMVwiLFwic2Vzc2lvblwiOjAsXCJyYW5rXCI6XCIwXCIs
XCJzdGFydFwiOjE3MDAwMDAwMDAuMCxcImZyb21fc3RlcFwiOjB9XG4iLCJjb3VudCI6NiwibGFzdF9tcyI6NjAwMCwiYmxv
Y2tzIjpbWzIsW1tbImludHMiLDIsNiwyMzU5NDYxOTA3LDEsbnVsbCwwLGZhbHNlXV0sW1siaW50cyIsMSw2LDQyMjE5NDE4
OTMsMSwwLDAsZmFsc2VdXSxbWyJpbnRzIiwxLDEyLDIxMjUwNjI3NDAsMiwxMDAwLDAsZmFsc2VdXV0sW1swLDIsW1tbImRv
dWJsZXMiLDIsNTAsMjM4NzkwNTIxNiw4LG51bGwsMCx0cnVlXV0sW1siaW50cyIsMSw2LDQyMjE5NDE4OTMsMSwxLDAsZmFs
c2VdXV1dXV0sWzIsW1tbImludHMiLDEsNiw0MjIxOTQxODkzLDEsMCwwLGZhbHNlXV0sW1siaW50cyIsMiw2LDE2NTU0OTkw
NzEsMSxudWxsLDAsZmFsc2VdXSxbWyJpbnRzIiwxLDEyLDIxMjUwNjI3NDAsMiwzMDAwLDAsZmFsc2VdXV0sW1swLDEsW1tb
ImRvdWJsZXMiLDEsNDgsMTQwNjc0MTYyMSw4LG51bGwsMCxmYWxzZV1dLFtbImludHMiLDEsNiwzNjM1ODM5MTMsMSxudWxs
LDAsZmFsc2VdXV1dLFsxLDEsW1tbImtpbmRzIiwxLDYsNjQ4NTk0NTA4LDEsbnVsbCwwLGZhbHNlXV1dXV1dLFsyLFtbWyJp
bnRzIiwyLDYsNDIyMTk0MTg5MywxLG51bGwsMCxmYWxzZV1dLFtbImludHMiLDEsNiw0MjIxOTQxODkzLDEsMiwwLGZhbHNl
XV0sW1siaW50cyIsMSwxMiwyMTI1MDYyNzQwLDIsNTAwMCwwLGZhbHNlXV1dLFtbMSwyLFtbWyJqc29uIiwyLDIxLDcxNzYz
ODM2MCw4LG51bGwsMTMsZmFsc2VdXV1dXV1dLCJwbGFjZXMiOltbImludHMiLDMsOCw0MTI2Njc1MTU1LDEsMCwwLGZhbHNl
XV0sImxpbmVzIjpbWyJ0ZXh0Iiw0LDk4LDMxNTYxNjE4NzYsOCxudWxsLDExOSxmYWxzZV1dfQQEAAAAAAAAbGnUc9xdDIQd
qVWPdaO6mJh5IilhWpergJTqI+R+1IpUQ09MRU5EMQ==
"""
)

ROWS = [
    [0, 0, 1000, 0.5, 1],
    [0, 1, 2000, math.nan, 2],
    [0, 2, 3000, 0.125, 3],
    [1, 2, 4000, None],
    [1, 2, 5000, "x"],
    [1, 3, 6000, [1, True]],
]


def test_the_file_is_still_read(tmp_path: Path) -> None:
    """Rows, keys and marks; and its lines."""
    run = layout(tmp_path)
    run.history.mkdir(parents=True)
    path = run.history / "0-0.columns"
    path.write_bytes(COLUMNS)
    segment = read_columns_file(path)

    assert same([list(row) for row in segment.rows], ROWS)
    assert segment.keys == {0: ("loss", "n"), 1: ("val.acc",)}
    assert [place for place, _ in segment.marks] == [2, 4]
    assert b"".join(to_jsonl(path)) == LINES


def test_the_documentation_is_enough_to_read_it() -> None:
    """With nothing but JSON, zlib and struct."""
    rows, places, lines = foreign_reader(COLUMNS)

    assert same(rows, ROWS)
    assert places == [0, 2, 3, 4]
    assert lines == [line for line in LINES.split(b"\n")[1:] if line[:1] == b"{"]


def foreign_reader(data: bytes) -> tuple[list[Any], list[int], list[bytes]]:
    """Return the rows, and the other lines with the number of rows before each."""
    assert data[:8] == b"TCOL0001"
    assert data[-8:] == b"TCOLEND1"
    (length,) = struct.unpack("<Q", data[-48:-40])
    index = json.loads(data[-48 - length : -48])
    place = 8

    def take(stream: list[Any]) -> bytes:
        nonlocal place
        body = data[place : place + stream[2]]
        place += stream[2]
        assert zlib.crc32(body) == stream[3]
        return body

    def column(streams: list[list[Any]]) -> list[Any]:
        kinds, sources = b"", {}
        for stream in streams:
            body = take(stream)
            if stream[0] == "kinds":
                kinds = planes(body, stream[1], 1)
            else:
                sources[stream[0][0]] = iter(values(stream, body))
        if not kinds:
            return list(next(iter(sources.values())))
        constants = {"n": None, "t": True, "f": False}
        return [constants[k] if k in constants else next(sources[k]) for k in kinds.decode()]

    rows = []
    for _, common, parts in index["blocks"]:
        schemas, steps, times = map(column, common)
        by_schema: dict[int, Iterator[Any]] = {}
        for schema, _, columns in parts:
            by_schema[schema] = iter(list(zip(*map(column, columns), strict=True)))
        for schema, step, ms in zip(schemas, steps, times, strict=True):
            rows.append([schema, step, ms, *next(by_schema[schema])])
    places = column(index["places"])
    *lines, torn = zlib.decompress(take(index["lines"][0])).split(b"\n")
    assert torn == b""
    return rows, places, lines


def planes(body: bytes, count: int, width: int) -> bytes:
    """Put the planes of numbers together."""
    numbers, place = bytearray(count * width), 5 * width
    for byte in range(width):
        how, size = struct.unpack_from("<BI", body, 5 * byte)
        plane = body[place : place + size]
        place += size
        numbers[byte::width] = plane * count if how == 0 else zlib.decompress(plane) if how == 2 else plane
    return bytes(numbers)


def values(stream: list[Any], body: bytes) -> list[Any]:
    """Decode a stream."""
    kind, count, _, _, width, first, _, _ = stream
    if kind == "json":
        return [json.loads(line) for line in zlib.decompress(body).splitlines()]
    code = "d" if kind == "doubles" else {1: "b", 2: "h", 4: "i", 8: "q"}[width]
    numbers = list(struct.unpack(f"<{count}{code}", planes(body, count, width)))
    return numbers if first is None else list(accumulate(numbers, initial=first))
