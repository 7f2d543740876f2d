"""Files of tensors: what differs in each, whatever their types, and files made to do harm."""

from __future__ import annotations

import io
import json
import math
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tracker.compare import tensor_files, torch_files
from tracker.compare.tensors import TensorChange, TensorChanges, compare_tensors
from vcs.stores.base import Store
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore

np = pytest.importorskip("numpy")


def compare(suffix: str, old: bytes, new: bytes, store: Store | None = None) -> TensorChanges | str:
    """Compare two contents as files of tensors."""
    store = store or MemoryStore()
    return compare_tensors(suffix, store.put_bytes(old), store.put_bytes(new), store)


def changed(suffix: str, old: bytes, new: bytes) -> dict[str, TensorChange]:
    """The tensors that differ, by name."""
    found = compare(suffix, old, new)
    assert isinstance(found, TensorChanges), found
    return {change.name: change for change in found.tensors}


def npz(**arrays: Any) -> bytes:
    """An archive of arrays."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    """One array."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def safetensors(header: Any = None, /, **arrays: tuple[str, tuple[int, ...], bytes]) -> bytes:
    """A file of safetensors, written by hand: type, shape and bytes of each."""
    entries: dict[str, Any] = {}
    data = b""
    for name, (dtype, shape, raw) in arrays.items():
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps({**entries, **(header or {})}).encode()
    return len(text).to_bytes(8, "little") + text + data


def f32(*values: float) -> tuple[str, tuple[int, ...], bytes]:
    """A flat tensor of single precision."""
    return "F32", (len(values),), np.array(values, "<f4").tobytes()


# npz and npy


def test_norm_relative_norm_and_largest_change_of_each_tensor() -> None:
    """Equal tensors are only counted."""
    old, new = np.array([[3.0, 4.0]]), np.array([[3.0, 4.5]])
    found = compare(".npz", npz(w=old, same=old), npz(w=new, same=old))
    assert isinstance(found, TensorChanges)
    assert found.same == 1
    (change,) = found.tensors
    assert (change.name, change.old, change.new) == ("w", ("float64", (1, 2)), ("float64", (1, 2)))
    assert change.distance is not None
    assert change.distance == type(change.distance)(norm=0.5, relative=0.1, largest=0.5, elements=1)


def test_tensors_of_one_side_and_other_shapes() -> None:
    """There is no distance then."""
    found = changed(".npz", npz(a=np.zeros(2), b=np.zeros(2)), npz(b=np.zeros((1, 2)), c=np.zeros(2)))
    assert [(c.name, c.old is None, c.new is None, c.note) for c in found.values()] == [
        ("a", False, True, ""),
        ("b", False, False, "another shape"),
        ("c", True, False, ""),
    ]


def test_another_type_with_the_same_values_is_a_change_without_distance() -> None:
    """Half a checkpoint."""
    values = np.array([0.5, 2.0], np.float32)
    change = changed(".npz", npz(w=values), npz(w=values.astype(np.float16)))["w"]
    assert (change.old, change.new) == (("float32", (2,)), ("float16", (2,)))
    assert change.distance is not None
    assert (change.distance.norm, change.distance.elements) == (0.0, 0)


def test_nan_equals_nan_and_is_counted() -> None:
    """A loss that exploded shows as numbers that are none."""
    nan = math.nan
    same = npz(w=np.array([nan, 1.0]))
    assert changed(".npz", same, npz(w=np.array([nan, 1.0]), other=np.zeros(0))).keys() == {"other"}
    distance = changed(".npz", same, npz(w=np.array([nan, math.inf])))["w"].distance
    assert distance is not None
    assert (distance.elements, distance.not_finite, distance.norm) == (1, (1, 2), 0.0)


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, 2**63 - 1], np.int64),
        np.array([True, False]),
        np.array([1 + 2j, 3j]),
        np.array([1, 2], ">i4"),
        np.array(7.0),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=str,
)
def test_numbers_of_every_type(array: Any) -> None:
    """Equal ones are equal; one that differs by the least is found."""
    other = array.copy()
    other.flat[-1] = not other.flat[-1] if array.dtype.kind == "b" else other.flat[-1] - 1
    assert changed(".npy", npy(array), npy(array)) == {}
    distance = changed(".npy", npy(array), npy(other))["array"].distance
    assert distance is not None
    assert distance.elements == 1


