"""What a watched model logs, and that its training does not notice."""

from __future__ import annotations

import copy
import gc
import io
import math
import pickle
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tracker.collect.watch import Watcher
from vcs.errors import UsageError

torch = pytest.importorskip("torch")
nn = torch.nn


class Log:
    """Stands for a run: rows that are logged one after the other, as `log(…, commit=False)` fills them."""

    def __init__(self) -> None:
        self.step = 0
        self.rows: dict[int, dict[str, Any]] = {}
        self.summary: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.watcher = Watcher(
            self.put, lambda: self.step, set_summary=self.summary.update, warn=self.warnings.append
        )

    def put(self, values: dict[str, Any]) -> None:
        self.rows.setdefault(self.step, {}).update(values)

    def value(self, step: int, key: str) -> dict[str, Any]:
        record: dict[str, Any] = self.rows[step][key].to_record(None)
        return record


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.watcher.unwatch()


def small_net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))


def backward(model: Any, size: int = 4) -> None:
    model(torch.ones(2, size)).sum().backward()


def train(log: Log, model: Any, steps: int, *, passes: int = 1, steps_per_row: int = 1) -> None:
    """Train as scripts do: gradients are gone before the row is logged."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for number in range(1, steps + 1):
        for _ in range(passes):
            backward(model)
        optimizer.step()
        optimizer.zero_grad()
        if number % steps_per_row == 0:
            log.step += 1


# Keys and values


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


# When


def due(log: Log) -> list[int]:
    return sorted(log.rows)


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


# Training is not disturbed


def train_for_real(watched: bool, make: Callable[[], Any] = small_net) -> tuple[dict[str, Any], Any]:
    """Train with dropout, Adam and accumulation; return the weights and the state of the generator."""
    torch.manual_seed(1)
    model = nn.Sequential(make(), nn.Dropout(0.3), nn.Linear(2, 2))
    log = Log()
    if watched:
        log.watcher.watch(model, log="all", log_freq=3, log_graph=True)
    optimizer = torch.optim.AdamW(model.parameters(), 0.05)
    for _ in range(20):
        for _ in range(2):
            x = torch.randn(8, 4)
            nn.functional.cross_entropy(model(x), (x.sum(1) > 0).long()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        log.step += 1
    assert bool(log.rows) is watched
    return model.state_dict(), torch.get_rng_state()


def test_weights_and_generator_are_the_same_to_the_bit_with_and_without_watch() -> None:
    """Twenty steps with dropout."""
    plain, plain_state = train_for_real(watched=False)
    watched, watched_state = train_for_real(watched=True)

    assert all(torch.equal(plain[name], watched[name]) for name in plain)
    assert torch.equal(plain_state, watched_state)


def test_double_backward_works(log: Log) -> None:
    """A gradient penalty gives the same gradients as without watch."""

    def penalised(model: Any) -> Any:
        x = torch.ones(2, 4, requires_grad=True)
        (inner,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        (model(x).sum() + inner.square().sum()).backward()
        return model[0].weight.grad

    expected = penalised(small_net())
    model = small_net()
    log.watcher.watch(model, log="all")

    assert torch.equal(penalised(model), expected)
    assert log.value(0, "gradients/0.weight")["mean"] == pytest.approx(expected.mean().item())


@pytest.mark.filterwarnings("ignore:Using backward")
def test_backward_with_create_graph_works(log: Log) -> None:
    """Gradients that have a graph of their own are read without adding to it."""
    model = small_net()
    log.watcher.watch(model, log="all")
    model(torch.ones(2, 4)).square().sum().backward(create_graph=True)
    sum(p.grad.sum() for p in model.parameters()).backward()
    assert "gradients/0.weight" in log.rows[0]
    model.zero_grad()


def test_copies_and_pickles_of_a_watched_model_are_free_of_it(log: Log) -> None:
    """deepcopy, pickle and torch.save work, and the copy logs nothing."""
    model = small_net()
    log.watcher.watch(model, log="all", log_graph=True)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)

    copies = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(file, weights_only=False),
    ]

    for other in copies:
        backward(other)
    assert log.rows == {}
    assert b"tracker" not in file.getvalue()


def test_a_watched_model_is_freed_when_the_program_lets_go_of_it(log: Log) -> None:
    """The watcher holds it weakly."""
    model = small_net()
    log.watcher.watch(model, log="all", log_graph=True)
    backward(model)
    alive = weakref.ref(model)
    weight = weakref.ref(model[0].weight)

    del model
    log.rows.clear()
    gc.collect()

    assert alive() is None
    assert weight() is None


def test_unwatch_removes_every_hook(log: Log) -> None:
    """From parameters and from torch's global ones."""
    model = small_net()
    hooks = torch.nn.modules.module._global_forward_hooks
    before = len(hooks)
    log.watcher.watch(model, log="all", log_graph=True)
    assert len(hooks) == before + 1

    log.watcher.unwatch()

    assert len(hooks) == before
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
    assert not log.watcher.is_watching
    backward(model)
    assert log.rows == {}


