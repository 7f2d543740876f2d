"""However a folder changes between two adds, what is remembered of it changes nothing but the time."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcs.digest import Digest, digest_bytes
from vcs.files.add import add_file, add_tree
from vcs.files.folder_record import NO_DIGEST, Row
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry, Listing
from vcs.files.listing_builder import ListingBuilder
from vcs.files.stat_cache import StatCache
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore
from vcs.tracked.scan import scan

# Longer than the tick of any kernel's clock, so that each change has a time of its own.
TICK_S = 0.012


class World:
    """A folder, a store, and what is remembered of both; and what may happen to them."""

    def __init__(self, place: Path, draw: random.Random) -> None:
        self.place, self.draw = place, draw
        self.data = place / "data"
        self.count = 0
        self.cache = StatCache(place / "cache")
        for folder in ("", "a", "a/deep", "b", "ü"):
            (self.data / folder).mkdir(parents=True)
            for number in range(30):
                self.write(self.data / folder / f"f{number:02}.txt")

    def store(self) -> LocalStore:
        """The store as another process sees it."""
        return LocalStore(self.place / "objects", self.place / "packs", self.place / "tmp")

    def write(self, path: Path) -> None:
        """New content, sometimes that of another file, sometimes large."""
        self.count += 1
        size = 200_000 if self.draw.random() < 0.03 else 4
        path.write_bytes(b"%04d" % (self.count % 200) + b"x" * (size - 4))

    def some(self) -> Path:
        """A file."""
        return self.draw.choice([path for path in self.data.rglob("f*") if path.is_file()])

    def happen(self) -> None:
        """Let one thing happen."""
        things: list[Callable[[], object]] = [
            lambda: self.write(self.some()),
            lambda: self.write(self.some().with_name(f"f-new-{self.count}")),
            lambda: self.some().unlink(),
            lambda: self.some().rename(self.some()),
            lambda: self.some().chmod(self.draw.choice([0o644, 0o755])),
            lambda: (self.some().parent / f"l{self.count}").symlink_to(f"f{self.count % 30:02}.txt"),
            lambda: [path.unlink() for path in list(self.data.rglob("l*"))[:1]],
            lambda: (self.some().parent / f"empty{self.count}").mkdir(exist_ok=True),
            lambda: [path.rmdir() for path in list(self.data.rglob("empty*"))[:1]],
            lambda: os.utime(self.some()),
            lambda: (self.data / ".trackerignore").write_text(f"*{self.draw.randrange(10)}.txt\n"),
            lambda: (self.data / "a" / ".trackerignore").unlink(missing_ok=True),
            lambda: self.lose(0.5),
            lambda: self.lose(1.0),
            lambda: shutil.rmtree(self.place / "packs", ignore_errors=True),
            lambda: add_file(self.some(), self.store(), name="one", stat_cache=self.cache),
            lambda: scan(self.data, top=self.data, stat_cache=self.cache),
            lambda: self.add(self.data / "a"),
            lambda: self.cache.save(),
            self.reopen,
            self.fail,
        ]
        self.draw.choice(things)()

    def lose(self, part: float) -> None:
        """Delete objects, as garbage collection does."""
        store = self.store()
        store.delete([digest for digest in store.list() if self.draw.random() < part])

    def reopen(self) -> None:
        """Another process goes on; what was not saved is forgotten."""
        self.cache = StatCache(self.cache.path)

    def fail(self) -> None:
        """An add that is remembered, of which nothing was stored in the end."""
        with suppress(InterruptedError), self.store().batch() as batch:
            add_tree(self.data, self.store(), stat_cache=self.cache, batch=batch)
            self.cache.save()
            raise InterruptedError

    def add(self, folder: Path) -> None:
        """Add a folder, and check that nothing of it is old, and that the store has all."""
        ignore = Ignore.load(folder, top=self.data)
        store = self.store()
        listing = add_tree(folder, store, stat_cache=self.cache, ignore=ignore)
        fresh = add_tree(folder, MemoryStore(), ignore=Ignore.load(folder, top=self.data))
        assert listing.digest == fresh.digest
        assert listing.encoded == fresh.encoded
        assert len(listing) == len(fresh.entries) == len(listing.entries)
        assert (listing.file_count, listing.size_bytes) == (fresh.file_count, fresh.size_bytes)
        files = {Digest(entry.digest) for entry in listing if entry.kind == "file"}
        assert self.store().missing(files) == set()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Files, links, rules, modes; objects and packs that went; adds that failed; a part added alone."""
    # As if each look was long after the changes before it, so that everything is trusted.
    later = SimpleNamespace(time_ns=lambda: time.time_ns() + 10**10)
    monkeypatch.setattr("vcs.files.walk.time", later)
    monkeypatch.setattr("vcs.files.add.time", later)
    world = World(tmp_path, random.Random(seed))
    for _ in range(30):
        time.sleep(TICK_S)
        for _ in range(world.draw.randrange(3)):
            world.happen()
        world.add(world.data)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=6)


@given(
    st.lists(NAMES, max_size=4),
    st.dictionaries(NAMES, st.tuples(st.integers(0, 10**12), st.booleans(), st.sampled_from("fl-"))),
    st.lists(NAMES, unique=True, max_size=4),
    st.sampled_from([0, 1000]),
)
def test_a_listing_put_together_is_the_one_of_its_entries(
    parts: list[str], names: dict[str, tuple[int, bool, str]], folders: list[str], most_named: int
) -> None:
    """To the byte, whatever the names are, with links and folders between the files; in both forms."""
    prefix = "".join(f"{part}/" for part in parts)
    builder, entries, rows, raws = ListingBuilder(), [], list[Row](), b""
    links = [name for name, one in names.items() if one[2] == "l"]
    folders = [folder for folder in folders if folder not in names]
    for name, (size, executable, kind) in names.items():
        digest = digest_bytes(name.encode())
        rows.append((name, size, 1, 2, 3, 0o755 if executable else 0o644))
        raws += bytes.fromhex(digest) if kind == "f" else NO_DIGEST
        if kind == "f":
            entries.append(Entry(prefix + name, digest, size, executable=executable))
    for path in [*(prefix + link for link in links), *(f"{prefix}{folder}/x" for folder in folders)]:
        entry = Entry(path, digest_bytes(b"t"), 0, "link", target="t")
        entries.append(entry)
        builder.add(entry)
    builder.add_files(prefix, rows, raws, [*(f"{folder}/" for folder in folders), *links])
    wanted = Listing(entries)

    with pytest.MonkeyPatch.context() as patch:
        for module in ("listing", "listing_builder"):
            patch.setattr(f"vcs.files.{module}.MAX_NAMED", most_named)
        made = builder.listing()
        assert made.encoded == wanted.encoded
    assert (len(made), made.file_count, made.size_bytes) == (
        len(wanted),
        wanted.file_count,
        wanted.size_bytes,
    )
    assert made == wanted
    assert made.entries == wanted.entries
