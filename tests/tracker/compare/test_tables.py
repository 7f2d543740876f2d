"""Tables: columns by name, rows as a set, whatever else a CSV file may be."""

from __future__ import annotations

import pytest

from tracker.compare import tables
from tracker.compare.tables import TableChanges, TableError, compare_tables
from vcs.stores.memory import MemoryStore


def compare(old: str | bytes, new: str | bytes, **options: bool) -> TableChanges:
    """Compare two texts as tables."""
    store = MemoryStore()
    digests = [store.put_bytes(side if isinstance(side, bytes) else side.encode()) for side in (old, new)]
    return compare_tables(store, *digests, **options)


def test_rows_that_one_side_has_are_counted() -> None:
    """A changed row is one removed and one added; their order does not count."""
    found = compare("x,y\n1,a\n2,b\n3,c\n", "x,y\n3,c\n1,a\n2,B\n4,d\n")
    assert (found.old_rows, found.new_rows, found.rows_added, found.rows_removed) == (3, 4, 2, 1)


def test_a_row_twice_is_two_rows() -> None:
    """Copies count."""
    found = compare("x\na\na\n", "x\na\n")
    assert (found.rows_added, found.rows_removed) == (0, 1)


def test_columns_are_known_by_their_headings() -> None:
    """Rows are compared in those that both have, wherever they stand."""
    found = compare("x,y,old\n1,a,?\n2,b,?\n", "new,y,x\n!,a,1\n!,B,2\n")
    assert (found.columns, found.columns_added, found.columns_removed) == (3, ("new",), ("old",))
    assert (found.rows_added, found.rows_removed) == (1, 1)


def test_a_first_row_of_numbers_is_no_heading() -> None:
    """Columns then have numbers."""
    found = compare("1,2\n3,4\n", "1,2,3\n3,4,5\n")
    assert (found.old_rows, found.columns_added, found.rows_added) == (2, ("3",), 0)


def test_a_heading_twice_is_two_columns() -> None:
    """They are numbered."""
    assert compare("x,x\na,b\n", "x\na\n").columns_removed == ("x (2)",)


@pytest.mark.parametrize("mark", [";", "|", "\t"])
def test_other_delimiters_are_found(mark: str) -> None:
    """The one that the heading has most of."""
    assert compare(f"a{mark}b{mark}c,d\n1{mark}2{mark}3\n", f"a{mark}b\n1{mark}2\n").columns_removed == (
        "c,d",
    )


def test_tabs_can_be_asked_for() -> None:
    """In .tsv files."""
    assert compare("a,b,c\td\n", "a,b,c\n", tabs=True).columns == 1


def test_quotes_and_newlines_in_cells_and_a_mark_at_the_start() -> None:
    """What spreadsheets write."""
    found = compare('\ufeffx,y\r\n1,"a\nb, c"\r\n', 'x,y\n1,"a\nb, c"\n')
    assert (found.columns_added, found.old_rows, found.rows_added, found.rows_removed) == ((), 1, 0, 0)


def test_short_and_empty_rows() -> None:
    """A missing cell is an empty one; an empty line is no row."""
    found = compare("x,y\na\n\nb,c\n", "x,y\na,\nb,c\n")
    assert (found.old_rows, found.rows_added, found.rows_removed) == (2, 0, 0)


def test_an_empty_file_is_a_table_without_columns() -> None:
    """Everything in the other one is new."""
    found = compare("", "x\na\n")
    assert (found.old_rows, found.new_rows, found.columns_added) == (0, 1, ("x",))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'x\n"' + b"a" * 200_000 + b'"\n', b"," * 20_000])
def test_what_is_no_table_says_so(content: bytes) -> None:
    """Not text, a cell that never ends, too many columns."""
    with pytest.raises(TableError):
        compare(content, "x\n1\n")


def test_of_very_many_different_rows_only_the_number_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(tables, "MOST_ROWS", 10)
    old = "x\n" + "".join(f"a{number}\n" for number in range(100))
    new = "x\n" + "".join(f"b{number}\n" for number in range(90))
    found = compare(old, new)
    assert (found.old_rows, found.new_rows, found.rows_added, found.rows_removed) == (100, 90, None, None)


def test_rows_that_both_have_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grown table of any length is compared whole."""
    monkeypatch.setattr(tables, "MOST_ROWS", 10)
    same = "x\n" + "".join(f"a{number}\n" for number in range(1000))
    found = compare(same, f"{same}b\n")
    assert (found.rows_added, found.rows_removed) == (1, 0)


def test_what_stops_being_text_in_the_middle_is_no_table() -> None:
    """It is found out while reading."""
    with pytest.raises(TableError):
        compare(b"x\n" + b"a\n" * 10_000 + b"\xff\n", "x\n")
