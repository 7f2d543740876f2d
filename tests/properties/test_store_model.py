"""A store behaves like a dictionary, whatever is done to it in whatever order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vcs.digest import Digest, digest_bytes
from vcs.files.verify import verify_store
from vcs.stores.local import LocalStore

CONTENTS = st.integers(0, 400).map(lambda number: b"%d" % number * (1 + number % 5))
LARGE = st.integers(0, 3).map(lambda number: b"%d" % number * 200_000)


class StoreModel(RuleBasedStateMachine):
    """Two openings of one folder, as two processes would have, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="store-model-"))
        self.stores = [self.opened(), self.opened()]
        self.model: dict[Digest, bytes] = {}

    def opened(self) -> LocalStore:
        """A new opening."""
        return LocalStore(self.folder / "objects", self.folder / "packs", self.folder / "tmp")

    def teardown(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder)

    @rule(which=st.integers(0, 1), data=CONTENTS | LARGE)
    def put_one(self, which: int, data: bytes) -> None:
        """One object."""
        self.model[self.stores[which].put_bytes(data)] = data

    @rule(which=st.integers(0, 1), start=st.integers(0, 300), count=st.integers(0, 150))
    def put_many(self, which: int, start: int, count: int) -> None:
        """A batch that may become a pack."""
        with self.stores[which].batch() as batch:
            for number in range(start, start + count):
                data = b"%d" % number * (1 + number % 5)
                self.model[batch.put_bytes(data)] = data

    @rule(which=st.integers(0, 1), data=st.data())
    def delete(self, which: int, data: st.DataObject) -> None:
        """Some of what is there, and something that is not."""
        gone = (
            set(data.draw(st.lists(st.sampled_from(sorted(self.model)), max_size=40)))
            if self.model
            else set()
        )
        assert self.stores[which].delete([*gone, digest_bytes(b"absent")]) == len(gone)
        for digest in gone:
            del self.model[digest]

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        """A new process."""
        self.stores[which] = self.opened()

    @rule(which=st.integers(0, 1))
    def read_all(self, which: int) -> None:
        """Every object, by every opening."""
        store = self.stores[which]
        assert {digest: store.read_bytes(digest) for digest in self.model} == self.model
        assert store.missing([*self.model, digest_bytes(b"absent")]) == {digest_bytes(b"absent")}

    @invariant()
    def the_same_objects_are_listed(self) -> None:
        """No more and no fewer."""
        for store in self.stores:
            assert set(store.list()) == self.model.keys()

    @invariant()
    def everything_is_whole(self) -> None:
        """And nothing temporary is left."""
        assert verify_store(self.stores[0]) == []
        assert not list(self.folder.glob("tmp/*"))


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
