"""Measuring tensors: against numpy, and the way for devices against the way for the CPU."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.collect import device_stats, tensor_stats
from tracker.collect.moments import BINS, Moments
from tracker.collect.tensor_stats import TotalNorm, measure

torch = pytest.importorskip("torch")

both_ways = pytest.mark.parametrize("on_device", [False, True], ids=["cpu", "device"])


def moments_of(tensor: Any, on_device: bool = False) -> Moments:
    return measure({"x": tensor}, on_device=on_device)["x"].moments()


def record_of(tensor: Any, on_device: bool = False) -> dict[str, Any]:
    return measure({"x": tensor}, on_device=on_device)["x"].to_record(None)


@both_ways
def test_statistics_are_those_of_numpy(on_device: bool) -> None:
    """Mean, deviation, extremes, norm and zeros agree with a computation in double precision."""
    tensor = torch.randn(41, 37, generator=torch.Generator().manual_seed(1))
    tensor[0, :5] = 0
    values = tensor.double().numpy()

    record = record_of(tensor, on_device)

    assert record["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert record["std"] == pytest.approx(values.std(), rel=1e-5)
    assert record["norm"] == pytest.approx(np.linalg.norm(values), rel=1e-5)
    assert (record["min"], record["max"]) == (values.min(), values.max())
    assert record["zero_fraction"] == 5 / values.size
    assert (record["nan"], record["inf"], record["count"]) == (0, 0, values.size)


@both_ways
def test_histogram_is_that_of_numpy(on_device: bool) -> None:
    """The counts of 64 bins from the smallest to the largest value, but for values on an edge."""
    tensor = torch.randn(20_000, generator=torch.Generator().manual_seed(2))
    counts, edges = np.histogram(tensor.numpy(), bins=BINS)

    record = record_of(tensor, on_device)

    assert record["_type"] == "histogram"
    assert len(record["bins"]) == len(record["values"]) + 1 == BINS + 1
    assert record["bins"] == pytest.approx(edges.tolist(), abs=1e-5)
    assert np.abs(np.array(record["values"]) - counts).sum() <= 8
    assert sum(record["values"]) == 20_000


@both_ways
def test_nan_and_infinity_are_counted_and_left_out_of_everything_else(on_device: bool) -> None:
    """Bins and statistics are those of the finite values."""
    tensor = torch.tensor([1.0, math.nan, -3.0, math.inf, -math.inf, math.nan, 2.0])

    record = record_of(tensor, on_device)

    assert (record["nan"], record["inf"], record["count"]) == (2, 2, 7)
    assert (record["min"], record["max"], record["mean"]) == (-3.0, 2.0, 0.0)
    assert sum(record["values"]) == 3
    assert record["norm"] == pytest.approx(math.sqrt(14))


@both_ways
def test_without_a_finite_value_the_counts_are_kept_and_there_are_no_bins(on_device: bool) -> None:
    """The row in which everything became NaN is the one that people look for."""
    record = record_of(torch.full((5,), math.nan), on_device)

    assert (record["values"], record["bins"]) == ([], [])
    assert (record["nan"], record["mean"], record["norm"]) == (5, None, None)


@both_ways
def test_equal_values_have_one_bin(on_device: bool) -> None:
    """As with wandb, a bin without width."""
    record = record_of(torch.full((6,), 0.25), on_device)

    assert (record["values"], record["bins"], record["std"]) == ([6], [0.25, 0.25], 0.0)


@both_ways
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", "int32", "bool"])
def test_other_types_are_widened(on_device: bool, kind: str) -> None:
    """Half precision neither overflows nor loses counts."""
    tensor = torch.ones(70_000).to(getattr(torch, kind))
    tensor[0] = 0

    moments = moments_of(tensor, on_device)

    assert moments.total == 69_999
    assert (moments.counts[0], moments.counts[-1]) == (1, 69_999)


@both_ways
def test_a_small_deviation_far_from_zero_is_exact(on_device: bool) -> None:
    """The weights of a normalisation layer are about one; their deviation does not drown in it."""
    tensor = 1 + 1e-5 * torch.randn(300_000, generator=torch.Generator().manual_seed(3))

    assert record_of(tensor, on_device)["std"] == pytest.approx(tensor.double().std().item(), rel=1e-3)


@pytest.mark.filterwarnings("ignore:Sparse invariant")
@both_ways
def test_a_sparse_gradient_counts_its_zeros(on_device: bool) -> None:
    """The record is that of the same gradient as a dense tensor."""
    dense = torch.zeros(50, 4)
    dense[3], dense[7] = torch.tensor([1.0, -2.0, 0.0, 4.0]), 2.0
    indices = torch.tensor([[3, 7, 7]])
    # Row 7 comes in two parts, as an embedding leaves it that saw the same word twice.
    sparse = torch.sparse_coo_tensor(indices, torch.stack([dense[3], dense[7] / 2, dense[7] / 2]), (50, 4))

    record, expected = record_of(sparse, on_device), record_of(dense, on_device)
    assert (record.pop("values"), record.pop("bins")) == (expected.pop("values"), expected.pop("bins"))
    assert record == pytest.approx(expected)


@both_ways
def test_a_complex_tensor_counts_both_parts(on_device: bool) -> None:
    """Real and imaginary parts are values like others."""
    record = record_of(torch.tensor([3 + 4j, 1j]), on_device)

    assert (record["count"], record["norm"]) == (4, pytest.approx(math.sqrt(26)))


@both_ways
def test_tensors_without_values_are_left_out(on_device: bool) -> None:
    """Empty ones, those on the meta device and parameters that do not exist yet."""
    tensors = {
        "empty": torch.empty(0, 3),
        "meta": torch.empty(3, device="meta"),
        "lazy": torch.nn.LazyLinear(2).weight,
        "full": torch.ones(2),
    }

    assert list(measure(tensors, on_device=on_device)) == ["full"]


def test_the_way_for_devices_keeps_the_order_and_groups_by_size() -> None:
    """Tensors of equal size are measured together, and every one gets its own numbers."""
    tensors = {str(i): torch.full((3 + i % 2, 2), float(i)) for i in range(9)} | {
        "half": torch.ones(6).half()
    }

    measured = measure(tensors, on_device=True)

    assert list(measured) == list(tensors)
    assert [one.moments().high for one in measured.values()] == [*map(float, range(9)), 1.0]


def test_large_tensors_are_measured_in_pieces_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the cache-sized pieces of the CPU nor those of a device show in the result."""
    tensor = torch.randn(10_000, generator=torch.Generator().manual_seed(4))
    tensor[17], tensor[9_000] = math.nan, math.inf
    whole = [moments_of(tensor, on_device) for on_device in (False, True)]

    monkeypatch.setattr(tensor_stats, "_CACHED", 999)
    monkeypatch.setattr(device_stats, "_TOGETHER", 999)

    for before, on_device in zip(whole, (False, True), strict=True):
        pieces = moments_of(tensor, on_device)
        assert pieces.counts == before.counts
        assert pieces.spread == pytest.approx(before.spread, rel=1e-4)
        assert pieces.nan == pieces.infinite == 1


