"""The page: whole in itself, escaped, readable without a script."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.compare.html import to_html
from tracker.compare.render import Patch, Report, Section, Sentences, Table

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}</style>",
    "</title><script>",
    "&lt;b&gt; &amp;",
    "\u202eevil\u2066",
    "\x1b[2J\x00",
]
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "h1", "p", "span", "details", "summary", "b"),
    *("div", "table", "tr", "th", "td", "pre"),
}


class Tags(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Tags:
    """Read a page."""
    tags = Tags()
    tags.feed(page)
    return tags


def report(text: str) -> Report:
    """A report that has this text everywhere."""
    return Report(
        text,
        text,
        False,
        (
            Section(text, text),
            Section(
                text,
                text,
                (
                    Table((text, "n"), ((text, "1"),), right=("n",), left_out=3),
                    Patch((text, f"+{text}", f"-{text}", f"@@ {text}"), 4, text),
                    Sentences((text,)),
                ),
            ),
        ),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    """Wherever it stands; what cannot be seen is shown as a mark."""
    found = parsed(to_html(report(text), made=text))
    assert set(found.tags) <= ALLOWED
    assert found.tags.count("style") == 1
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in found.attributes)
    assert not any(mark in found.text for mark in "\u202e\u2066\x1b\x00")


@given(st.text())
def test_whatever_a_text_is_it_makes_no_tags(text: str) -> None:
    """The tags are those of the layout."""
    plain = parsed(to_html(report("plain")))
    found = parsed(to_html(report(text)))
    assert found.tags == plain.tags
    assert [name for name, _ in found.attributes] == [name for name, _ in plain.attributes]


def test_the_page_needs_nothing_but_itself() -> None:
    """Its own policy forbids scripts and connections."""
    page = to_html(report("x"))
    assert "default-src &#x27;none&#x27;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page


def test_what_is_left_out_is_counted_and_the_verdict_is_first() -> None:
    """With what shows the rest."""
    text = parsed(to_html(report("git diff a b"), made="Made now.")).text
    assert "They differ. Made now." in text
    assert "3 more" in text
    assert "4 more: git diff a b" in text
    assert "The same." in parsed(to_html(Report("a", "b", True, ()))).text
