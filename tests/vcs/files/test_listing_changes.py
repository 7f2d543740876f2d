"""What differs between two listings, by their texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcs.digest import digest_bytes
from vcs.errors import FormatError
from vcs.files.listing import Entry, Listing, encode_named, encode_short
from vcs.files.listing_changes import differing

Form: TypeAlias = Callable[[Sequence[Entry]], bytes]
FORMS = st.sampled_from([encode_named, encode_short])
FILES = st.dictionaries(st.sampled_from(["a", "a b", "a!", "ü", "d/a", "d/b", "z\n"]), st.integers(0, 3))


def listing(files: dict[str, int]) -> Listing:
    """A listing in which a number stands for a content."""
    return Listing(Entry(path, digest_bytes(b"%d" % one), one) for path, one in files.items())


@given(FILES, FILES, FORMS, FORMS)
def test_what_only_one_of_them_has(
    before: dict[str, int], after: dict[str, int], one_form: Form, other_form: Form
) -> None:
    """As when all entries are compared, also where a folder grew beyond what names its fields."""
    removed, added = differing(one_form(listing(before).entries), other_form(listing(after).entries))
    assert removed == listing({path: one for path, one in before.items() if after.get(path) != one})
    assert added == listing({path: one for path, one in after.items() if before.get(path) != one})


@pytest.mark.parametrize("path", ["../x", "/x", ".git/config"])
def test_a_hostile_entry_is_refused(path: str) -> None:
    """Among those that differ; what is equal was made by ourselves."""
    good = listing({"a": 1, "b": 2})
    hostile = Listing([*good, Entry(path, digest_bytes(b""), 0)])
    with pytest.raises(FormatError, match="unsafe"):
        differing(hostile.encoded, good.encoded)


def test_damaged_text_is_refused() -> None:
    """Cut in a line, or no listing at all."""
    text = listing({"a": 1, "b": 2}).encoded
    for damaged in (text[:-20], b"{}\n", b"\xff\n", text.replace(b'"size"', b'"sise"')):
        with pytest.raises(FormatError):
            differing(damaged, text)
