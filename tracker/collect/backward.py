"""Hears when a backward pass through some parameters has ended.

A hook on a parameter runs when its gradient has been added to `.grad`. The first one of
a backward pass asks the autograd engine for a call at the end of that pass; all others
return at once. Nothing is hooked in modules, so forward passes, also compiled ones, are
as before, and copies and pickles of the model have no trace of this.

An optimisation step may consist of several backward passes whose gradients add up. A pass
goes on with the step of the one before if `.grad` was only added to in between; a
gradient that was replaced, zeroed, clipped or unscaled began a new one. torch counts the
changes of a tensor, which tells the two apart without looking at a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class BackwardListener:
    """Calls `at_end(is_new_step)` after each backward pass that reached an attached parameter.

    The call comes from the thread that ended the pass, for CUDA not the one that called
    `backward`, on the caller's streams, after all gradients are there, also after those
    that DistributedDataParallel has averaged. What it raises, `backward` raises.
    """

    def __init__(self, at_end: Callable[[bool], None]) -> None:
        self._at_end = at_end
        self._handles: list[Any] = []
        self._pass = -1
        # The parameter that came first in each pass of this step -> how often its gradient was changed.
        self._seen: dict[int, int] = {}

    def attach(self, parameters: Iterable[Tensor]) -> None:
        """Listen to all parameters that need a gradient; those listened to already are left alone."""
        mine = {handle.id for handle in self._handles}
        for parameter in parameters:
            hooks = getattr(parameter, "_post_accumulate_grad_hooks", None) or {}
            if parameter.requires_grad and parameter.is_leaf and mine.isdisjoint(hooks):
                self._handles.append(parameter.register_post_accumulate_grad_hook(self._make_hook()))

    def detach(self) -> None:
        """Remove every hook. A pass that is under way calls no more."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _make_hook(self) -> Callable[[Tensor], None]:
        import torch

        current_pass: Callable[[], int] = torch._C._current_graph_task_id

        def hook(parameter: Tensor) -> None:
            # Runs for every parameter in every pass: nothing but the comparison is done for most.
            number = current_pass()
            if number != self._pass:
                self._pass = number
                self._begin(parameter)

        return hook

    def _begin(self, parameter: Tensor) -> None:
        import torch

        version = 0 if parameter.grad is None else parameter.grad._version
        before = self._seen.get(id(parameter))
        # Passes within a pass (reentrant checkpoints) each begin with a parameter not seen before.
        is_new_step = not self._seen or (before is not None and version != before + 1)
        if is_new_step:
            self._seen.clear()
        self._seen[id(parameter)] = version
        engine = torch.autograd.Variable._execution_engine

        def end() -> None:
            if self._handles:
                self._at_end(is_new_step)

        # From within the callbacks once more: DDP has asked for its own in the meantime, which comes first.
        engine.queue_callback(lambda: engine.queue_callback(end))
