"""Names and messages of any kind go into the ledger and come back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vcs.records.ledgers import in_ledger, lose, opened, records_of, write_run
from vcs.ledger_paths import to_ledger, to_record


@pytest.mark.parametrize(
    "name", ["with space", "new\nline", "ünï", 'quo"te', "back\\slash", "-x", ":(top)", "ta\tb"]
)
def test_names_of_any_spelling_are_kept(git_repo: Path, name: str) -> None:
    """Committed, left alone when unchanged, brought back, and removed."""
    layout, ledger = opened(git_repo)
    path = write_run(layout, "abc") / "files" / name
    path.parent.mkdir()
    path.write_text(name)
    first = ledger.commit([path.parent.parent], "odd")
    assert ledger.commit([path.parent.parent], "again") == first
    assert [entry.message for entry in ledger.log(path=path)] == ["odd"]
    before = records_of(layout)
    lose(git_repo)
    ledger.restore_if_lost()
    assert records_of(layout) == before
    path.unlink()
    ledger.commit([path], "gone")
    assert to_ledger(f"runs/LeNet5/abc/files/{name}") not in in_ledger(git_repo)


def test_a_name_that_is_not_utf8_is_kept(git_repo: Path) -> None:
    """Bytes are bytes."""
    layout, ledger = opened(git_repo)
    path = write_run(layout, "abc") / "files" / os.fsdecode(b"caf\xe9")
    path.parent.mkdir()
    path.write_text("x")
    ledger.commit([layout.records], "odd")
    before = records_of(layout)
    lose(git_repo)
    ledger.restore_if_lost()
    assert records_of(layout) == before


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "records"),
        (" \n ", "records"),
        ("one\n\ntwo\n", "one\n\ntwo"),
        ("nul\0byte", "nul byte"),
        ("ünï \udce9", "ünï ?"),
        ("data 5\ndone\nM 100644 inline x", "data 5\ndone\nM 100644 inline x"),
        ("x" * 100_000, "x" * 100_000),
    ],
)
def test_messages_of_any_kind_are_kept(git_repo: Path, message: str, expected: str) -> None:
    """Nothing in a message can break the stream to git or the diary."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "abc")], message)
    assert [entry.message for entry in ledger.log()] == [expected]


SEGMENT = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=8
)


@given(
    st.lists(SEGMENT.filter(lambda s: s not in (".", "..") and s.lower() != ".git"), min_size=1, max_size=6)
)
def test_every_record_finds_its_way_back(parts: list[str]) -> None:
    """The paths of the ledger are the paths of the records, but for the shards."""
    path = "/".join(["runs", "p", *parts])
    if not any(part.startswith(".") and part.endswith(".tmp") for part in parts):
        assert to_record(to_ledger(path)) == path
        assert to_record(to_ledger(f"artifacts/{path}")) == f"artifacts/{path}"
