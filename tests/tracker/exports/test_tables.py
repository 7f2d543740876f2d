"""Tables of rows: all of them, exact, whatever they hold."""

from __future__ import annotations

import csv
import io
import json
import math
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.read.conftest import Lab
from tracker.exports import parquet, tables
from tracker.storage import compaction, long_segment
from tracker.storage.history import read_rows
from vcs.errors import UsageError

ROWS: list[dict[str, Any]] = [
    {"loss": 0.1 + 0.2, "n": 2**60 + 1, "word": "=1+1", "odd": {"_type": "image", "path": "a.png"}},
    {"loss": math.nan, "n": 3, "flag": True, "mixed": 1},
    {"loss": math.inf, "n": 4, "word": 'a,"b"\nc', "mixed": "text"},
]


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_csv_has_every_row_and_every_digit(lab: Lab) -> None:
    """What is read back is what was logged; a cell is empty where a row lacks the value."""
    stream = io.BytesIO()
    assert tables.write_csv([lab.add("a", ROWS)], stream) == 3
    first, second, third = read_csv(stream.getvalue())
    assert list(first)[:3] == ["_step", "_runtime", "_timestamp"]
    assert float(first["loss"]) == 0.1 + 0.2
    assert int(first["n"]) == 2**60 + 1
    assert first["word"] == "=1+1"
    assert json.loads(first["odd"]) == ROWS[0]["odd"]
    assert (second["loss"], second["flag"], second["word"]) == ("nan", "true", "")
    assert (third["loss"], third["word"]) == ("inf", 'a,"b"\nc')


def test_a_table_of_several_runs_says_which(lab: Lab) -> None:
    runs = [lab.add("a", [{"x": 1}]), lab.add("b", [{"y": 2}, {"x": 3}])]
    stream = io.BytesIO()
    assert tables.write_csv(runs, stream, keys=None) == 3
    assert [(row["run"], row["x"], row["y"]) for row in read_csv(stream.getvalue())] == [
        ("a", "1", ""),
        ("b", "", "2"),
        ("b", "3", ""),
    ]


def test_keys_choose_rows_that_have_them_all(lab: Lab) -> None:
    run = lab.add("a", [{"x": 1}, {"x": 2, "y": 5}])
    stream = io.BytesIO()
    assert tables.write_csv([run], stream, keys=["x", "y"]) == 1
    assert read_csv(stream.getvalue()) == [{"_step": "1", "x": "2", "y": "5"}]


def test_json_is_a_list_of_runs_with_config_summary_and_rows(lab: Lab) -> None:
    """Also of a run without rows; NaN is a word, because JSON has none for it."""
    runs = [lab.add("a", ROWS, config={"lr": 0.1}), lab.add("empty")]
    stream = io.BytesIO()
    assert tables.write_json(runs, stream) == 3
    full, empty = json.loads(stream.getvalue())
    assert (full["id"], full["config"], full["state"]) == ("a", {"lr": 0.1}, "finished")
    assert [row["loss"] for row in full["rows"]] == [0.1 + 0.2, "nan", "inf"]
    assert full["rows"][0]["odd"] == ROWS[0]["odd"]
    assert empty["rows"] == []


