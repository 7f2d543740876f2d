"""Digests of finished packs: every one is found with its pack, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from blake3 import blake3

from vcs.files.add import add_tree
from vcs.files.verify import verify_store
from vcs.stores import compact, packing
from vcs.stores.batch import LocalBatch
from vcs.stores.compact import CompactDigests
from vcs.stores.local import LocalStore


def raws(start: int, end: int) -> list[bytes]:
    return [blake3(b"%d" % number).digest() for number in range(start, end)]


@pytest.mark.parametrize("first_bits", [8, 1 << 22], ids=["grows", "has room"])
def test_each_object_is_found_in_its_pack(first_bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the table of bits has grown, and when many share a bit."""
    monkeypatch.setattr(compact, "_FIRST_BITS", first_bits)
    known = CompactDigests()
    assert not known

    for number in range(3):
        known.add(f"pack {number}", b"".join(sorted(raws(100 * number, 100 * number + 100))))

    assert known
    assert [known.home(raw) for raw in raws(0, 300)] == [f"pack {number // 100}" for number in range(300)]
    assert {known.home(raw) for raw in raws(300, 3000)} == {None}


def test_no_pack_is_sealed_with_a_place_that_was_not_written(tmp_path: Path) -> None:
    """Who reserves room and goes away has made a mistake, and nothing of it is to be seen."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    data = memoryview(b"later")

    def forget_to_write() -> None:
        with store.batch() as batch:
            assert isinstance(batch, LocalBatch)
            for number in range(100):
                batch.put_bytes(b"%d" % number)
            batch.reserve([(blake3(data).digest(), 5, 0, 0, 0, 0)], data)

    with pytest.raises(ValueError, match="places without their bytes"):
        forget_to_write()

    assert list(store.list()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("quick", [0, 150, 100_000])
def test_a_batch_of_many_packs_stores_each_content_once(
    quick: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it keeps of those that are finished."""
    monkeypatch.setattr(packing, "PACK_OBJECTS", 100)
    monkeypatch.setattr(packing, "_QUICK_OBJECTS", quick)
    for number in range(1200):
        path = tmp_path / "data" / str(number // 200) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % (number % 700))
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")

    with store.batch() as batch:
        listing = add_tree(tmp_path / "data", store, batch=batch)
        assert batch.locate([bytes.fromhex(entry.digest) for entry in listing]).lacking == set()

    objects = list(store.list())
    assert len(objects) == len(set(objects)) == 700
    assert len(list(store.packs)) >= 4
    assert verify_store(store) == []