def test_arrays_stored_by_columns_and_by_rows_are_the_same() -> None:
    """Only the order of the bytes differs."""
    array = np.arange(12.0).reshape(3, 4)
    assert changed(".npz", npz(a=array), npz(a=np.asfortranarray(array), b=array)).keys() == {"b"}


def test_text_and_dates_are_equal_or_not() -> None:
    """They have no distance."""
    old, new = np.array(["a", "b"]), np.array(["a", "c"])
    assert changed(".npz", npz(x=old), npz(x=new))["x"].note == "no numbers"
    assert changed(".npz", npz(x=old), npz(x=old, y=np.zeros(1))).keys() == {"y"}


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    """Their pickle would write a file."""
    trap = npy(np.array([Trap(tmp_path / "sprung")], object), allow_pickle=True)
    assert changed(".npy", trap, npy(np.zeros(1)))["array"].note.startswith("no numbers")
    found = changed(".npy", trap, trap + b"x")["array"]
    assert "not loaded" in found.note
    assert not (tmp_path / "sprung").exists()


class Trap:
    """Something whose unpickling leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_blocks_join_to_whole_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over blocks are those over everything."""
    monkeypatch.setattr(tensor_files, "BLOCK", 7)
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(10, 10)), rng.normal(size=(10, 10))
    for suffix, write in ((".npy", npy), (".npz", lambda a: npz(array=a))):
        distance = changed(suffix, write(old), write(new))["array"].distance
        assert distance is not None
        assert distance.norm == pytest.approx(np.linalg.norm(new - old))
        assert distance.relative == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old))
        assert distance.largest == pytest.approx(np.abs(new - old).max())


def test_memory_does_not_grow_with_the_tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks come and go."""
    monkeypatch.setattr(tensor_files, "BLOCK", 1 << 16)
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    array = np.zeros(4 << 20)
    old = store.put_bytes(npy(array))
    array[-1] = 1
    new = store.put_bytes(npy(array))
    size = array.nbytes
    del array
    tracemalloc.start()
    found = compare_tensors(".npy", old, new, store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, TensorChanges)
    assert len(found.tensors) == 1
    assert peak < size / 4


# safetensors


def test_safetensors_are_read_without_their_package() -> None:
    """Names in the order in which people count."""
    old = safetensors(l10=f32(1), l2=f32(3, 4), same=f32(1))
    new = safetensors({"__metadata__": {"format": "pt"}}, l10=f32(2), l2=f32(3, 4.5), same=f32(1))
    found = compare(".safetensors", old, new)
    assert isinstance(found, TensorChanges)
    assert [change.name for change in found.tensors] == ["l2", "l10"]
    assert found.same == 1
    assert list(found.values) == ["__metadata__"]
    distance = found.tensors[0].distance
    assert distance is not None
    assert (distance.norm, distance.relative) == (0.5, 0.1)


@pytest.mark.parametrize(
    ("dtype", "one", "two", "apart"),
    [
        ("BF16", b"\x80\x3f", b"\x00\x40", 1.0),
        ("F16", b"\x00\x3c", b"\x00\x40", 1.0),
        ("F8_E5M2", b"\x3c", b"\x40", 1.0),
        ("F8_E4M3", b"\x38", b"\x40", 1.0),
        ("F8_E4M3", b"\x00", b"\x01", 2.0**-9),
        ("F8_E4M3", b"\x00", b"\x7e", 448.0),
        ("I8", b"\xff", b"\x01", 2.0),
        ("BOOL", b"\x00", b"\x01", 1.0),
        ("U64", b"\x00" * 8, b"\x01" + b"\x00" * 7, 1.0),
    ],
)
def test_types_that_numpy_does_not_have(dtype: str, one: bytes, two: bytes, apart: float) -> None:
    """1 and 2 in each of them, and the ends of the range."""
    found = changed(".safetensors", safetensors(w=(dtype, (1,), one)), safetensors(w=(dtype, (1,), two)))
    distance = found["w"].distance
    assert distance is not None
    assert distance.norm == apart


def test_types_of_the_future_are_compared_by_their_bytes() -> None:
    """Four bits an element, for example."""
    old, same = (safetensors({"__metadata__": {"x": x}}, w=("F4", (2,), b"\x12")) for x in "ab")
    assert changed(".safetensors", old, same) == {}
    assert changed(".safetensors", old, safetensors(w=("F4", (2,), b"\x13")))["w"].note == "no numbers"


def test_blocks_of_safetensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one is shorter."""
    monkeypatch.setattr(tensor_files, "BLOCK", 3)
    old, new = [float(n) for n in range(10)], [float(n) for n in range(1, 11)]
    distance = changed(".safetensors", safetensors(w=f32(*old)), safetensors(w=f32(*new)))["w"].distance
    assert distance is not None
    assert (distance.elements, distance.norm) == (10, pytest.approx(math.sqrt(10)))