def test_long_histories_are_written_whole(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across the borders of what is written at once."""
    monkeypatch.setattr(long_segment, "LONG_BYTES", 0)
    monkeypatch.setattr(long_segment, "_PIECE_BYTES", 30)
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 4)
    run = lab.add("a", [{"x": number} for number in range(9)])
    as_csv, as_json, as_parquet = io.BytesIO(), io.BytesIO(), io.BytesIO()
    tables.write_csv([run], as_csv)
    tables.write_json([run], as_json)
    assert [int(row["x"]) for row in read_csv(as_csv.getvalue())] == list(range(9))
    assert [row["x"] for row in json.loads(as_json.getvalue())[0]["rows"]] == list(range(9))
    arrow = pytest.importorskip("pyarrow.parquet")
    tables.write_parquet([run], as_parquet)
    assert arrow.ParquetFile(as_parquet).metadata.num_row_groups > 1
    assert arrow.read_table(as_parquet).to_pydict()["x"] == list(range(9))


def test_a_column_that_only_some_rows_have_is_in_the_heading_from_the_first(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the rows that have it come long after."""
    monkeypatch.setattr(long_segment, "LONG_BYTES", 0)
    monkeypatch.setattr(long_segment, "_PIECE_BYTES", 30)
    run = lab.add("a", [*({"x": number} for number in range(9)), {"late": 1}])
    stream = io.BytesIO()
    tables.write_csv([run], stream)
    rows = read_csv(stream.getvalue())
    assert [row["late"] for row in rows] == [""] * 9 + ["1"]


@pytest.mark.parametrize("form", ["lines", "columns"])
def test_memory_does_not_grow_with_the_rows(lab: Lab, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """What a list of all rows takes is many times as much."""
    monkeypatch.setattr(long_segment, "LONG_BYTES", 0)
    monkeypatch.setattr(long_segment, "_PIECE_BYTES", 1 << 13)
    monkeypatch.setattr(compaction, "_BLOCK_BYTES", 1 << 13)
    run = lab.add("a", [{"x": number / 7, "y": number / 3} for number in range(10_000)])
    if form == "columns":
        compaction.remove_lines(compaction.compact(run.layout, run.record))
        assert [path.suffix for path in run.layout.history.iterdir()] == [".columns"]

    all_at_once = peak_of(lambda: read_rows(run.layout))
    for write in (tables.write_csv, tables.write_json):
        assert peak_of(partial(write, [run], Sink())) < all_at_once / 3


def peak_of(work: Callable[[], object]) -> int:
    """Return how much memory some work needs at most, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_run_that_goes_on_is_written_as_it_was_when_its_columns_were_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that comes in between, with another key, is left out whole."""
    run = lab.add("a", [{"x": 1}], state="running", alive=True)
    (lines,) = run.layout.history.iterdir()
    told = tables._columns

    def told_late(*given: Any) -> list[str]:
        found = told(*given)
        with lines.open("ab") as stream:
            stream.write(b'{"schema":7,"keys":["late"]}\n[7,9,0,5.5]\n')
        return found

    monkeypatch.setattr(tables, "_columns", told_late)
    stream = io.BytesIO()
    assert tables.write_csv([run], stream) == 1
    assert [row["x"] for row in read_csv(stream.getvalue())] == ["1"]


class Sink(io.BytesIO):
    """A file of which nothing is kept."""

    def write(self, data: Any) -> int:
        return len(data)


def test_parquet_has_types_and_loses_nothing(lab: Lab) -> None:
    arrow = pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    assert tables.write_parquet([lab.add("a", [*ROWS, {"run": "own"}])], stream) == 4
    table = arrow.read_table(io.BytesIO(stream.getvalue())).to_pydict()
    assert table["run"] == ["a"] * 4
    assert table["run (metric)"] == [None, None, None, "own"]
    assert table["n"] == [2**60 + 1, 3, 4, None]
    assert table["loss"][0] == 0.1 + 0.2
    assert math.isnan(table["loss"][1])
    assert table["flag"] == [None, True, None, None]
    assert table["mixed"] == [None, "1", "text", None]
    assert json.loads(table["odd"][0]) == ROWS[0]["odd"]


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ([1, None, 2.5], [1.0, None, 2.5]),
        ([2**53 + 1, 0.5], ["9007199254740993", "0.5"]),
        ([2**70 + 1], ["1180591620717411303425"]),
        ([True, 1], ["true", "1"]),
        ([], []),
    ],
)
def test_a_column_is_of_one_type_only_if_no_value_changes(values: list[Any], column: list[Any]) -> None:
    found = tables.Column()
    # As they come, some at a time.
    found.look(values[:1])
    found.look(values[1:])
    assert found.of(values) == column


def lists_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=20, max_size=20)


@given(
    columns=st.fixed_dictionaries(
        {
            "whole numbers": lists_of(st.integers(-(2**63), 2**63 - 1)),
            "numbers": lists_of(st.floats()),
            "truth values": lists_of(st.booleans()),
            "text": lists_of(st.text(max_size=5)),
            "nothing": lists_of(st.nothing()),
        }
    )
)
def test_every_kind_of_column_comes_back_from_parquet(columns: dict[parquet.Kind, list[Any]]) -> None:
    arrow = pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    with parquet.ParquetFile(stream, {kind: kind for kind in columns}, arrow) as file:
        file.write(columns, 20)

    assert repr(arrow.read_table(stream).to_pydict()) == repr(columns)


def test_parquet_without_a_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(parquet, "import_module", missing)
    with pytest.raises(UsageError) as caught:
        tables.write_parquet([], io.BytesIO())
    assert caught.value.hint == "pip install 'tracker[parquet]'"
