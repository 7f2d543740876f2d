"""The hooks of a watched model: training is the same to the bit, and they go when they should."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tests.tracker.collect.watch.watched import Log, backward, due, nn, small_net, torch, train


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
