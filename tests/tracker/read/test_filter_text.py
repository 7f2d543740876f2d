"""Filters in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.read.test_filters import RUN
from tracker.read.filter_text import FilterError, parse_filter
from tracker.read.filters import compile_filter
from vcs.errors import UsageError


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "state = finished",
        "state == 'finished'",
        'state="finished"',
        "state != running",
        "config.lr > 0.01 and state = finished and tag = baseline",
        "config.lr >= 1e-1",
        "config.lr<=.1",
        "config.layers = 3",
        "config.model.name = lenet",
        "summary.val/acc > 0.5",
        "summary.loss < 0.5 and not summary.loss < 0.1",
        "state = running or tags = night",
        "state = running and tags = day or tags = night",
        "state = finished and (tags = day or tags = night)",
        "not (state = running or tags = day)",
        "not not state = finished",
        "NOT state = running AND tags = night",
        "name ~ ^calm",
        r'name ~ "otter-\d$"',
        "name !~ wolf",
        "name = calm-otter-1",
        "tags in (day, night)",
        "tags not in (day, 'week end')",
        "config.layers in (1, 3)",
        "created_at > 2026-11-23",
        "created < 2026-11-23T08:00",
        "config.missing = null",
        "config.lr != null",
        "summary.bad = nan",
        "dirty = true",
    ],
)
def test_words_that_hold(text: str) -> None:
    """Each passes the run of the other tests."""
    assert compile_filter(parse_filter(text))(RUN)


@pytest.mark.parametrize(
    "text",
    [
        "state = running",
        "config.lr > 0.1",
        "tags = day",
        "not tags = night",
        "tags = day or tags = night and state = running",
        "name ~ ^otter",
        "tags in (day)",
        "config.lr = null",
        "config.missing > 0",
    ],
)
def test_words_that_do_not_hold(text: str) -> None:
    """`and` binds more than `or`."""
    assert not compile_filter(parse_filter(text))(RUN)


def test_the_filter_is_in_mongodb_s_form() -> None:
    """So both ways of asking mean the same."""
    assert parse_filter("config.lr > 0.01 and (state = finished or not tag = a)") == {
        "$and": [
            {"config.lr": {"$gt": 0.01}},
            {"$or": [{"state": {"$in": ["finished"]}}, {"$nor": [{"tags": {"$in": ["a"]}}]}]},
        ]
    }


def test_a_number_also_fits_the_text_that_looks_like_it() -> None:
    """A configuration may hold "1.10"; quotes say that only the text is meant."""
    assert parse_filter("config.v = 1.10") == {"config.v": {"$in": [1.1, "1.10"]}}
    assert parse_filter("config.v = '1.10'") == {"config.v": {"$in": ["1.10"]}}
    assert parse_filter("config.v = true") == {"config.v": {"$in": [True, "true"]}}
    assert parse_filter("id = 12345678") == {"id": {"$in": ["12345678"]}}


def test_quotes_may_hold_anything() -> None:
    """Quotes themselves after a backslash."""
    assert parse_filter(r'notes = "it\"s \\ (a and b)"') == {"notes": {"$in": ['it"s \\ (a and b)']}}
    assert parse_filter(r"name ~ 'a\'b\.c'") == {"name": {"$regex": r"a'b\.c"}}


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("config.lr > > 0.01", 12, "expected a value"),
        ("config.lr >", 11, "expected a value"),
        ("stat = finished", 0, "no field 'stat'"),
        ("state finished", 6, "expected =, !="),
        ("state", 5, "expected =, !="),
        ("state = finished tags = a", 17, "expected and, or"),
        ("state = finished and", 20, "expected a field"),
        ("(state = finished", 17, r"expected \)"),
        ("state = finished)", 16, "expected and, or"),
        ("state = 'finished", 8, "not closed"),
        ("state in finished", 9, r"expected \("),
        ("state in (a b)", 12, "expected , or"),
        ("state in (a,", 12, "expected a value"),
        ("state in ()", 10, "expected a value"),
        ("name ~ '('", 7, "regular expression"),
        ("and state = a", 0, "expected a field"),
        ("config.lr > null", 12, "neither less nor greater"),
        ("state = ! x", 8, "'!' means nothing"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, position: int, message: str) -> None:
    """The message shows the text, and an arrow below the place."""
    with pytest.raises(FilterError, match=message) as caught:
        parse_filter(text)
    assert caught.value.position == position
    _, shown, arrow = caught.value.message.split("\n")
    assert shown == f"  {text}"
    assert arrow.index("^") == position + 2


def test_a_near_field_is_offered() -> None:
    """As for filters in MongoDB's form."""
    with pytest.raises(FilterError) as caught:
        parse_filter("config.lr > 1 and stat = finished")
    assert caught.value.hint == "did you mean state?"
    assert caught.value.position == 18


def test_endless_nesting_is_refused() -> None:
    """It would end the interpreter's stack."""
    with pytest.raises(FilterError, match="too many"):
        parse_filter("(" * 5000 + "state = a" + ")" * 5000)
    with pytest.raises(FilterError, match="too many"):
        parse_filter("not " * 5000 + "state = a")


@given(st.text(alphabet="()'\"=<>~!,. \\andortifs1-:", max_size=40))
def test_any_text_is_a_filter_or_a_mistake_that_is_pointed_at(text: str) -> None:
    """Never another exception."""
    position = 0
    try:
        parse_filter(text)
    except FilterError as error:
        position = error.position
    assert 0 <= position <= len(text)


@given(st.text(max_size=20), st.sampled_from("\"'"))
def test_any_text_can_be_asked_for_in_quotes(value: str, quote: str) -> None:
    """What is escaped comes out as it was."""
    escaped = value.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    assert parse_filter(f"notes = {quote}{escaped}{quote}") == {"notes": {"$in": [value]}}


def test_a_mistake_is_a_usage_error() -> None:
    """The command line shows it as one."""
    assert issubclass(FilterError, UsageError)
