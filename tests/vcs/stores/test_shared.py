"""What versions share is counted by bytes of the store, not by files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vcs.digest import Digest, digest_bytes
from vcs.stores.recipes import Recipe
from vcs.stores.shared import shared_bytes

WHOLE = {digest_bytes(bytes([number])): 20 + number for number in range(3)}
RANGE = st.tuples(st.integers(0, 2), st.integers(0, 15), st.integers(0, 5))


def recipe(ranges: list[tuple[int, int, int]]) -> Recipe:
    return Recipe(sum(length for _, _, length in ranges), tuple(WHOLE), tuple(ranges))


RECIPES = st.lists(st.lists(RANGE, max_size=5).map(recipe), max_size=4).map(
    lambda found: {digest_bytes(b"recipe %d" % number): one for number, one in enumerate(found)}
)


def bytes_of(digest: Digest, recipes: dict[Digest, Recipe]) -> list[tuple[Digest, int]]:
    if digest not in recipes:
        return [(digest, place) for place in range(WHOLE[digest])]
    one = recipes[digest]
    return [(one.files[f], start + place) for f, start, length in one.ranges for place in range(length)]


@given(recipes=RECIPES, data=st.data())
def test_each_byte_that_another_owner_has_counts(recipes: dict[Digest, Recipe], data: st.DataObject) -> None:
    sizes = {**WHOLE, **{digest: one.size for digest, one in recipes.items()}}
    chosen = st.sets(st.sampled_from(sorted(sizes)))
    contents = {owner: {digest: sizes[digest] for digest in data.draw(chosen)} for owner in ("a", "b", "c")}
    have = {
        owner: {byte for digest in found for byte in bytes_of(digest, recipes)}
        for owner, found in contents.items()
    }
    expected = {
        owner: sum(
            any(byte in theirs for other, theirs in have.items() if other != owner)
            for digest in found
            for byte in bytes_of(digest, recipes)
        )
        for owner, found in contents.items()
    }
    assert shared_bytes(contents, recipes) == expected


def test_objects_without_recipes_are_shared_whole() -> None:
    first, second, _ = WHOLE
    assert shared_bytes({1: {first: 20, second: 21}, 2: {second: 21}}, {}) == {1: 21, 2: 21}
