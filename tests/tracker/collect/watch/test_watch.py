"""What a watched model logs, and that its training does not notice."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.tracker.collect.watch.watched import Log, backward, due, nn, small_net, torch, train
from tracker.collect.watch import Watcher
from vcs.errors import UsageError


def test_gradients_have_wandbs_keys_and_a_global_norm(log: Log) -> None:
    """`gradients/<name>` for each parameter, and one norm for all."""
    model = small_net()
    log.watcher.watch(model)

    train(log, model, 1)

    names = ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(log.rows[0]) == [f"gradients/{name}" for name in names] + ["gradients/global_norm"]


def test_a_gradient_is_logged_as_it_was_before_zero_grad(log: Log) -> None:
    """Histogram and statistics are those of `.grad` after `backward`."""
    model = small_net()
    log.watcher.watch(model)

    backward(model)
    gradient = model[0].weight.grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf).item()
    model.zero_grad()

    record = log.value(0, "gradients/0.weight")
    assert record["_type"] == "histogram"
    assert record["mean"] == pytest.approx(gradient.mean().item())
    assert sum(record["values"]) == gradient.numel()
    assert log.rows[0]["gradients/global_norm"] == pytest.approx(norm)


def test_parameters_are_those_before_the_optimiser_steps(log: Log) -> None:
    """The values with which the gradients were computed."""
    model = small_net()
    before = model[0].weight.detach().clone()
    log.watcher.watch(model, log="parameters")

    train(log, model, 1)

    assert list(log.rows[0]) == [
        f"parameters/{name}" for name in ("0.weight", "0.bias", "2.weight", "2.bias")
    ]
    assert log.value(0, "parameters/0.weight")["mean"] == pytest.approx(before.mean().item())


def test_all_logs_both(log: Log) -> None:
    """Four gradients, four parameters, one norm."""
    model = small_net()
    log.watcher.watch(model, log="all")
    train(log, model, 1)
    assert len(log.rows[0]) == 9


def test_none_logs_nothing(log: Log) -> None:
    """No hook is set at all."""
    model = small_net()
    log.watcher.watch(model, log=None)
    train(log, model, 1)
    assert log.rows == {}


def test_parameters_without_a_gradient_are_left_out_of_the_gradients(log: Log) -> None:
    """Frozen ones, and those that the loss does not reach."""
    model = nn.ModuleDict({"a": nn.Linear(4, 1), "frozen": nn.Linear(4, 1), "unused": nn.Linear(4, 1)})
    model["frozen"].requires_grad_(False)
    log.watcher.watch(model, log="all")

    (model["a"](torch.ones(1, 4)) + model["frozen"](torch.ones(1, 4))).sum().backward()

    gradients = [key for key in log.rows[0] if key.startswith("gradients/")]
    assert gradients == ["gradients/a.weight", "gradients/a.bias", "gradients/global_norm"]
    assert "parameters/frozen.weight" in log.rows[0]


def test_a_model_in_which_nothing_is_trained_is_taken_once(log: Log) -> None:
    """No backward pass will come through it."""
    log.watcher.watch(small_net().requires_grad_(False), log="all")
    assert len(log.rows[0]) == 4


def test_several_models_get_wandbs_prefix_from_the_second_on(log: Log) -> None:
    """`graph_1` with nothing between, across calls too."""
    first, second, third = nn.Linear(4, 1), nn.Linear(4, 1), nn.Linear(4, 1)
    log.watcher.watch([first, second])
    log.watcher.watch(third)

    for model in (first, second, third):
        backward(model)

    weights = [key for key in log.rows[0] if key.endswith("weight")]
    assert weights == ["gradients/weight", "gradients/graph_1weight", "gradients/graph_2weight"]
    assert "gradients/graph_2global_norm" in log.rows[0]


def test_idx_chooses_the_prefix(log: Log) -> None:
    """As in wandb, for those who number models themselves."""
    model = nn.Linear(4, 1)
    log.watcher.watch(model, idx=7)
    backward(model)
    assert "gradients/graph_7weight" in log.rows[0]


def test_nan_in_a_gradient_is_counted(log: Log) -> None:
    """And the global norm says that the step is lost."""
    model = nn.Linear(2, 1)
    log.watcher.watch(model)
    model(torch.tensor([[1.0, math.nan]])).sum().backward()

    assert log.value(0, "gradients/weight")["nan"] == 1
    assert math.isnan(log.rows[0]["gradients/global_norm"])


def test_a_sparse_gradient_is_logged(log: Log) -> None:
    """Embeddings may have them."""
    model = nn.Embedding(10, 2, sparse=True)
    log.watcher.watch(model)
    model(torch.tensor([1, 1, 5])).sum().backward()

    record = log.value(0, "gradients/weight")
    assert (record["max"], record["zero_fraction"], record["count"]) == (2.0, 0.8, 20)


def test_half_precision_is_logged(log: Log) -> None:
    """bfloat16 has no histogram of its own in torch."""
    model = nn.Linear(4, 3).bfloat16()
    log.watcher.watch(model, log="all")
    model(torch.ones(2, 4, dtype=torch.bfloat16)).sum().backward()
    assert log.value(0, "gradients/bias")["mean"] == 2.0


def test_rows_are_due_every_log_freq_steps_from_the_first_on(log: Log) -> None:
    """Counted in rows that are logged."""
    model = small_net()
    log.watcher.watch(model, log_freq=3)
    train(log, model, 10)
    assert due(log) == [0, 3, 6, 9]


def test_accumulation_does_not_count_passes(log: Log) -> None:
    """Four passes for a step are one step."""
    model = small_net()
    log.watcher.watch(model, log_freq=3)
    train(log, model, 7, passes=4)
    assert due(log) == [0, 3, 6]


@pytest.mark.parametrize("set_to_none", [True, False])
def test_accumulation_logs_the_sum_of_all_passes(log: Log, set_to_none: bool) -> None:
    """What the optimiser gets, not what the last pass added; clipping and zeroing end a step."""
    model = nn.Linear(4, 1)
    log.watcher.watch(model, log_freq=2)
    for _ in range(3):
        for _ in range(4):
            backward(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        model.zero_grad(set_to_none=set_to_none)
        log.step += 1

    assert due(log) == [0, 2]
    assert [log.value(step, "gradients/bias")["max"] for step in due(log)] == [8.0, 8.0]


def test_a_script_that_logs_epochs_is_not_left_without(log: Log) -> None:
    """A row is due too when log_freq optimisation steps have passed: here steps 1, 11 and 21 of 30."""
    model = small_net()
    calls = []
    watcher = Watcher(lambda values: calls.append(log.step), lambda: log.step)
    watcher.watch(model, log_freq=10)
    train(log, model, 30, steps_per_row=6)
    assert calls == [0, 1, 3]


def test_two_backward_passes_of_a_row_that_are_two_steps_are_captured_once(log: Log) -> None:
    """The first of them is what the row shows."""
    model = nn.Linear(4, 1)
    log.watcher.watch(model)
    for factor in (1, 5):
        model.zero_grad()
        (factor * model(torch.ones(1, 4))).sum().backward()
    assert log.value(0, "gradients/bias")["max"] == 1.0


def test_steps_that_go_back_are_due(log: Log) -> None:
    """After a rewind the run begins anew at an earlier step."""
    model = small_net()
    log.step = 100
    log.watcher.watch(model, log_freq=1000)
    train(log, model, 2)
    log.step = 5
    train(log, model, 2)
    assert due(log) == [5, 100]


def test_an_evaluation_does_not_count(log: Log) -> None:
    """Forward passes under no_grad are not heard."""
    model = small_net()
    log.watcher.watch(model, log="all")
    with torch.no_grad():
        model(torch.ones(2, 4))
    assert log.rows == {}


@pytest.mark.parametrize("bad", [None, 3, "net", object()])
def test_what_is_no_module_is_a_type_error(log: Log, bad: Any) -> None:
    """Also within a list, before anything is hooked."""
    model = small_net()
    with pytest.raises(TypeError, match="Module"):
        log.watcher.watch([model, bad])
    assert not log.watcher.is_watching


@pytest.mark.parametrize("bad", ["grads", "", 1])
def test_an_unknown_log_is_a_value_error(log: Log, bad: Any) -> None:
    """With the possible values in the message."""
    with pytest.raises(ValueError, match="gradients"):
        log.watcher.watch(small_net(), log=bad)


@pytest.mark.parametrize("bad", [0, -1, math.nan, True])
def test_a_frequency_below_one_is_a_value_error(log: Log, bad: Any) -> None:
    """There is no such thing as every zeroth row."""
    with pytest.raises(ValueError, match="log_freq"):
        log.watcher.watch(small_net(), log_freq=bad)


def test_an_index_with_the_same_names_is_a_value_error(log: Log) -> None:
    """Two models cannot log under one key."""
    first, second = small_net(), small_net()
    log.watcher.watch(first)
    with pytest.raises(ValueError, match=r"idx=0 .*0\.weight"):
        log.watcher.watch(second, idx=0)


def test_lazy_parameters_are_a_mistake_that_says_what_to_do(log: Log) -> None:
    """They cannot carry hooks; after one forward pass all is well."""
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(1))
    with pytest.raises(UsageError, match="forward pass"):
        log.watcher.watch(model)

    model(torch.ones(1, 4))
    log.watcher.watch(model)
    backward(model)
    assert "gradients/1.bias" in log.rows[0]
