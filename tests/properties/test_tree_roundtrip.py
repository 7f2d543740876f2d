"""Checkout after add gives the same tree, for any tree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from vcs.files.add import add_tree
from vcs.files.checkout import plan_checkout
from vcs.files.listing import Listing
from vcs.files.verify import verify_tree
from vcs.stores.local import LocalStore

NAMES = st.sampled_from(["a", "b", "c.txt", "ü", "x y", "-", "#", "..."])
LEAVES = st.one_of(
    st.binary(max_size=50),
    st.integers(130_000, 140_000).map(lambda size: b"L" * size),
    st.sampled_from(["a", "../a", "c.txt", "./b"]),
    st.booleans(),
)
TREES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=4),
    lambda below: st.dictionaries(NAMES, LEAVES | below, max_size=4),
    max_leaves=12,
)


def make(folder: Path, tree: dict[str, object], depth: int = 0) -> None:
    """Bytes are files, text is a link, True an executable file, False an empty folder."""
    folder.mkdir(exist_ok=True)
    for name, what in tree.items():
        path = folder / name
        if isinstance(what, dict):
            make(path, what, depth + 1)
        elif isinstance(what, bytes):
            path.write_bytes(what)
        elif isinstance(what, str):
            path.symlink_to(what if depth else what.removeprefix("../"))
        elif what:
            path.write_bytes(b"#!/bin/sh\n")
            path.chmod(0o755)
        else:
            path.mkdir()


@settings(max_examples=60, deadline=None)
@given(TREES, TREES)
def test_any_tree_comes_back_and_any_other_can_follow(
    first: dict[str, object], second: dict[str, object]
) -> None:
    """Add, check out elsewhere, move on to another tree, and back."""
    base = Path(tempfile.mkdtemp(prefix="roundtrip-"))
    try:
        store = LocalStore(base / "objects", base / "packs", base / "tmp")
        make(base / "first", first)
        make(base / "second", second)
        one, two = add_tree(base / "first", store), add_tree(base / "second", store)
        assert Listing.decode(one.encoded) == one
        previous = None
        for listing in (one, two, one):
            plan = plan_checkout(listing, base / "out", store, previous=previous, extra="remove")
            assert plan.conflicts == ()
            plan.apply()
            assert add_tree(base / "out", store) == listing
            assert verify_tree(listing, base / "out") == []
            previous = listing
    finally:
        shutil.rmtree(base)
