"""HTML from text, files and file objects."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.tracker.values.conftest import Place
from tracker.values.html import Html


@pytest.mark.parametrize(
    "data",
    ["<p>grüß</p>", "<p>grüß</p>".encode(), io.StringIO("<p>grüß</p>"), io.BytesIO("<p>grüß</p>".encode())],
)
def test_text_is_kept_byte_for_byte(place: Place, data: object) -> None:
    """Nothing is added, whatever `inject` says."""
    record = Html(data, inject=True).to_record(place.sink)
    assert place.object(record).decode() == "<p>grüß</p>"
    assert record["_type"] == "html-file"
    assert record["path"].startswith("media/html/")


def test_a_path_to_a_page_is_read(place: Place, tmp_path: Path) -> None:
    """As a string that names a file, or as a Path."""
    page = tmp_path / "page.html"
    page.write_text("<b>page</b>")
    assert Html(str(page)).html == Html(page).html == "<b>page</b>"


def test_a_string_can_be_said_to_be_no_path(tmp_path: Path) -> None:
    """Whatever it looks like."""
    page = tmp_path / "page.html"
    page.write_text("<b>page</b>")
    assert Html(str(page), data_is_not_path=True).html == str(page)


def test_a_file_object_is_read_from_its_start() -> None:
    """It was perhaps just written."""
    stream = io.StringIO()
    stream.write("<i>x</i>")
    assert Html(stream).html == "<i>x</i>"


def test_something_else_is_refused() -> None:
    """With its type."""
    with pytest.raises(TypeError, match="int"):
        Html(3)