def hostile_headers() -> list[bytes]:
    """Files that promise what they do not have."""

    def head(entry: Any) -> bytes:
        return safetensors({"w": entry})

    return [
        b"",
        b"\xff" * 8,
        (1 << 40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{]",
        head({"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4 << 40]}),
        head({"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}),
        head({"dtype": "F32", "shape": [2], "data_offsets": [0, 0]}),
        head({"dtype": "F32", "shape": ["x"], "data_offsets": [0, 0]}),
        head({"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}),
        head({"dtype": "F32", "shape": [0], "data_offsets": [4, 0]}),
        head({"dtype": "F32", "shape": [0] * 100, "data_offsets": [0, 0]}),
        head({"dtype": "F32", "shape": 3, "data_offsets": [0, 0]}),
        head([]),
    ]


@pytest.mark.parametrize("data", hostile_headers())
def test_safetensors_that_promise_what_they_do_not_have(data: bytes) -> None:
    """A sentence each, and no memory for what is not there."""
    assert isinstance(compare(".safetensors", data, safetensors(w=f32(1))), str)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_files_cut_at_every_byte(suffix: str) -> None:
    """Never a traceback, never a file that is said to be the same."""
    array = np.arange(5.0)
    whole = {
        ".npy": npy(array),
        ".npz": npz(a=array),
        ".safetensors": safetensors(w=f32(*array)),
    }[suffix]
    for end in range(len(whole)):
        found = compare(suffix, whole, whole[:end])
        assert isinstance(found, str) or found.tensors, end


def test_an_archive_whose_bytes_are_damaged_says_so() -> None:
    """The checksum of the zip is wrong."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(np.random.default_rng(0).normal(size=2000)))
    data = bytearray(stream.getvalue())
    data[len(data) // 2] ^= 0xFF
    found = compare(".npz", bytes(data), npz(a=np.zeros(2000)))
    assert isinstance(found, TensorChanges)
    assert "damaged" in found.tensors[0].note


# torch


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def saved(torch: Any, content: Any, **options: Any) -> bytes:
    """A checkpoint."""
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


@pytest.mark.torch
def test_checkpoints_are_compared_by_tensors_and_plain_values(torch: Any, tmp_path: Path) -> None:
    """Nested names are joined; large files are mapped from the store."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    weight = torch.arange(100_000.0)

    def checkpoint(last: float, epoch: int, lr: float) -> bytes:
        tensors = {"model": {"w": torch.cat([weight, torch.tensor([last])]), "b": torch.zeros(2).bfloat16()}}
        return saved(torch, {**tensors, "epoch": epoch, "groups": [{"lr": lr, "params": [0, 1]}]})

    found = compare(".pt", checkpoint(0, 1, 0.1), checkpoint(2, 2, 0.01), store)
    assert isinstance(found, TensorChanges)
    (change,) = found.tensors
    assert (change.name, change.old, found.same) == ("model.w", ("float32", (100_001,)), 1)
    assert change.distance is not None
    assert (change.distance.norm, change.distance.elements) == (2.0, 1)
    assert {key: (c.old, c.new) for key, c in found.values.items()} == {
        "epoch": (1, 2),
        "groups[0].lr": (0.1, 0.01),
    }


@pytest.mark.torch
def test_tensors_of_every_type_of_torch(torch: Any) -> None:
    """Views, complex numbers, eight bits, integers; sparse ones are named."""
    old = {
        "view": torch.arange(6.0).reshape(2, 3).T,
        "complex": torch.tensor([1 + 1j]).conj(),
        "eight": torch.tensor([1.0]).to(torch.float8_e4m3fn),
        "flag": torch.tensor([True]),
        "long": torch.tensor([2**62]),
        "sparse": torch.tensor([0.0, 1.0]).to_sparse(),
        "none": torch.zeros(0),
    }
    new = {name: (t if name == "sparse" else t.clone()) for name, t in old.items()}
    new["long"] = torch.tensor([2**62 + 1])
    found = changed(".pth", saved(torch, old), saved(torch, new))
    assert found.keys() == {"long", "sparse"}
    assert "sparse" in found["sparse"].note


@pytest.mark.torch
def test_a_checkpoint_of_the_old_format_is_read_as_a_whole(torch: Any) -> None:
    """It cannot be mapped."""
    old, new = (
        saved(torch, {"w": torch.ones(2) * value}, _use_new_zipfile_serialization=False) for value in (1, 2)
    )
    assert changed(".pt", old, new).keys() == {"w"}


@pytest.mark.torch
def test_a_bare_tensor_is_a_file_of_one(torch: Any) -> None:
    """torch.save(tensor)."""
    assert changed(".pt", saved(torch, torch.zeros(1)), saved(torch, torch.ones(1))).keys() == {"tensor"}


@pytest.mark.torch
def test_a_checkpoint_with_objects_in_it_is_not_loaded(torch: Any, tmp_path: Path) -> None:
    """Nor is a plain pickle run."""
    safe = saved(torch, {})
    trap = saved(torch, {"x": Trap(tmp_path / "sprung")})
    assert compare(".pt", trap, safe) == "it holds Python objects beside tensors, which are not loaded"
    assert isinstance(compare(".pt", pickle.dumps(Trap(tmp_path / "sprung")), safe), str)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.torch
def test_a_checkpoint_that_contains_itself_or_unfolds_for_ever_is_refused(torch: Any) -> None:
    """A few bytes of pickle can say either."""
    ring: list[Any] = []
    ring.append(ring)
    tree: list[Any] = []
    for _ in range(60):
        tree = [tree, tree]
    for content in (ring, tree):
        assert compare(".pt", saved(torch, content), saved(torch, {})) == "it is nested without end"


@pytest.mark.torch
def test_a_checkpoint_cut_anywhere_is_a_sentence(torch: Any) -> None:
    """At some places of it."""
    whole = saved(torch, {"w": torch.ones(3)})
    for end in range(0, len(whole), 97):
        found = compare(".pt", whole, whole[:end])
        assert isinstance(found, str), end


def test_a_pickle_with_a_dangling_reference_is_not_named_by_its_key() -> None:
    """torch says `KeyError: 812346997` for text that is no pickle."""
    assert torch_files._why(KeyError(812346997)) == "it is damaged, or no file of torch"
