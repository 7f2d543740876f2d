"""Tables: rows, columns, types, media in cells."""

from __future__ import annotations

import datetime
import math
import sys
from importlib.util import find_spec

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.values.conftest import Place
from tracker.values.image import Image
from tracker.values.table import Table
from vcs.errors import NotFoundError, UsageError

HAS_PANDAS = find_spec("pandas") is not None


def test_a_table_is_one_json_object(place: Place) -> None:
    """Columns and rows, with their numbers in the record."""
    table = Table(columns=["name", "loss"], data=[["a", 0.5]])
    table.add_data("b", 1)

    record = table.to_record(place.sink)

    assert {name: record[name] for name in ("_type", "ncols", "nrows")} == {
        "_type": "table-file",
        "ncols": 2,
        "nrows": 2,
    }
    assert record["path"].startswith("media/table/")
    assert record["path"].endswith(".table.json")
    assert place.json(record) == {"columns": ["name", "loss"], "data": [["a", 0.5], ["b", 1]]}


def test_the_first_argument_is_columns_and_the_default_is_wandb_s() -> None:
    """`Table(["a"])` and `Table()`."""
    assert Table(["a", "b"]).columns == ["a", "b"]
    assert Table().columns == ["Input", "Output", "Expected"]
    assert Table(rows=[[1, 2, 3]]).data == [[1, 2, 3]]


def test_numbers_that_json_lacks_survive(place: Place) -> None:
    """NaN and the infinities."""
    record = Table(["x"], [[math.nan], [math.inf], [1.0]]).to_record(place.sink)
    assert place.json(record)["data"] == [[{"float": "nan"}], [{"float": "inf"}], [1.0]]


def test_media_in_cells_lie_beside_the_table(place: Place) -> None:
    """Each as its own object, named from the cell; PIL images count as such."""
    table = Table(["n", "image"])
    table.add_data(1, Image(np.zeros((2, 3)), caption="black"))
    table.add_data(2, Image(np.ones((2, 3))))
    table.add_data(3, PIL.Image.new("L", (3, 2)))

    cells = [row[1] for row in place.json(table.to_record(place.sink))["data"]]

    assert [cell["_type"] for cell in cells] == ["image-file"] * 3
    assert cells[0]["caption"] == "black"
    assert all(place.file(cell) == place.object(cell) for cell in cells)


def test_rows_added_after_log_are_not_in_what_was_logged(place: Place) -> None:
    """`freeze` is what `log` keeps; arrays in cells are copied too."""
    array = np.zeros(2)
    table = Table(["x"], [[array]])

    logged = table.freeze()
    table.add_data(np.ones(2))
    table.add_column("y", [1, 2])
    array[:] = 7

    assert place.json(logged.to_record(place.sink)) == {"columns": ["x"], "data": [[[0.0, 0.0]]]}
    assert len(table) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, "a"), ("a", 1.5), (True, 1), ([1], "a"), ({"a": 1}, 2), (datetime.date(2026, 1, 1), "x")],
)
def test_a_column_has_one_type(first: object, second: object) -> None:
    """A value of another type is refused with the column's name, and the row is not added."""
    table = Table(["mine", "other"], [[first, 0]])
    with pytest.raises(TypeError, match="'mine'"):
        table.add_data(second, 0)
    assert len(table) == 1
    table.add_data(None, 0)


def test_a_refused_row_leaves_no_type_behind() -> None:
    """A column that was empty until then still takes anything."""
    table = Table(["a", "b"], [[None, 1]])
    with pytest.raises(TypeError):
        table.add_data("text", "not a number")
    table.add_data(5, 2)
    assert table.data == [[None, 1], [5, 2]]


def test_all_numbers_are_one_type() -> None:
    """Whole, broken, numpy's, arrays without dimensions."""
    Table(["x"], [[1], [1.5], [np.float32(2)], [np.int64(3)], [np.array(4)], [math.nan]])


def test_mixed_types_can_be_allowed() -> None:
    """For those who ask."""
    assert Table(["x"], [[1], ["a"]], allow_mixed_types=True).get_column("x") == [1, "a"]


