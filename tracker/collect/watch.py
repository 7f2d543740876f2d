"""Gradients and parameters of a model that is being trained, as histograms with statistics.

When values are taken: at the end of a backward pass, before the optimiser changes
anything, so `optimizer.zero_grad()` may come before or after `log`. A pass counts if a row
is due: the first one after `watch`, then the one `log_freq` steps after the last capture,
or, if that is sooner, the one in which `log_freq` optimisation steps have passed since. So
a script that logs each batch has them every `log_freq` batches, and one that logs each
epoch is not left without. A row gets one capture. With gradient accumulation the passes of
an optimisation step count once, and what is logged is the sum at its end, the gradient
that the optimiser gets (before clipping, if that comes after `backward`). wandb counts
backward passes of each tensor and logs what each of them added.

Parameters are those with which the gradients were computed. A model in which nothing
needs a gradient is taken once, at `watch`.

What it costs: between captures a comparison for each parameter in a backward pass; a
capture reads gradients and parameters once. Nothing waits for a CUDA device, no random
number is drawn and no tensor changed: weights come out the same to the bit.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

from tracker.collect.backward import BackwardListener
from tracker.collect.graph import GraphCollector
from tracker.collect.tensor_stats import Measured, TotalNorm, measure
from vcs.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Watch = Literal["gradients", "parameters", "all"]

# Names that wrappers put between a parameter and its owner: compile, FSDP, activation checkpoints.
_WRAPPED = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})


class Watcher:
    """What one run watches."""

    def __init__(
        self,
        run_log: Callable[[dict[str, Any]], None],
        next_step: Callable[[], int],
        *,
        set_summary: Callable[[dict[str, Any]], None] | None = None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Watch nothing yet.

        Args:
            run_log: Puts values into the row that is logged next. It is called from the
                thread that ends a backward pass, for CUDA one of torch's own, and must
                not raise. Values are numbers, or have `to_record(sink)`, which may wait
                for a device and is therefore for the writer thread.
            next_step: The step of the row that is logged next.
            set_summary: Puts graphs of models into the summary; without it they go to `run_log`.
            warn: Hears, once for a model, why it cannot be watched further.
        """
        self._run_log = run_log
        self._next_step = next_step
        self._set_summary = set_summary or run_log
        self._warn = warn
        self._watched: list[_Watched] = []
        self._next_index = 0

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Watch | None = "gradients",
        log_freq: float = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> list[GraphCollector]:
        """Begin to log `gradients/<name>`, `parameters/<name>` and `gradients/global_norm`.

        Names are those of `named_parameters()` without what torch.compile, DDP and FSDP
        put before them. From the second model on they begin with `graph_<index>`, with
        nothing between, as in wandb. A model that is watched already keeps its index and
        is watched in the new way. The model stays the caller's: only a weak reference is kept.

        Args:
            models: A module, or a list or tuple of them.
            criterion: Not needed here; wandb has it.
            log: What is logged; None for the graph alone.
            log_freq: See the top of this file.
            idx: Index of the first model, instead of the next free one.
            log_graph: Whether `graph_<index>` goes to the summary after the first forward.

        Returns:
            The graphs, if they were asked for; each has `record` once it is known.

        Raises:
            TypeError: Something is not a torch module.
            ValueError: `log` or `log_freq` is none of the possible values, names of another
                watched model would be used a second time, or parameters are lazy and so
                not there yet.
        """
        if log is not None and log not in get_args(Watch):
            raise ValueError("log must be one of 'gradients', 'parameters', 'all', or None")
        if isinstance(log_freq, bool) or not log_freq >= 1:
            raise ValueError(f"log_freq must be at least 1, not {log_freq!r}")
        chosen = [_unwrap(model) for model in (models if isinstance(models, tuple | list) else [models])]
        for model in chosen:
            _check_exists(model)
        self._watched = [one for one in self._watched if one.model() is not None]
        graphs: list[GraphCollector] = []
        for offset, (model, outer) in enumerate(zip(chosen, _as_list(models), strict=True)):
            index = self._choose_index(model, None if idx is None else idx + offset)
            self.unwatch(model)
            watched = _Watched(self, model, f"graph_{index}" if index else "", log, math.ceil(log_freq))
            watched.index = index
            self._watched.append(watched)
            if log_graph:
                graphs.append(watched.collect_graph(model, is_compiled="_orig_mod" in outer._modules))
            watched.start(model)
        return graphs

    def unwatch(self, models: Any = None) -> None:
        """Remove every hook, or those of the given models; one that is not watched is no error."""
        if models is None:
            chosen = list(self._watched)
        else:
            given = [_unwrap(model) for model in _as_list(models)]
            chosen = [one for one in self._watched if any(one.model() is model for model in given)]
        for watched in chosen:
            watched.stop()
            if watched in self._watched:
                self._watched.remove(watched)

    @property
    def is_watching(self) -> bool:
        """Whether any model is watched."""
        return bool(self._watched)

    def _choose_index(self, model: Module, wanted: int | None) -> int:
        before = next((one.index for one in self._watched if one.model() is model), None)
        index = wanted if wanted is not None else before if before is not None else self._next_index
        names = {name for name, _ in _named_parameters(model)}
        for other in self._watched:
            theirs = other.model()
            if other.index != index or theirs is None or theirs is model:
                continue
            shared = next((name for name, _ in _named_parameters(theirs) if name in names), None)
            if shared is not None:
                raise ValueError(f"idx={index} belongs to another watched model, which has {shared} too")
        if before is None:
            self._next_index += 1
        return index

    def _put(self, values: dict[str, Any]) -> None:
        self._run_log(values)

    def _put_graph(self, index: int, record: dict[str, Any]) -> None:
        self._set_summary({f"graph_{index}": record})

    def _give_up(self, watched: _Watched, error: Exception) -> None:
        self.unwatch(watched.model())
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        self._warn(f"watch has stopped: {reason}")