def test_the_way_for_devices_never_asks_for_a_value() -> None:
    """On the meta device there are none: whatever waited for one would raise."""
    vectors = [
        torch.empty(100, device="meta"),
        torch.empty(9_000_000, device="meta", dtype=torch.bfloat16),
        torch.empty(100, device="meta"),
    ]

    device_stats.launch(vectors)


def test_counting_by_sorting_equals_counting_by_histc() -> None:
    """With deterministic algorithms a device counts in another way, with the same result."""
    places = torch.randint(0, 130, (3, 5_000), generator=torch.Generator().manual_seed(5)) + 0.5

    assert torch.equal(device_stats._count_sorted(places, 130), torch.histc(places, 130, 0, 130).long())


def test_what_happens_to_a_tensor_later_changes_nothing() -> None:
    """The numbers are those of the moment of the call."""
    for on_device in (False, True):
        tensor = torch.ones(4)
        measured = measure({"x": tensor}, on_device=on_device)["x"]
        tensor.zero_()
        assert measured.moments().total == 4


def test_measuring_changes_no_tensor_and_draws_no_random_number() -> None:
    """Training goes on as if nobody had looked."""
    tensor = torch.randn(1000)
    copy, version, state = tensor.clone(), tensor._version, torch.get_rng_state()

    measure({"x": tensor})
    measure({"x": tensor}, on_device=True)

    assert torch.equal(tensor, copy)
    assert tensor._version == version
    assert torch.equal(state, torch.get_rng_state())


def test_the_total_norm_is_that_of_gradient_clipping() -> None:
    """All tensors count as one vector."""
    layer = torch.nn.Linear(7, 5)
    layer(torch.randn(3, 7)).square().sum().backward()
    norm = TotalNorm(measure({name: p.grad for name, p in layer.named_parameters()}).values())

    assert float(norm) == pytest.approx(torch.nn.utils.clip_grad_norm_(layer.parameters(), 1).item())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_total_norm_says_that_a_step_is_lost(bad: float) -> None:
    """NaN and infinity are not left out of it."""
    norm = TotalNorm(measure({"a": torch.ones(3), "b": torch.tensor([1.0, bad])}).values())

    assert str(float(norm)) == str(norm.to_record(None)) == str(bad)


def test_a_record_is_plain_json() -> None:
    """Nothing of torch or numpy is in it."""
    record = record_of(torch.tensor([1.0, 2.0, math.nan]))

    assert json.loads(json.dumps(record, allow_nan=False)) == record


finite_floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
any_floats = st.floats(width=32)


@settings(max_examples=150, deadline=None)
@given(st.lists(any_floats, min_size=1, max_size=200))
def test_every_finite_value_is_in_exactly_one_bin(values: list[float]) -> None:
    """Whatever the range, down to denormals and up to the largest floats."""
    for on_device in (False, True):
        moments = moments_of(torch.tensor(values, dtype=torch.float32), on_device)
        assert sum(moments.counts) == moments.finite == sum(map(math.isfinite, values))
        assert moments.nan == sum(map(math.isnan, values))


@settings(max_examples=150, deadline=None)
@given(st.lists(finite_floats, min_size=1, max_size=100))
def test_edges_go_from_the_smallest_to_the_largest_value(values: list[float]) -> None:
    """They never go down and are one more than the counts."""
    record = record_of(torch.tensor(values, dtype=torch.float32))

    assert len(record["bins"]) == len(record["values"]) + 1
    assert record["bins"] == sorted(record["bins"])
    assert (record["bins"][0], record["bins"][-1]) == (min(values), max(values))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(-1000, 1000, width=16), min_size=1, max_size=100))
def test_both_ways_agree(values: list[float]) -> None:
    """The CPU and a device differ by rounding alone."""
    here, there = (moments_of(torch.tensor(values), on_device) for on_device in (False, True))

    assert (here.low, here.high, here.zeros, here.size) == (there.low, there.high, there.zeros, there.size)
    assert here.total == pytest.approx(there.total, rel=1e-5, abs=1e-3)
    assert here.spread == pytest.approx(there.spread, rel=1e-4, abs=1e-3)
