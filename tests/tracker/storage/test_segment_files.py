"""Which file of a segment is read when there are two, or when one goes away meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.storage.build import layout, row, steps, write
from tests.tracker.storage.columns import compacted
from tracker.storage import segment_files
from tracker.storage.history import read_columns, read_rows
from tracker.storage.segment_files import find_segments
from vcs.errors import FormatError, StoreError
from vcs.layout import RunLayout


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run of two sessions of ten rows."""
    run = layout(tmp_path)
    write(run, 0, [row(step, loss=step / 3) for step in range(10)])
    write(run, 1, [row(step, loss=step / 3) for step in range(10, 20)], from_step=10)
    return run


@pytest.fixture
def lines(run: RunLayout) -> Path:
    """The lines of the first session."""
    return run.history_segment(0, "0")


def names(run: RunLayout) -> list[str]:
    """The files that are read."""
    return [path.name for path in find_segments(run.history)]


def test_sessions_of_both_forms_are_one_history(run: RunLayout, lines: Path) -> None:
    """Readers do not tell them apart."""
    before = read_rows(run)
    compacted(lines)

    assert names(run) == ["0-0.columns", "1-0.jsonl"]
    assert read_rows(run) == before
    assert read_columns(run, ["_step", "loss"])["_step"] == list(range(20))


def test_of_both_forms_of_a_segment_one_is_read(run: RunLayout, lines: Path) -> None:
    """A compaction was killed before it removed the lines."""
    compacted(lines, remove=False)

    assert names(run) == ["0-0.columns", "1-0.jsonl"]
    assert steps(read_rows(run)) == list(range(20))


def test_lines_are_read_while_their_compacted_form_is_not_whole(run: RunLayout, lines: Path) -> None:
    """Cut at any byte, or with any byte changed."""
    path = compacted(lines, remove=False)
    data = path.read_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        assert names(run)[0] == "0-0.jsonl"
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert names(run)[0] == "0-0.jsonl"
    assert steps(read_rows(run)) == list(range(20))


def test_lines_that_have_more_are_read(run: RunLayout, lines: Path) -> None:
    """The compacted form came from a copy of an earlier time."""
    data = lines.read_bytes()
    cut = data[: data.rindex(b"[")]
    lines.write_bytes(cut)
    compacted(lines, remove=False)
    lines.write_bytes(data)

    assert names(run)[0] == "0-0.jsonl"
    assert steps(read_rows(run)) == list(range(20))


def test_lines_that_have_less_are_not_read(run: RunLayout, lines: Path) -> None:
    """They came from a copy of an earlier time."""
    compacted(lines, remove=False)
    lines.write_bytes(lines.read_bytes()[:200])

    assert steps(read_rows(run)) == list(range(20))


def test_lines_that_are_compacted_while_a_reader_looks_are_read(
    run: RunLayout, lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the opening, or between header and rows."""
    data = lines.read_bytes()
    columns = lines.with_name("0-0.columns")
    for name in ("read_header", "read_segment"):
        lines.write_bytes(data)
        columns.unlink(missing_ok=True)
        real = getattr(segment_files, name)

        def late(path: Path, real: object = real, **options: object) -> object:
            if path == lines and path.exists():
                compacted(path)
            return real(path, **options)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(segment_files, name, late)
            assert steps(read_rows(run)) == list(range(20))
        assert not lines.exists()


def test_lines_that_are_gone_for_good_are_an_error(
    run: RunLayout, lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing stands in for them."""
    found = find_segments(run.history)
    lines.unlink()
    monkeypatch.setattr(segment_files, "find_segments", lambda folder: found)

    with pytest.raises(StoreError, match=r"0-0\.jsonl"):
        read_rows(run)


def test_a_damaged_compacted_file_alone_is_an_error_that_names_it(run: RunLayout, lines: Path) -> None:
    """Not an empty session."""
    path = compacted(lines)
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(FormatError, match=r"0-0\.columns"):
        read_rows(run)


def test_temporary_files_and_others_are_not_segments(run: RunLayout) -> None:
    """What a killed compaction leaves, and what people put there."""
    (run.history / ".0-0.columns.1.ab.tmp").write_bytes(b"")
    (run.history / ".5-0.jsonl").write_bytes(b"")
    (run.history / "notes.txt").write_bytes(b"")

    assert names(run) == ["0-0.jsonl", "1-0.jsonl"]
