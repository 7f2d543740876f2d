"""Histograms over finite values, in plain Python and with numpy alike."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.values.conftest import Place
from tracker.values.histogram import Histogram, count_array, count_plain

floats = st.floats(allow_nan=True, allow_infinity=True, width=64)


def test_counts_are_those_of_numpy() -> None:
    """For values away from the edges of bins there is no room for opinion."""
    values = np.random.default_rng(0).normal(size=10_000)
    counts, edges = np.histogram(values, bins=64)

    histogram = Histogram(values)

    assert histogram.histogram == counts.tolist()
    assert histogram.bins == pytest.approx(edges.tolist())


@given(st.lists(floats, max_size=60), st.integers(1, 70))
def test_plain_python_and_numpy_agree(values: list[float], bins: int) -> None:
    """One rule, two implementations."""
    assert count_plain(values, bins) == count_array(np.array(values, dtype=np.float64), bins)


@given(st.lists(floats, max_size=60), st.integers(1, 512))
def test_every_finite_value_is_in_one_bin_and_the_others_are_counted(values: list[float], bins: int) -> None:
    """Nothing is left out without saying so, at any magnitude."""
    histogram = Histogram(values, num_bins=bins)

    finite = [value for value in values if math.isfinite(value)]
    assert sum(histogram.histogram) == len(finite)
    assert histogram.not_finite == len(values) - len(finite)
    assert len(histogram.bins) == (len(histogram.histogram) + 1 if finite else 0)
    if finite:
        assert (histogram.bins[0], histogram.bins[-1]) == (min(finite), max(finite))
        assert all(math.isfinite(edge) for edge in histogram.bins)


def test_equal_values_make_one_bin() -> None:
    """There is no width to divide."""
    histogram = Histogram([2.5, 2.5, 2.5])
    assert (histogram.histogram, histogram.bins) == ([3], [2.5, 2.5])


def test_no_finite_value_makes_no_bin(place: Place) -> None:
    """And the record says how many there were."""
    record = Histogram([math.nan, math.inf]).to_record(place.sink)
    assert record == {"_type": "histogram", "values": [], "bins": [], "not_finite": 2}


def test_counts_may_be_given(place: Place) -> None:
    """What numpy.histogram returns is kept as it is."""
    record = Histogram(np_histogram=np.histogram([1, 2, 2, 5], bins=2)).to_record(place.sink)
    assert record == {"_type": "histogram", "values": [3, 1], "bins": [1.0, 3.0, 5.0]}
    assert place.files == []


def test_an_array_may_change_after_it_was_given() -> None:
    """The values are copied."""
    values = np.arange(10.0)
    histogram = Histogram(values, num_bins=2)
    values[:] = 0
    assert histogram.histogram == [5, 5]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32"])
def test_arrays_of_any_type_and_shape_are_counted(dtype: str) -> None:
    """Two dimensions, whole numbers, truth values, halves."""
    histogram = Histogram(np.array([[0, 1], [1, 1]], dtype=dtype), num_bins=2)
    assert histogram.histogram == [1, 3]


def test_a_large_array_is_counted_piece_by_piece() -> None:
    """More than one piece gives the sum of all."""
    values = np.linspace(0, 1, (1 << 20) * 2 + 5)
    assert sum(Histogram(values).histogram) == values.size


@pytest.mark.torch
def test_tensors_are_counted() -> None:
    """With a gradient, of bfloat16, on their way through autograd."""
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([0.0, 1.0, 1.0], requires_grad=True) * 1
    assert Histogram(tensor, num_bins=2).histogram == [1, 2]
    assert Histogram(tensor.to(torch.bfloat16), num_bins=2).histogram == [1, 2]
    assert Histogram([tensor[0], tensor[1], tensor[2]], num_bins=2).histogram == [1, 2]
    assert Histogram(tensor.detach().to_sparse(), num_bins=2).histogram == [1, 2]


@pytest.mark.parametrize("bins", [0, 513])
def test_the_number_of_bins_is_bounded(bins: int) -> None:
    """As with wandb."""
    with pytest.raises(ValueError, match="1 to 512"):
        Histogram([1.0], num_bins=bins)


def test_edges_must_fit_the_counts() -> None:
    """One more than counts."""
    with pytest.raises(ValueError, match="edge"):
        Histogram(np_histogram=([1, 2], [0, 1]))


def test_complex_numbers_have_no_histogram() -> None:
    """They have no order."""
    with pytest.raises(TypeError, match="complex"):
        Histogram(np.zeros(3, dtype=complex))


def test_something_that_is_no_number_is_refused_at_once() -> None:
    """On the caller's line, not later in the thread that writes."""
    with pytest.raises((TypeError, ValueError)):
        Histogram(["a", "b"])


def test_a_short_list_needs_no_numpy() -> None:
    """Plain Python is enough, and as fast."""
    code = (
        "import sys; from tracker.values.histogram import Histogram; "
        "assert sum(Histogram([1.0, 2.0, float('nan')]).histogram) == 2; assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@settings(max_examples=30)
@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=20))
def test_whole_numbers_of_any_size_are_counted(values: list[int]) -> None:
    """Python's integers have no limit."""
    assert sum(Histogram(values).histogram) == len(values)
