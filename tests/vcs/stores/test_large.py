"""Near-identical large files: what is stored of the second one, and that it comes back."""

from __future__ import annotations

import io
import json
import os
import random
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vcs.digest import Digest, digest_bytes
from vcs.files.add import add_file, add_tree
from vcs.files.stat_cache import StatCache
from vcs.files.verify import verify_store
from vcs.stores.local import LocalStore
from vcs.stores.ranges import RangeFile

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store"


def open_store(folder: Path) -> LocalStore:
    """As a new process would."""
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def put(folder: Path, data: bytes, *, like: Digest | None = None, name: str = "weights.bin") -> Digest:
    """Store bytes from a file, and check that they come back."""
    path = folder.parent / name
    path.write_bytes(data)
    store = open_store(folder)
    digest, size = store.put_file(path, like=like)
    assert (digest, size) == (digest_bytes(data), len(data))
    assert store.read_bytes(digest) == data
    assert store.size(digest) == len(data)
    return digest


def bytes_in(folder: Path) -> int:
    """What all files of the store hold, each once, without the logs of sketches."""
    files = [path.stat() for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    return sum({status.st_ino: status.st_size for status in files}.values())


def more_for(folder: Path, data: bytes) -> int:
    """Store bytes; return how much the store grew by that."""
    before = bytes_in(folder)
    put(folder, data)
    return bytes_in(folder) - before


BASE = random.Random(1).randbytes(3 * MIB)


@pytest.mark.parametrize("at", [0, 100, MIB, 2 * MIB + 12345, len(BASE)])
@pytest.mark.parametrize("length", [1, 1000, MIB // 2])
def test_an_insertion_costs_what_was_inserted(folder: Path, at: int, length: int) -> None:
    """Wherever it is."""
    put(folder, BASE)
    more = more_for(folder, BASE[:at] + os.urandom(length) + BASE[at:])
    assert more < length + 2000 + (512 << 10 if at < 4096 else 0)


def test_an_insertion_of_what_lies_near_costs_next_to_nothing(folder: Path) -> None:
    """A part of the file that was copied to another place in it."""
    put(folder, BASE)
    assert more_for(folder, BASE[: 2 * MIB] + BASE[MIB // 3 : MIB] + BASE[2 * MIB :]) < 2000


def test_a_new_insertion_is_not_looked_for_piece_by_piece(folder: Path) -> None:
    """What follows it lies where the greater length says, so it is new; to look for it takes long."""
    put(folder, BASE)
    with pytest.MonkeyPatch.context() as patch:
        read: list[int] = []
        read_at = RangeFile.read_at

        def counted(self: RangeFile, offset: int, buffer: memoryview) -> int:
            read.append(len(buffer))
            return read_at(self, offset, buffer)

        patch.setattr(RangeFile, "read_at", counted)
        assert more_for(folder, BASE[:MIB] + os.urandom(MIB) + BASE[MIB:]) < MIB + 2000
    assert sum(read) < 10 * len(BASE)


@pytest.mark.parametrize("at", [0, MIB, 2 * MIB + 12345])
def test_a_deletion_costs_next_to_nothing(folder: Path, at: int) -> None:
    """The rest is ranges."""
    put(folder, BASE)
    assert more_for(folder, BASE[:at] + BASE[at + 300_000 :]) < 2000


def test_a_replacement_costs_what_was_replaced(folder: Path) -> None:
    """To the byte, but for what is too short to be worth a range."""
    put(folder, BASE)
    changed = BASE[:700_000] + os.urandom(50_000) + BASE[750_000:]
    assert more_for(folder, changed) < 52_000


def test_several_changes_of_length_are_found_one_by_one(folder: Path) -> None:
    """A table with rows edited here and there."""
    put(folder, BASE)
    parts = [BASE[at : at + 300_000] + os.urandom(17 + at % 13) for at in range(0, len(BASE), 300_000)]
    assert more_for(folder, b"".join(parts)) < 150_000


def test_a_file_that_grows_costs_its_growth_in_each_version(folder: Path) -> None:
    """Forty versions; the files that one recipe needs stay few."""
    data = BASE[:MIB]
    put(folder, data)
    for number in range(40):
        data += random.Random(number).randbytes(10_000)
        digest = put(folder, data)
        recipe = open_store(folder).recipes.load(digest)
        assert recipe is not None
        assert len(recipe.files) <= 33
    assert bytes_in(folder) < len(data) * 1.4
    assert verify_store(open_store(folder)) == []


def test_a_recipe_refers_to_files_and_never_to_recipes(folder: Path) -> None:
    """The third version has ranges in the first object and in extents."""
    first = put(folder, BASE)
    second = put(folder, BASE + os.urandom(50_000))
    third = put(folder, BASE[:MIB] + os.urandom(50_000) + open_store(folder).read_bytes(second)[MIB:])
    recipe = open_store(folder).recipes.load(third)

    assert recipe is not None
    assert first in recipe.files
    assert second not in recipe.files
    assert all((folder / "extents" / digest).exists() for digest in recipe.files if digest != first)


def test_different_files_are_stored_whole(folder: Path) -> None:
    """As files that can be linked."""
    put(folder, BASE)
    other = put(folder, os.urandom(len(BASE)))
    assert open_store(folder).file_of(other) is not None


def test_a_file_with_little_in_common_is_stored_whole(folder: Path) -> None:
    """A recipe would keep a whole file alive for a small part of it."""
    put(folder, BASE)
    other = put(folder, BASE[: MIB // 2] + os.urandom(3 * MIB))
    assert open_store(folder).file_of(other) is not None


def test_zeros_are_no_resemblance(folder: Path) -> None:
    """What every empty table and new disk image has."""
    put(folder, bytes(MIB) + os.urandom(MIB))
    other = put(folder, bytes(MIB) + os.urandom(MIB))
    assert open_store(folder).file_of(other) is not None


def test_a_hint_serves_where_the_log_of_sketches_is_gone(folder: Path) -> None:
    """The log is a cache."""
    first = put(folder, BASE)
    (folder / "recent-large").unlink()
    put(folder, BASE + b"end", like=first)
    assert bytes_in(folder) < len(BASE) + 2000


@pytest.mark.parametrize("like", ["absent", "small", "other"])
def test_a_wrong_hint_does_no_harm(folder: Path, like: str) -> None:
    """It is only a suggestion."""
    store = open_store(folder)
    data = {"absent": None, "small": b"small", "other": os.urandom(MIB)}[like]
    digest = digest_bytes(b"absent") if data is None else store.put_bytes(data)
    put(folder, BASE, like=digest)


def test_a_damaged_log_of_sketches_does_no_harm(folder: Path) -> None:
    """Cut or rubbish: nothing is suggested, or something wrong."""
    put(folder, BASE)
    log = folder / "recent-large"
    for rubbish in (b"", log.read_bytes()[:50], os.urandom(416 * 3), b"\xff" * 416):
        log.write_bytes(rubbish)
        put(folder, os.urandom(1000) + BASE)
    log.unlink()
    log.mkdir()
    put(folder, os.urandom(1001) + BASE)


def safetensors(tensors: dict[str, bytes], note: str = "") -> bytes:
    """A file as the library writes it."""
    header: dict[str, object] = {"__metadata__": {"note": note}}
    at = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(tensors.values())


def zipped(tensors: dict[str, bytes], root: str = "archive", pickled: bytes = b"") -> bytes:
    """A file as torch.save writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr(f"{root}/data.pkl", pickled)
        for name, data in tensors.items():
            file.writestr(f"{root}/data/{name}", data)
    return buffer.getvalue()


def tensors(*, changed: int = 0) -> dict[str, bytes]:
    """Twenty tensors of 100 kB; some of them with other values."""
    return {
        str(number): random.Random(number + (100 if number >= 20 - changed else 0)).randbytes(100_000)
        for number in range(20)
    }


def test_frozen_tensors_are_stored_once(folder: Path) -> None:
    """In both formats, with headers and names of any length, and in any order."""
    put(folder, safetensors(tensors()))
    assert more_for(folder, safetensors(tensors(changed=2), note="step 1000")) < 206_000
    backwards = dict(reversed(tensors().items()))
    assert more_for(folder, safetensors(backwards)) < 20_000
    put(folder, zipped(tensors()))
    assert more_for(folder, zipped(tensors(changed=2), root="checkpoint-0001", pickled=b"x" * 1000)) < 210_000


def test_saved_checkpoints_of_torch_share_frozen_tensors(folder: Path, tmp_path: Path) -> None:
    """As torch writes them, under names of different lengths."""
    torch = pytest.importorskip("torch")
    state = {f"layer{number}": torch.randn(200, 200) for number in range(10)}
    torch.save(state, tmp_path / "a.pt")
    state["layer9"] = torch.randn(200, 200)
    torch.save({**state, "step": 12345}, tmp_path / "checkpoint-12345.pt")
    store = open_store(folder)
    store.put_file(tmp_path / "a.pt")
    before = bytes_in(folder)
    digest, _ = store.put_file(tmp_path / "checkpoint-12345.pt")

    assert bytes_in(folder) - before < 160_000 + 10_000
    with store.open(digest) as stream:
        assert torch.load(stream, weights_only=True)["step"] == 12345


@pytest.mark.parametrize(
    "rubbish",
    [
        b"PK\x03\x04" + b"x" * 300_000,
        b"\xff\xff\xff\xff\xff\xff\xff\x7f{" + b"x" * 300_000,
        (100).to_bytes(8, "little") + b'{"a":' * 60_000,
        (300_000).to_bytes(8, "little") + b'{"a":' * 60_000,
        (40).to_bytes(8, "little") + b'{"a": {"data_offsets": [-5, 1e999]}}    ' + b"x" * 300_000,
        zipped(tensors())[:-5],
    ],
)
def test_files_that_only_look_like_tensors_are_stored(folder: Path, rubbish: bytes) -> None:
    """Nothing in them is believed."""
    first = put(folder, rubbish)
    put(folder, rubbish + b"more", like=first)
    put(folder, os.urandom(1000) + rubbish, like=first)


def test_a_recipe_reads_like_a_file(folder: Path) -> None:
    """From anywhere, in any amount, as `open` of a file would."""
    put(folder, BASE)
    data = BASE[:MIB] + b"inserted" * 1000 + BASE[MIB:]
    digest = put(folder, data)
    with open_store(folder).open(digest) as stream, io.BytesIO(data) as model:
        for offset, whence, count in [
            (0, 0, 10),
            (MIB - 3, 0, 20_000),
            (-5, 2, 10),
            (5, 1, 1),
            (0, 2, 5),
            (7, 0, -1),
        ]:
            assert stream.seek(offset, whence) == model.seek(offset, whence)
            assert stream.read(count) == model.read(count)
            assert stream.tell() == model.tell()


def test_pieces_of_ranges_add_up(tmp_path: Path) -> None:
    """Any stretch is ranges of the files below."""
    (tmp_path / "a").write_bytes(b"0123456789")
    ranges = [(0, 2, 3), (0, 7, 2), (0, 0, 4)]
    with RangeFile("name", [Digest("a")], [tmp_path / "a"], ranges) as file:
        assert file.read() == b"234780123"
        for start in range(9):
            for length in range(9 - start):
                pieces = file.pieces(start, length)
                assert (
                    b"".join(b"0123456789"[at : at + n] for _, at, n in pieces)
                    == b"234780123"[start:][:length]
                )


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "replace", "move"]), st.floats(0, 1), st.integers(1, 200_000)
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(edits=EDITS, seed=st.integers(0, 3))
def test_whatever_was_edited_comes_back(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, float, int]], seed: int
) -> None:
    """Each version is put after the one before; all are whole in the end."""
    folder = tmp_path_factory.mktemp("edits") / "store"
    source = random.Random(seed)
    # Periodic in part, so that bytes are found in wrong places too.
    data = source.randbytes(400_000) + source.randbytes(1000) * 300
    put(folder, data)
    for kind, where, length in edits:
        at = int(where * len(data))
        if kind == "insert":
            data = data[:at] + source.randbytes(length) + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + length :]
        elif kind == "replace":
            data = data[:at] + source.randbytes(length) + data[at + length :]
        else:
            data = data[at:] + data[:at]
        put(folder, data)
    assert verify_store(open_store(folder)) == []


@pytest.mark.parametrize("as_tree", [True, False], ids=["folder", "file"])
def test_the_previous_content_of_a_path_is_the_first_suggestion(folder: Path, as_tree: bool) -> None:
    """The stat cache knows it, also where the log of sketches does not."""
    path = folder.parent / "data" / "table.csv"
    path.parent.mkdir()
    cache = StatCache(folder.parent / "stat-cache")

    def add() -> None:
        # Old enough for the cache.
        while time.time_ns() - path.stat().st_ctime_ns < 60_000_000:
            time.sleep(0.01)
        (folder / "recent-large").unlink(missing_ok=True)
        if as_tree:
            add_tree(path.parent, open_store(folder), stat_cache=cache)
        else:
            add_file(path, open_store(folder), name="table.csv", stat_cache=cache)

    path.write_bytes(BASE)
    add()
    path.write_bytes(BASE + b"one more row")
    add()
    assert bytes_in(folder) < len(BASE) + 2000


def test_short_reads_are_continued(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel may read less than asked for."""
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, parts, at: real(fd, [parts[0][:5000]], at))
    put(folder, BASE[:MIB])
    put(folder, BASE[:MIB] + b"more" * 100_000)
    assert verify_store(open_store(folder)) == []


def lines(count: int, *, changed: int = -1) -> bytes:
    """A text such as a listing, of which one line in fifty may be another one."""
    return b"".join(
        b'{"path":"%06d.png","digest":"%s"}\n'
        % (number, digest_bytes(b"%d %d" % (number, changed if number % 50 == changed else -1)).encode())
        for number in range(count)
    )


@pytest.mark.parametrize("rows", [700, 4000, 8000], ids=["20 kB", "110 kB", "220 kB"])
def test_a_small_table_that_grows_takes_a_block_of_the_disk_for_each_version(folder: Path, rows: int) -> None:
    """Its new lines and where the others lie are one file."""
    made = [f"{number},{number * 17},{number / 7:.6f},class{number % 100}\n" for number in range(2 * rows)]
    table = "".join(made[:rows]).encode()
    put(folder, table, name="metrics.csv")
    for version in range(1, 20):
        table = "".join(made[: rows + version * rows // 100]).encode()
        digest = put(folder, table, name=f"metrics-{version}.csv")
        assert (folder / "recipes" / digest).stat().st_size <= 4096
    assert verify_store(open_store(folder)) == []
    assert put(folder, table) == digest
    assert not Path(open_store(folder).loose_path(digest)).exists()


def test_a_small_object_is_a_recipe_only_where_that_spares_a_block(folder: Path) -> None:
    """Of one that fits into two blocks, or that has little in common with others, nothing is spared."""
    for first in (random.Random(1).randbytes(8000), random.Random(2).randbytes(40_000)):
        put(folder, first)
        second = first[:4000] + os.urandom(len(first) - 4000)
        digest = put(folder, second, like=digest_bytes(first))
        assert not (folder / "recipes" / digest).exists()


def test_many_small_objects_are_a_pack_whatever_they_resemble(folder: Path) -> None:
    """A batch of a hundred is not compared with anything."""
    base = random.Random(1).randbytes(20_000)
    put(folder, base)
    store = open_store(folder)
    with store.batch() as batch:
        digests = [batch.put_bytes(base + bytes([n]), like=digest_bytes(base)) for n in range(100)]
    assert not (folder / "recipes").exists()
    assert all(store.read_bytes(one) == base + bytes([n]) for n, one in enumerate(digests))


def test_columns_that_moved_by_different_amounts_are_found(folder: Path) -> None:
    """As in a Parquet file that grew: each column is longer, and all behind it lie elsewhere."""
    columns = [random.Random(seed).randbytes(20_000) for seed in range(12)]
    put(folder, b"".join(columns))
    grown = [column + random.Random(n).randbytes(200 + n) for n, column in enumerate(columns, start=100)]
    assert more_for(folder, b"".join(grown)) < 12 * 400 + 6000


def test_the_previous_content_is_found_where_everything_moved_by_a_byte(folder: Path) -> None:
    """A longer header: no window of the sketch is where it was."""
    base = random.Random(1).randbytes(300_000)
    put(folder, base, name="table")
    digest = put(folder, b"x" + base, like=digest_bytes(base), name="table")
    assert (folder / "recipes" / digest).exists()


def test_lines_are_stored_as_what_is_new_in_them(folder: Path) -> None:
    """Version after version, and what is deleted meanwhile takes nothing away."""
    store = open_store(folder)
    texts = [lines(5000), *(lines(5000, changed=turn) for turn in range(20))]
    digests = [store.put_bytes(texts[0])]
    whole = bytes_in(folder)

    for text in texts[1:]:
        digests.append(open_store(folder).put_bytes(text, like=digests[-1]))

    assert bytes_in(folder) < 3 * whole < len(texts) * whole / 6
    assert store.delete(digests[:3]) == 3
    for digest, text in zip(digests[3:], texts[3:], strict=True):
        assert open_store(folder).read_bytes(digest) == text
    assert verify_store(open_store(folder)) == []


@pytest.mark.parametrize(
    "like", [digest_bytes(b"absent"), digest_bytes(lines(5000))], ids=["absent", "other"]
)
def test_lines_that_are_like_nothing_are_stored_whole(folder: Path, like: Digest) -> None:
    """A suggestion may be wrong."""
    store = open_store(folder)
    store.put_bytes(lines(5000))
    text = bytes(reversed(lines(5000)))

    assert store.read_bytes(store.put_bytes(text, like=like)) == text
    assert not list((folder / "recipes").glob("?" * 64))