class _Watched:
    """One model: when its next capture is due, and the capture."""

    index = 0

    def __init__(self, owner: Watcher, model: Module, prefix: str, log: Watch | None, every: int) -> None:
        self.model: Callable[[], Module | None] = weakref.ref(model)
        self._owner = owner
        self._prefix = prefix
        self._gradients = log in ("gradients", "all")
        self._parameters = log in ("parameters", "all")
        self._every = every
        self._listener = BackwardListener(self._at_end)
        self._graph: GraphCollector | None = None
        self._last_step: int | None = None
        self._steps_since = 0
        # Whether the optimisation step that was captured last may still be adding gradients.
        self._is_open = False

    def start(self, model: Module) -> None:
        if not (self._gradients or self._parameters):
            return
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._listener.attach(trained)
        if not trained and self._parameters:
            self._capture(gradients=False, parameters=True)

    def stop(self) -> None:
        self._listener.detach()
        if self._graph is not None:
            self._graph.remove()

    def collect_graph(self, model: Module, *, is_compiled: bool) -> GraphCollector:
        self._graph = GraphCollector(
            model, lambda record: self._owner._put_graph(self.index, record), _clean_name
        )
        if is_compiled:
            # There is nothing to wait for, and torch would warn of the hook at the first call.
            self._graph.finish()
        return self._graph

    def _at_end(self, is_new_step: bool) -> None:
        if is_new_step:
            self._steps_since += 1
            self._is_open = False
        if self._graph is not None and not self._graph.is_done:
            # The forward was compiled, so no hook was called in it.
            self._graph.finish()
        step = self._owner._next_step()
        if self._is_due(step):
            self._last_step, self._steps_since, self._is_open = step, 0, True
            self._capture(self._gradients, self._parameters)
        elif self._is_open and step == self._last_step and self._gradients:
            # More was added to the gradients of the step in this row; its parameters are as they were.
            self._capture(gradients=True, parameters=False)

    def _is_due(self, step: int) -> bool:
        if self._last_step is None or step < self._last_step:
            return True
        return step != self._last_step and (
            step - self._last_step >= self._every or self._steps_since >= self._every
        )

    def _capture(self, gradients: bool, parameters: bool) -> None:
        model = self.model()
        if model is None or _records_a_cuda_graph():
            return
        try:
            values = self._measure(model, gradients, parameters)
            self._listener.attach(model.parameters())
        except RuntimeError as error:
            # All that torch raises: out of memory, an operation that a device lacks.
            self._owner._give_up(self, error)
            return
        if values:
            self._owner._put(values)

    def _measure(self, model: Module, gradients: bool, parameters: bool) -> dict[str, Any]:
        tensors: dict[str, Tensor] = {}
        for name, parameter in _named_parameters(model):
            if gradients and parameter.grad is not None:
                tensors[f"gradients/{self._prefix}{name}"] = parameter.grad
            if parameters:
                tensors[f"parameters/{self._prefix}{name}"] = parameter
        measured = measure(tensors)
        values: dict[str, Any] = dict(measured)
        parts: list[Measured] = [one for key, one in measured.items() if key.startswith("gradients/")]
        if parts:
            norm = TotalNorm(parts)
            values[f"gradients/{self._prefix}global_norm"] = float(norm) if norm.is_ready else norm
        return values


def _as_list(models: Any) -> list[Any]:
    return list(models) if isinstance(models, tuple | list) else [models]


def _check_exists(model: Module) -> None:
    """Raise a UsageError if the model has parameters without a shape."""
    import torch

    for name, parameter in model.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            raise UsageError(
                f"the parameter {name} is lazy and does not exist yet, so it cannot be watched",
                hint="run one forward pass through the model before watch",
            )


def _named_parameters(model: Module) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in model.named_parameters():
        yield _clean_name(name), parameter


def _clean_name(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPED)


def _unwrap(model: Any) -> Module:
    """Return the user's own module from inside torch.compile, DDP, DataParallel and FSDP.

    Raises:
        TypeError: It is not a torch module.
    """
    # A module can only be there if torch is, and watch must not load it.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise TypeError(f"watch needs a torch.nn.Module or a list of them, not {type(model).__name__}")
    parallel = (torch.nn.parallel.DistributedDataParallel, torch.nn.DataParallel)
    while True:
        children = model._modules
        inner = children.get("_orig_mod", children.get("_fsdp_wrapped_module"))
        if inner is None and isinstance(model, parallel):
            inner = model.module
        if not isinstance(inner, torch.nn.Module):
            return model
        model = inner


def _records_a_cuda_graph() -> bool:
    """Whether kernels go into a CUDA graph now, which would replay ours for ever."""
    import torch

    return bool(torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())
