"""How many bytes of some objects lie in the store for others too: whole objects, or ranges of recipes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from itertools import accumulate
from typing import TypeVar

from vcs.digest import Digest
from vcs.stores.recipes import Recipe

Owner = TypeVar("Owner", bound=Hashable)

# Of one file in the store: where bytes that somebody has begin and end, and who that is.
_Spans = list[tuple[int, int, Owner]]


def shared_bytes(
    contents: Mapping[Owner, Mapping[Digest, int]], recipes: Mapping[Digest, Recipe]
) -> dict[Owner, int]:
    """Return for each owner how many bytes of its objects another owner has as well.

    `contents` are the objects of each with their sizes; `recipes` those of them that are
    stored as ranges of files. Bytes that the store does not know to be the same are not shared.
    """
    owners = Counter(digest for objects in contents.values() for digest in objects)
    bases = {file for recipe in recipes.values() for file in recipe.files}
    spans: dict[Digest, _Spans[Owner]] = defaultdict(list)
    for owner, objects in contents.items():
        for digest in objects.keys() & (recipes.keys() | bases):
            for file, start, end in _ranges(digest, objects[digest], recipes):
                spans[file].append((start, end, owner))
    shared = {file: _Shared(found) for file, found in spans.items()}
    return {
        owner: sum(
            size
            if owners[digest] > 1
            else sum(
                shared[file].between(start, end)
                for file, start, end in _ranges(digest, size, recipes)
                if file in shared
            )
            for digest, size in objects.items()
        )
        for owner, objects in contents.items()
    }


def _ranges(digest: Digest, size: int, recipes: Mapping[Digest, Recipe]) -> list[tuple[Digest, int, int]]:
    """Return the file, beginning and end of each range of an object; one that is stored whole is its own."""
    recipe = recipes.get(digest)
    if recipe is None:
        return [(digest, 0, size)]
    return [(recipe.files[number], start, start + length) for number, start, length in recipe.ranges]


class _Shared:
    """The bytes of one file that two owners have, or more."""

    def __init__(self, spans: _Spans[Owner]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        changes: dict[int, list[tuple[int, Owner]]] = defaultdict(list)
        for start, end, owner in spans:
            changes[start].append((1, owner))
            changes[end].append((-1, owner))
        holders: Counter[Owner] = Counter()
        before = 0
        for place in sorted(changes):
            if len(holders) > 1:
                self._starts.append(before)
                self._ends.append(place)
            for change, owner in changes[place]:
                holders[owner] += change
                if not holders[owner]:
                    del holders[owner]
            before = place
        sizes = (end - start for start, end in zip(self._starts, self._ends, strict=True))
        self._sums = list(accumulate(sizes, initial=0))

    def between(self, start: int, end: int) -> int:
        """Return how many of the bytes from `start` to `end` these are."""
        return self._before(end) - self._before(start)

    def _before(self, place: int) -> int:
        number = bisect_right(self._starts, place)
        if not number:
            return 0
        return self._sums[number - 1] + min(place, self._ends[number - 1]) - self._starts[number - 1]
