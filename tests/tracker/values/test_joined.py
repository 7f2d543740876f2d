"""Tables joined by a key, and tables in parts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tracker.values.conftest import Place
from tracker.values.image import Image
from tracker.values.joined import JoinedTable, PartitionedTable
from tracker.values.table import Table
from vcs.errors import NotFoundError


def tables() -> tuple[Table, Table]:
    truth = Table(columns=["id", "label"], data=[[1, "cat"], [2, "dog"], [3, "owl"]])
    guesses = Table(
        columns=["id", "label", "score"], data=[[2, "dog", 0.9], [1, "dog", 0.4], [2, "cat", 0.1]]
    )
    return truth, guesses


def test_rows_with_the_same_key_come_together_in_the_order_of_the_first_table() -> None:
    joined = JoinedTable(*tables(), "id").join()

    assert joined.columns == ["id", "label_1", "label_2", "score"]
    assert joined.data == [[1, "cat", "dog", 0.4], [2, "dog", "dog", 0.9], [2, "dog", "cat", 0.1]]


def test_the_key_may_have_a_name_in_each_table() -> None:
    first = Table(columns=["a", "x"], data=[["k", 1]])
    second = Table(columns=["b", "y"], data=[["k", 2]])

    joined = JoinedTable(first, second, ["a", "b"]).join()

    assert (joined.columns, joined.data) == (["a", "x", "y"], [["k", 1, 2]])


def test_its_record_holds_both_tables_and_the_key(place: Place) -> None:
    record = JoinedTable(*tables(), "id").to_record(place.sink)

    assert (record["_type"], record["join_key"]) == ("joined-table", "id")
    assert [record[name]["nrows"] for name in ("table1", "table2")] == [3, 3]


def test_rows_added_after_log_are_not_in_what_was_logged() -> None:
    truth, guesses = tables()
    frozen = JoinedTable(truth, guesses, "id").freeze()
    guesses.add_data(3, "owl", 1.0)

    assert len(frozen.join().data) == 3


def test_media_in_cells_come_along() -> None:
    numpy = pytest.importorskip("numpy")
    image = Image(numpy.zeros((2, 2), dtype="uint8"))
    pictures = Table(columns=["id", "picture"], data=[[2, image]])

    joined = JoinedTable(tables()[0], pictures, "id").join()

    assert joined.data == [[2, "dog", image]]


@pytest.mark.parametrize(
    ("other", "key", "kind"),
    [
        ("pictures.png", "id", ValueError),
        (7, "id", ValueError),
        (Table(columns=["id"]), ["id"], ValueError),
        (Table(columns=["name"]), "id", NotFoundError),
    ],
)
def test_what_cannot_be_joined_is_refused_at_once(other: Any, key: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        JoinedTable(tables()[0], other, key)


def test_a_table_known_by_path_is_kept_as_its_path(place: Place) -> None:
    joined = JoinedTable("truth.table.json", tables()[1], "id")

    assert joined.to_record(place.sink)["table1"] == "truth.table.json"
    with pytest.raises(ValueError, match="paths"):
        joined.join()


def test_a_partitioned_table_names_its_folder(place: Place) -> None:
    assert PartitionedTable("parts").to_record(place.sink) == {
        "_type": "partitioned-table",
        "parts_path": "parts",
    }
