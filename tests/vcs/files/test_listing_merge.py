"""Three-way merge of listings: every case of one path, and paths that exclude each other."""

from __future__ import annotations

import pytest

from vcs.digest import digest_bytes
from vcs.files.listing import Entry, Listing
from vcs.files.listing_merge import merge_listings


def entry(path: str, text: str) -> Entry:
    """A file; `*` at the end makes it executable, `->` a link, `/` an empty folder."""
    if text == "/":
        return Entry(path, digest_bytes(b""), 0, "dir")
    if text.startswith("->"):
        return Entry(path, digest_bytes(text[2:].encode()), 0, "link", target=text[2:])
    bit = text.endswith("*")
    plain = text.rstrip("*")
    return Entry(path, digest_bytes(plain.encode()), len(plain), executable=bit)


def listing(**files: str) -> Listing:
    """`a__b` is the path a/b."""
    return Listing(entry(path.replace("__", "/"), text) for path, text in files.items())


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("1", "1", "1", "1"),
        ("1", "2", "1", "2"),
        ("1", "1", "2", "2"),
        ("1", "2", "2", "2"),
        ("1", "", "1", ""),
        ("1", "1", "", ""),
        ("1", "", "", ""),
        ("", "1", "", "1"),
        ("", "", "1", "1"),
        ("", "1", "1", "1"),
        ("1", "1*", "2", "2*"),
        ("1", "2", "1*", "2*"),
        ("1*", "1", "2*", "2"),
        ("1", "2*", "2", "2*"),
        ("1", "2", "2*", "2*"),
        ("->a", "->b", "->a", "->b"),
        ("1", "->b", "1", "->b"),
        ("/", "/", "", ""),
    ],
)
def test_one_path_that_merges(base: str, ours: str, theirs: str, merged: str) -> None:
    """What one side changed is taken; bits and contents apart."""
    sides = [listing(**({"x": text} if text else {})) for text in (base, ours, theirs)]
    result = merge_listings(*sides)
    assert result.conflicts == ()
    assert result.listing == listing(**({"x": merged} if merged else {}))


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "says"),
    [
        ("1", "2", "3", "changed on both sides"),
        ("", "1", "2", "added on both sides"),
        ("1", "", "2", "removed in ours"),
        ("1", "2", "", "removed in theirs"),
        ("1", "->a", "2", "changed on both sides"),
        ("->a", "->b", "->c", "changed on both sides"),
        ("", "1", "1*", "added on both sides"),
    ],
)
def test_one_path_that_does_not(base: str, ours: str, theirs: str, says: str) -> None:
    """The listing has ours there; a side that is preferred wins."""
    sides = [listing(**({"x": text} if text else {})) for text in (base, ours, theirs)]
    result = merge_listings(*sides)
    assert [conflict.path for conflict in result.conflicts] == ["x"]
    assert says in str(result.conflicts[0])
    assert result.listing == sides[1]
    assert merge_listings(*sides, prefer="ours").listing == sides[1]
    assert merge_listings(*sides, prefer="theirs").listing == sides[2]
    assert merge_listings(*sides, prefer="theirs").conflicts == ()


def test_other_paths_are_merged_beside_a_conflict() -> None:
    """Only the file that both changed is left."""
    base = listing(a="1", b="1", c="1")
    result = merge_listings(base, listing(a="2", b="2", c="1"), listing(a="3", b="1", c="2", d="1"))
    assert [conflict.path for conflict in result.conflicts] == ["a"]
    assert result.listing == listing(a="2", b="2", c="2", d="1")


def test_an_empty_folder_that_is_filled_is_no_entry() -> None:
    """Whichever side fills it."""
    filled = listing(d__x="1")
    assert merge_listings(listing(d="/"), listing(d="/"), filled).listing == filled
    assert merge_listings(listing(d__y="1"), listing(d="/"), listing(d__x="1", d__y="1")).listing == filled


def test_a_file_and_a_folder_of_one_name_exclude_each_other() -> None:
    """Both are named."""
    ours, theirs = listing(d="1"), listing(d__x="1", d__y="2", e="1")
    result = merge_listings(Listing(), ours, theirs)
    assert [conflict.path for conflict in result.conflicts] == ["d", "d/x", "d/y"]
    assert "clashes with a name" in str(result.conflicts[0])
    assert result.listing == listing(d="1", e="1")
    assert merge_listings(Listing(), ours, theirs, prefer="theirs").listing == theirs


def test_names_that_are_one_elsewhere_exclude_each_other() -> None:
    """On file systems that do not tell A from a, or that compose letters."""
    for one, other in (("A.txt", "a.txt"), ("é", "é")):
        ours, theirs = Listing([entry(one, "1")]), Listing([entry(other, "2")])
        result = merge_listings(Listing(), ours, theirs)
        assert {conflict.path for conflict in result.conflicts} == {one, other}
        assert result.listing == ours
