"""Clones that log, move, edit and delete at will end with one collection, and nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from vcs.artifacts.manifest import Manifest, lines_of, parse, render
from vcs.clock import iso_time
from vcs.digest import digest_bytes
from vcs.files.listing import Entry, Listing
from vcs.record_log import parse_log
from vcs.records.merge_collection import ALIASES, EDITS, CollectionSide, merge_collections
from vcs.yaml_io import dump_flow

NAME = "p/x"


@dataclass
class Clone:
    """A collection in memory, changed as `vcs.artifacts.collection` changes one on disk."""

    ticks: count[int]
    files: dict[str, bytes] = field(default_factory=dict)
    base: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    logged: set[str] = field(default_factory=set)

    @property
    def side(self) -> CollectionSide:
        return CollectionSide(self.files)

    def log(self, text: str) -> None:
        listing = Listing([Entry("data", digest_bytes(text.encode()), len(text))])
        versions = {digest: number for number, digest in sorted(self.side.digests.items(), reverse=True)}
        number = versions.get(listing.digest)
        if number is None:
            number = max(self.side.used, default=-1) + 1
            manifest = Manifest(
                project="p", name="x", number=number, type="model", digest=listing.digest, file_count=1,
                size_bytes=len(text), created=iso_time(next(self.ticks)), lines=lines_of(listing),
            )  # fmt: skip
            self.files[f"v{number}.yaml"] = render(manifest).encode()
        self.logged.add(listing.digest)
        self.move("latest", number)

    def move(self, alias: str, number: int) -> None:
        self.append(ALIASES, {"alias": alias, "version": f"v{number}"})

    def delete(self, number: int) -> None:
        self.deleted.add(self.side.digests[number])
        self.append(EDITS, {"version": f"v{number}", "deleted": True, "type": "model"})
        del self.files[f"v{number}.yaml"]

    def append(self, log: str, line: dict[str, object]) -> None:
        timed = {"time": iso_time(next(self.ticks)), **line}
        self.files[log] = self.files.get(log, b"") + f"- {dump_flow(timed)}\n".encode()

    def lines(self, log: str) -> list[dict[str, object]]:
        return [dict(line) for line in parse_log(self.files.get(log, b""), log) if line]

    def meaning(self, alias: str) -> str | None:
        """The contents that an alias names."""
        named = [line["version"] for line in self.lines(ALIASES) if line["alias"] == alias]
        return self.side.digests.get(int(str(named[-1])[1:])) if named else None


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["log", "log", "log", "move", "delete", "sync", "sync"]),
        st.integers(0, 7),
    ),
    max_size=40,
)


def sync(clone: Clone, remote: dict[str, bytes]) -> dict[str, bytes]:
    """Merge with the remote and push."""
    merged = merge_collections(clone.base, remote, clone.files, name=NAME)
    assert merge_collections(clone.files, merged.files, clone.files, name=NAME).files == merged.files
    assert merge_collections(remote, remote, merged.files, name=NAME).files == merged.files
    clone.files, clone.base = dict(merged.files), dict(merged.files)
    return dict(merged.files)


@given(steps=STEPS)
def test_every_clone_ends_with_the_same_and_every_version_is_there(steps: list[tuple[int, str, int]]) -> None:
    ticks = count(1_800_000_000)
    clones = [Clone(ticks) for _ in range(3)]
    remote: dict[str, bytes] = {}
    latest: dict[str, str | None] = {}
    for which, action, number in steps:
        clone = clones[which]
        numbers = sorted(clone.side.digests)
        if action == "log":
            clone.log(f"content {number}")
        elif action == "move" and numbers:
            clone.move("best", numbers[number % len(numbers)])
            latest["best"] = clone.meaning("best")
        elif action == "delete" and numbers:
            clone.delete(numbers[number % len(numbers)])
        elif action == "sync":
            remote = sync(clone, remote)
    for clone in [*clones, *clones]:
        remote = sync(clone, remote)
    assert clones[0].files == clones[1].files == clones[2].files
    end = clones[0].side
    there = set(end.digests.values())
    deleted = set().union(*(clone.deleted for clone in clones))
    assert there >= set().union(*(clone.logged for clone in clones)) - deleted
    if latest.get("best") not in deleted:
        assert clones[0].meaning("best") == latest.get("best")
    for number in end.digests:
        manifest = parse(end.files[f"v{number}.yaml"].decode(), path="test")
        assert manifest.number == number
    gone = {str(line["version"]) for line in clones[0].lines(EDITS) if line.get("deleted")}
    assert gone.isdisjoint(f"v{number}" for number in end.digests)


@given(steps=STEPS)
def test_what_a_remote_has_keeps_its_numbers(steps: list[tuple[int, str, int]]) -> None:
    """Only the clone that comes later changes."""
    ticks = count(1_800_000_000)
    clones = [Clone(ticks) for _ in range(3)]
    remote: dict[str, bytes] = {}
    for which, action, number in steps:
        if action == "log":
            clones[which].log(f"content {number}")
        elif action == "sync":
            before = CollectionSide(remote).digests
            remote = sync(clones[which], remote)
            assert before.items() <= CollectionSide(remote).digests.items()


def test_swapped_numbers_become_one() -> None:
    """Two clones that merged each other's first state crosswise agree after one more merge."""
    ticks = count(1_800_000_000)
    one, other = Clone(ticks), Clone(ticks)
    one.log("a")
    other.log("b")
    mine = merge_collections({}, other.files, one.files, name=NAME).files
    theirs = merge_collections({}, one.files, other.files, name=NAME).files
    assert CollectionSide(mine).digests != CollectionSide(theirs).digests
    merged = merge_collections(one.files, theirs, mine, name=NAME).files
    assert CollectionSide(merged).digests == CollectionSide(theirs).digests
    assert replace(one, files=merged).meaning("latest") == digest_of("b")


def digest_of(text: str) -> str:
    return Listing([Entry("data", digest_bytes(text.encode()), len(text))]).digest
