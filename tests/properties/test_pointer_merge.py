"""Laws of merging: listings as mappings are the model, git the judge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vcs.digest import digest_bytes
from vcs.files.listing import Entry, Listing
from vcs.files.listing_merge import merge_listings

NAMES = ["a", "b", "c", "d/x", "d/y", "d/e/z", "f"]
FILES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from("123"))
# Names that can be a file on one side and a folder on the other.
CLASHING = st.dictionaries(st.sampled_from([*NAMES, "d", "d/e", "A", "B"]), st.sampled_from("123"))


def consistent(files: dict[str, str]) -> dict[str, str]:
    """Leave out what cannot lie beside the rest: folders win, and the first of two spellings."""
    kept: dict[str, str] = {}
    for path, text in sorted(files.items()):
        is_folder = any(other.startswith(f"{path}/") for other in files)
        if not is_folder and path.lower() not in {one.lower() for one in kept}:
            kept[path] = text
    return kept


def listing(files: dict[str, str]) -> Listing:
    """The listing of some files."""
    return Listing(Entry(path, digest_bytes(text.encode()), len(text)) for path, text in files.items())


SIDES = st.tuples(CLASHING, CLASHING, CLASHING).map(
    lambda sides: [listing(consistent(side)) for side in sides]
)


@given(SIDES)
def test_a_side_that_changed_nothing_yields(sides: list[Listing]) -> None:
    """merge(b, b, x) is x, from either side."""
    base, other, _ = sides
    assert merge_listings(base, base, other).listing == other
    assert merge_listings(base, other, base).listing == other
    assert merge_listings(base, other, other).listing == other
    assert merge_listings(base, base, other).conflicts == ()


@given(SIDES)
def test_sides_can_be_swapped(sides: list[Listing]) -> None:
    """The same paths are in conflict, and without conflicts the same comes out."""
    base, ours, theirs = sides
    one, other = merge_listings(base, ours, theirs), merge_listings(base, theirs, ours)
    assert [conflict.path for conflict in one.conflicts] == [conflict.path for conflict in other.conflicts]
    if not one.conflicts:
        assert one.listing == other.listing


@given(SIDES)
def test_what_comes_out_can_lie_in_a_folder(sides: list[Listing]) -> None:
    """Also with conflicts, and with a side preferred."""
    base, ours, theirs = sides
    for result in (
        merge_listings(base, ours, theirs),
        merge_listings(base, ours, theirs, prefer="ours"),
        merge_listings(base, ours, theirs, prefer="theirs"),
    ):
        assert Listing.checked(result.listing) == result.listing


@given(SIDES)
def test_nothing_is_made_up_and_no_change_is_lost(sides: list[Listing]) -> None:
    """Each path of the result is as in a side; each change of one side is in it or in conflict."""
    base, ours, theirs = sides
    result = merge_listings(base, ours, theirs)
    in_conflict = {conflict.path for conflict in result.conflicts}
    for entry in result.listing:
        assert entry in (ours.by_path.get(entry.path), theirs.by_path.get(entry.path))
    for side, other in ((ours, theirs), (theirs, ours)):
        for path in side.by_path.keys() | base.by_path.keys():
            mine, was = side.by_path.get(path), base.by_path.get(path)
            if mine != was and path not in in_conflict:
                assert result.listing.by_path.get(path) == mine
                assert other.by_path.get(path) in (was, mine)


@given(SIDES)
def test_preferring_a_side_leaves_no_conflict(sides: list[Listing]) -> None:
    """And agrees with the plain merge where there is none."""
    base, ours, theirs = sides
    plain = merge_listings(base, ours, theirs)
    for prefer in ("ours", "theirs"):
        result = merge_listings(base, ours, theirs, prefer=prefer)  # type: ignore[arg-type]
        assert result.conflicts == ()
        if not plain.conflicts:
            assert result.listing == plain.listing


def _write_tree(folder: Path, files: dict[str, str]) -> str:
    """Make a git tree of files and return its id."""
    subprocess.run(["git", "-C", str(folder), "read-tree", "--empty"], check=True)
    lines = []
    for path, text in files.items():
        blob = subprocess.run(
            ["git", "-C", str(folder), "hash-object", "-w", "--stdin"],
            input=text * 50 + path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        lines.append(f"100644 {blob}\t{path}\n")
    subprocess.run(
        ["git", "-C", str(folder), "update-index", "--index-info"],
        input="".join(lines),
        text=True,
        check=True,
    )
    done = subprocess.run(
        ["git", "-C", str(folder), "write-tree"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.tuples(FILES, FILES, FILES))
def test_git_merges_the_same_paths(
    tmp_path_factory: object, sides: tuple[dict[str, str], dict[str, str], dict[str, str]]
) -> None:
    """`git read-tree -m --aggressive` is a three-way merge by path too."""
    base, ours, theirs = sides
    result = merge_listings(*map(listing, sides))
    folder = Path(tmp_path_factory.mktemp("git"))  # type: ignore[attr-defined]
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    trees = [_write_tree(folder, side) for side in (base, ours, theirs)]
    subprocess.run(["git", "-C", str(folder), "read-tree", "--empty"], check=True)
    subprocess.run(
        ["git", "-C", str(folder), "read-tree", "-i", "-m", "--aggressive", *trees],
        check=True,
        capture_output=True,
    )
    listed = subprocess.run(
        ["git", "-C", str(folder), "ls-files", "-s"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    merged, unmerged = set(), set()
    for line in listed:
        about, _, path = line.partition("\t")
        (merged if about.endswith(" 0") else unmerged).add(path)
    assert {conflict.path for conflict in result.conflicts} == unmerged
    assert {entry.path for entry in result.listing} - unmerged == merged - unmerged