def test_unwatch_of_one_model_leaves_the_others(log: Log) -> None:
    """Given as it was watched; unknown models are no error."""
    first, second = nn.Linear(4, 1), nn.Linear(4, 1)
    log.watcher.watch([first, second])

    log.watcher.unwatch(first)
    log.watcher.unwatch([nn.Linear(1, 1)])

    backward(first)
    backward(second)
    assert "gradients/weight" not in log.rows[0]
    assert "gradients/graph_1weight" in log.rows[0]


def test_watching_again_replaces_what_was(log: Log) -> None:
    """The index stays, so a cell of a notebook may be run twice."""
    model = small_net()
    log.watcher.watch(model)
    log.watcher.watch(model, log="parameters")
    backward(model)
    assert set(log.rows[0]) == {f"parameters/{name}" for name, _ in model.named_parameters()}


def test_a_parameter_that_is_unfrozen_later_is_seen(log: Log) -> None:
    """Gradual unfreezing: the next capture has it."""
    model = small_net()
    model[0].requires_grad_(False)
    log.watcher.watch(model, log_freq=1)
    train(log, model, 1)
    model[0].requires_grad_(True)
    train(log, model, 1)
    assert "gradients/0.weight" not in log.rows[0]
    assert "gradients/0.weight" in log.rows[1]


def test_an_error_of_torch_ends_the_watching_and_not_the_training(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning with the reason; gradients are there."""

    def no_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory.\nlong explanation")

    monkeypatch.setattr("tracker.collect.watch.measure", no_memory)
    model = small_net()
    log.watcher.watch(model, log_freq=1)

    train(log, model, 3)

    assert log.warnings == ["watch has stopped: CUDA out of memory."]
    assert not log.watcher.is_watching


def test_a_backward_that_failed_is_forgotten(log: Log) -> None:
    """The next one is heard as always."""
    model = nn.Linear(4, 1)
    log.watcher.watch(model, log_freq=1)
    handle = model.bias.register_hook(lambda gradient: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backward(model)
    handle.remove()
    log.rows.clear()
    model.zero_grad()

    backward(model)

    assert "gradients/weight" in log.rows[0]


# Wrappers


@pytest.mark.filterwarnings("ignore:Using `torch.compile")
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_compiled_models_have_their_own_names(log: Log, before: bool) -> None:
    """`_orig_mod` is in no key, whether the model was compiled before or after `watch`."""
    model = small_net()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    log.watcher.watch(compiled if before else model, log="all", log_graph=True, log_freq=1)

    train(log, compiled, 2)

    assert [len(row) for row in log.rows.values()] == [9, 9]
    assert "gradients/0.weight" in log.rows[0]
    assert not any("_orig_mod" in key for key in log.rows[0])
    assert [node["name"] for node in log.summary["graph_0"]["nodes"]] == ["", "0", "1", "2"]
    log.watcher.unwatch(compiled)
    assert not log.watcher.is_watching


def test_a_compiled_part_has_its_own_names(log: Log) -> None:
    """Also deep inside of a model."""
    model = small_net()
    model[0] = torch.compile(model[0], backend="eager")
    log.watcher.watch(model)
    backward(model)
    assert "gradients/0.weight" in log.rows[0]


def test_data_parallel_is_unwrapped_and_a_child_called_module_is_not(log: Log) -> None:
    """Only the wrapper's own `module` is no part of a name."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return self.module(x)

    net = Net()
    wrapped = nn.DataParallel(net)
    log.watcher.watch(wrapped)

    wrapped(torch.ones(2, 4)).sum().backward()

    assert "gradients/module.weight" in log.rows[0]
    log.watcher.unwatch(wrapped)
    assert not log.watcher.is_watching


def test_reentrant_checkpoints_are_one_step(log: Log) -> None:
    """Passes within a pass: the row has all gradients, and steps are not counted too often."""
    from torch.utils.checkpoint import checkpoint

    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(3)])
    log.watcher.watch(model, log_freq=4)
    for _ in range(6):
        x = torch.ones(2, 4, requires_grad=True)
        for layer in model:
            x = checkpoint(layer, x, use_reentrant=True)
        x.sum().backward()
        expected = model[0].weight.grad.sum().item()
        model.zero_grad()
        log.step += 1

    assert due(log) == [0, 4]
    assert log.rows[4]["gradients/0.weight"].moments().total == pytest.approx(expected)


# Mistakes


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
