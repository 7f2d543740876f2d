"""Arrays of any library, taken at once."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.values.arrays import TakenArray, is_array, is_instance_of


def test_what_is_an_array() -> None:
    """With dimensions or without; scalars and lists are none."""
    assert is_array(np.zeros(3))
    assert is_array(np.array(1))
    assert not is_array(np.float32(1))
    assert not is_array([1])
    assert not is_array("x")


def test_a_module_that_is_not_loaded_has_no_instances() -> None:
    """And is not loaded to find out."""
    assert not is_instance_of(1, "a.module.that.is.not.there", "Thing")


def test_a_copy_is_taken() -> None:
    """Whatever happens to the original."""
    array = np.arange(3)
    taken = TakenArray(array)
    array[:] = 9
    assert taken.numpy().tolist() == [0, 1, 2]
    assert (taken.shape, taken.dtype, taken.is_tensor) == ((3,), "int64", False)


class Jax:
    """An array of a library that numpy knows how to read."""

    shape = (2,)
    dtype = "float32"

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return np.ones(2, np.float32)


def test_other_libraries_are_read_through_numpy() -> None:
    """By the array interface."""
    assert is_array(Jax())
    assert TakenArray(Jax()).numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("value", [[[1, 2], [3]], ["a"], [object()]])
def test_what_holds_no_numbers_is_refused(value: object) -> None:
    """At once."""
    with pytest.raises(TypeError, match="not an array of numbers"):
        TakenArray(value)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_tensors_of_all_sorts_are_taken() -> None:
    """Views, strides, gradients, bfloat16, sparse, conjugated; a copy each."""
    torch = pytest.importorskip("torch")
    base = torch.arange(6.0)
    taken = TakenArray(base.reshape(2, 3).t())
    base.zero_()
    assert taken.is_tensor
    assert taken.numpy().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert TakenArray(torch.ones(2, requires_grad=True)).numpy().tolist() == [1, 1]
    assert TakenArray(torch.ones(2, dtype=torch.bfloat16)).numpy().tolist() == [1, 1]
    assert TakenArray(torch.eye(2).to_sparse()).numpy().tolist() == [[1, 0], [0, 1]]
    assert TakenArray(torch.tensor([1 + 2j]).conj()).numpy().tolist() == [1 - 2j]
    halves = torch.view_as_complex(torch.tensor([[1.0, 2.0]], dtype=torch.float16))
    assert TakenArray(halves).numpy().tolist() == [1 + 2j]


@pytest.mark.torch
def test_a_tensor_on_a_device_is_taken_without_waiting() -> None:
    """The copy is ordered behind the work, and later changes do not reach it."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    tensor = torch.zeros(1 << 20, device="cuda")
    for _ in range(50):
        tensor += 1
    taken = TakenArray(tensor)
    tensor.zero_()
    assert (taken.numpy() == 50).all()
