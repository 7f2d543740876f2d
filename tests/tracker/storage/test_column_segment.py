"""Compacted segments as files: read in parts, and never wrong when they are damaged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.tracker.storage.build import layout, rewind, row, set_, write
from tests.tracker.storage.columns import compacted
from tracker.storage.column_segment import read_columns_file, read_index, to_jsonl
from tracker.storage.columnar import FOOTER
from tracker.storage.history import read_columns, read_rows
from tracker.storage.journal import NestedKey, RewindMark, SetMark
from tracker.storage.segment import Damage
from vcs.digest import digest_bytes
from vcs.errors import FormatError, StoreError


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Thirty rows of two schemas, with marks between them."""
    items = [row(step, step, loss=step / 3, n=step) for step in range(20)]
    items.insert(5, set_(2.0, best=0.5))
    items += [rewind(15), *(row(15 + step, 30, val={"acc": step / 7}) for step in range(10))]
    return write(layout(tmp_path), 0, items)


def test_it_has_what_the_lines_have(lines: Path) -> None:
    """Header, keys, marks with their places, columns."""
    segment = read_columns_file(compacted(lines, block_lines=7))

    assert (segment.header.run, segment.header.session, segment.count) == ("run1", 0, 30)
    assert segment.keys == {0: ("loss", "n"), 1: ("val.acc",)}
    assert isinstance(segment.keys[1][0], NestedKey)
    assert [(place, type(mark)) for place, mark in segment.marks] == [(5, SetMark), (20, RewindMark)]
    assert segment.values(0, 1) == list(range(20))
    assert segment.schema_counts == {0: 20, 1: 10}


def test_only_what_is_asked_for_is_read(lines: Path) -> None:
    """A column survives damage of the others."""
    path = compacted(lines)
    segment = read_columns_file(path)
    data = bytearray(path.read_bytes())
    # The first column of the first part: after the three that all rows have.
    start = 8 + sum(stream.size for found in segment.index.blocks[0].common for stream in found)
    data[start] ^= 1
    path.write_bytes(data)

    assert segment.values(0, 1) == list(range(20))
    with pytest.raises(FormatError, match=r"0-0\.columns.*damaged"):
        segment.values(0, 0)


def test_lines_come_back(lines: Path) -> None:
    """For programs that read lines; size and digest of them stand in the index."""
    data = lines.read_bytes()
    path = compacted(lines)

    assert b"".join(to_jsonl(path)) == data
    index, _ = read_index(path)
    assert (index.source_size, index.source_digest) == (len(data), digest_bytes(data))


def test_any_flipped_bit_is_found(lines: Path) -> None:
    """No byte of the file can change unnoticed."""
    path = compacted(lines)
    data = path.read_bytes()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(FormatError, match=r"0-0\.columns"):
            list(to_jsonl(path))


def test_a_file_cut_at_any_byte_is_an_error_that_names_it(lines: Path) -> None:
    """It never looks like a shorter history."""
    path = compacted(lines)
    data = path.read_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        with pytest.raises(FormatError, match=r"0-0\.columns"):
            read_columns_file(path)


def test_damaged_blocks_are_left_out_if_the_rest_is_asked_for(tmp_path: Path, lines: Path) -> None:
    """What is lost is described; marks keep their places among what is left."""
    run = layout(tmp_path)
    path = compacted(lines, block_lines=10)
    index, _ = read_index(path)
    second = 8 + sum(stream.size for found in index.blocks[0].columns() for stream in found)
    data = bytearray(path.read_bytes())
    data[second] ^= 1
    path.write_bytes(data)

    with pytest.raises(FormatError, match="damaged"):
        read_rows(run)
    damaged: list[Damage] = []
    rows = read_rows(run, damaged=damaged, all_segments=True)

    assert [r["_step"] for r in rows] == [*range(8), *range(18, 20), *range(15, 25)]
    assert [r["_masked"] for r in rows] == [False] * 8 + [True] * 2 + [False] * 10
    assert [(d.path, d.line) for d in damaged] == [(path, 0)]
    assert "rows 9 to 18" in str(damaged[0].error())
    assert read_columns(run, ["n"], damaged=[]) == {"n": [*range(8)]}


def test_a_file_without_an_index_is_left_out_if_the_rest_is_asked_for(tmp_path: Path, lines: Path) -> None:
    """Another session of the run is still read."""
    run = layout(tmp_path)
    path = compacted(lines)
    path.write_bytes(path.read_bytes()[:-1])
    write(run, 1, [row(30, loss=0.25)], from_step=30)
    damaged: list[Damage] = []

    assert [r["_step"] for r in read_rows(run, damaged=damaged)] == [30]
    assert str(damaged[0].error()).count("0-0.columns") == 1


def test_a_newer_format_is_refused_with_a_sentence(lines: Path) -> None:
    """And nothing is guessed."""
    path = compacted(lines)
    index, start = read_index(path)
    index.format = 2
    data = msgspec.json.encode(index)
    footer = FOOTER.pack(len(data), bytes.fromhex(digest_bytes(data)), b"TCOLEND1")
    path.write_bytes(path.read_bytes()[:start] + data + footer)

    with pytest.raises(FormatError, match="newer version"):
        read_columns_file(path)


def test_a_missing_file_is_trouble_of_the_disk(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(StoreError, match=r"gone\.columns"):
        read_columns_file(tmp_path / "gone.columns")