def test_types_can_be_given() -> None:
    """Instead of those of the first row; and None can be forbidden."""
    with pytest.raises(TypeError, match="number"):
        Table(["x"], [["a"]], dtype=float)
    with pytest.raises(TypeError, match="None"):
        Table(["x", "y"], [[1, None]], optional=[True, False])
    table = Table(["x", "y"], [[1, "a"]], dtype=[int, str])
    with pytest.raises(TypeError):
        table.cast("x", str)
    table.cast("x", float)


def test_a_row_of_another_length_is_refused() -> None:
    """With both numbers."""
    with pytest.raises(ValueError, match="2 columns"):
        Table(["a", "b"]).add_data(1)


def test_columns_are_added_at_the_right() -> None:
    """One value a row; the first column makes the rows."""
    table = Table(columns=[])
    table.add_column("a", [1, 2])
    table.add_column("b", np.array([0.5, 1.5]))
    assert table.data == [[1, 0.5], [2, 1.5]]
    with pytest.raises(ValueError, match="already"):
        table.add_column("a", [1, 2])
    with pytest.raises(ValueError, match="2 rows"):
        table.add_column("c", [1])
    with pytest.raises(TypeError):
        table.add_column("c", [1, "x"])
    assert table.columns == ["a", "b"]


def test_columns_can_be_computed() -> None:
    """From each row."""
    table = Table(["x"], [[1], [2]])
    table.add_computed_columns(lambda index, row: {"twice": row["x"] * 2, "index": index})
    assert table.columns == ["x", "twice", "index"]
    assert table.data == [[1, 2, 0], [2, 4, 1]]


def test_rows_and_columns_can_be_read() -> None:
    """As wandb's tables can."""
    table = Table(["a", "b"], [[1, "x"], [2, "y"]])
    assert table.get_column("b") == ["x", "y"]
    assert table.get_column("a", convert_to="numpy").tolist() == [1, 2]
    assert list(table.iterrows()) == [(0, [1, "x"]), (1, [2, "y"])]
    assert table.get_index() == [0, 1]
    assert table.index_ref(1) == 1
    with pytest.raises(NotFoundError, match="no column 'loss'"):
        table.get_column("loss")


def test_a_near_column_is_offered() -> None:
    """The usual slip."""
    with pytest.raises(NotFoundError, match="did you mean accuracy"):
        Table(["accuracy"]).get_column("acuracy")


def test_an_array_gives_rows() -> None:
    """Of plain numbers."""
    assert Table(["a", "b"], np.array([[1, 2], [3, 4]])).data == [[1, 2], [3, 4]]


def test_an_empty_table_is_a_table() -> None:
    """It is true, so that `if table:` asks whether there is one."""
    assert Table()
    assert len(Table()) == 0


def test_malformed_input_is_refused() -> None:
    """On the caller's line."""
    with pytest.raises(TypeError, match="list of names"):
        Table("abc")
    with pytest.raises(TypeError, match="name of a column"):
        Table([1.5])
    with pytest.raises(ValueError, match="same name"):
        Table(["a", "a"])
    with pytest.raises(ValueError, match="a row is a list"):
        Table(["a"], ["text"])
    with pytest.raises(TypeError, match="lists"):
        Table(["a"], 3)
    with pytest.raises(ValueError, match="log_mode"):
        Table(["a"], log_mode="SOMETIMES")  # type: ignore[arg-type]


cell = st.one_of(st.integers(), st.floats(allow_nan=False), st.none())


@given(st.lists(st.lists(cell, min_size=2, max_size=2), max_size=20))
def test_rows_come_back_in_order(rows: list[list[object]]) -> None:
    """What goes in is what is read."""
    table = Table(["a", "b"], rows)
    assert table.data == rows
    assert table.get_column("a") == [row[0] for row in rows]


def test_a_data_frame_without_pandas_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the next step."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        Table().get_dataframe()


@pytest.mark.skipif(not HAS_PANDAS, reason="pandas is not installed")
def test_data_frames_go_in_and_out() -> None:
    """Missing texts become None, missing numbers stay NaN."""
    import pandas

    frame = pandas.DataFrame({"name": ["a", None], "x": [1.5, math.nan], "n": [1, 2]})
    table = Table(dataframe=frame)
    assert table.columns == ["name", "x", "n"]
    assert table.data[0] == ["a", 1.5, 1]
    assert table.data[1][0] is None
    assert math.isnan(table.data[1][1])
    pandas.testing.assert_frame_equal(table.get_dataframe(), frame)
    assert Table(data=frame).columns == ["name", "x", "n"]
