"""The modules of a model and what flows between them, found out in its first forward.

The hook for that is one for all modules of the process, kept by torch and not in the
model, so that copies and pickles of the model are free of it; it is removed after the
first forward. Under torch.compile no hook runs, and nodes are without shapes and edges.

An edge says that an output of one module reached an input of another, directly or through
functions between them (`flatten`, `+`), which are found by following the autograd graph.
Without autograd (`no_grad`) only direct edges are seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class GraphCollector:
    """Watches one forward of a model and hands its graph over.

    Attributes:
        record: The graph, None until it is known.
    """

    def __init__(
        self,
        model: Module,
        on_done: Callable[[dict[str, Any]], None],
        clean_name: Callable[[str], str] = lambda name: name,
    ) -> None:
        """Begin to wait for a forward; `on_done` is called once, in the thread of the forward."""
        from torch.nn.modules import module as torch_module

        self.record: dict[str, Any] | None = None
        self._model = weakref.ref(model, lambda _: self.remove())
        self._on_done = on_done
        self._nodes: dict[str, dict[str, Any]] = {}
        self._names: dict[int, str] = {}
        for name, module in model.named_modules():
            self._names[id(module)] = clean_name(name)
            self._nodes[clean_name(name)] = {"name": clean_name(name), "class_name": type(module).__name__}
        self._edges: dict[tuple[str, str], None] = {}
        # Modules inside of which another one has run: their own inputs and outputs are no news.
        self._outer: set[str] = set()
        # What made a value, by its place in the autograd graph and, weakly, by the tensor itself.
        self._made_by_node: dict[Any, str] = {}
        self._made: dict[int, tuple[weakref.ref[Tensor], str]] = {}
        self._flags: dict[int, Any] = getattr(torch_module, "_global_forward_hooks_with_kwargs", {})
        self._handle: Any = torch_module.register_module_forward_hook(self._make_hook(), with_kwargs=True)

    @property
    def is_done(self) -> bool:
        """Whether the graph was handed over, or will never be."""
        return self._handle is None

    def finish(self) -> None:
        """Hand over what is known by now and stop waiting; a second call does nothing."""
        if self.is_done:
            return
        model = self._model()
        self.remove()
        if model is None:
            return
        # Counted now: modules may make parameters in their first forward.
        for module in model.modules():
            node = self._nodes.get(self._names.get(id(module), ""))
            if node is not None:
                node.update(_count(module))
        self.record = {
            "_type": "graph",
            "name": type(model).__name__,
            "parameters": sum(_size(parameter) for parameter in model.parameters()),
            "nodes": list(self._nodes.values()),
            "edges": [list(edge) for edge in self._edges],
        }
        self._on_done(self.record)

    def remove(self) -> None:
        """Stop waiting and let go of what was collected."""
        if self._handle is not None:
            self._handle.remove()
            # torch 2.13 forgets this one, and would go on to believe that there are hooks.
            self._flags.pop(self._handle.id, None)
            self._handle = None
        self._made_by_node.clear()
        self._made.clear()

    def _make_hook(self) -> Callable[..., None]:
        import torch

        def hook(module: Module, args: Any, kwargs: Any, output: Any) -> None:
            # A constant for the compiler, which then leaves the rest of this function out.
            if torch.compiler.is_compiling():
                return
            name = self._names.get(id(module))
            if name is None or self.is_done:
                return
            try:
                self._after(name, (args, kwargs), output)
            except RuntimeError:
                # torch refuses to say where some values come from (views changed in place under no_grad).
                self.finish()
            if module is self._model():
                self.finish()

        return hook

    def _after(self, name: str, inputs: Any, output: Any) -> None:
        node = self._nodes[name]
        if "inputs" not in node:
            node["inputs"] = [list(tensor.shape) for tensor in _tensors(inputs)]
            node["outputs"] = [list(tensor.shape) for tensor in _tensors(output)]
        if name not in self._outer:
            for tensor in _tensors(inputs):
                for maker in self._makers(tensor):
                    self._edges.setdefault((maker, name))
        for tensor in _tensors(output):
            known = self._made_by_node.get(tensor.grad_fn) if tensor.grad_fn is not None else None
            if name in self._outer and (known is not None or self._direct(tensor) is not None):
                continue
            self._made[id(tensor)] = (weakref.ref(tensor), name)
            if tensor.grad_fn is not None:
                self._made_by_node[tensor.grad_fn] = name
        while name:
            name = name.rpartition(".")[0]
            self._outer.add(name)

    def _direct(self, tensor: Tensor) -> str | None:
        reference, maker = self._made.get(id(tensor), (None, None))
        return maker if reference is not None and reference() is tensor else None

    def _makers(self, tensor: Tensor) -> Iterator[str]:
        """Yield the modules that a value comes from, the nearest on each way."""
        waiting = [tensor.grad_fn]
        visited: set[Any] = set()
        found = False
        while waiting:
            node = waiting.pop()
            if node is None or node in visited:
                continue
            visited.add(node)
            maker = self._made_by_node.get(node)
            if maker is not None:
                found = True
                yield maker
            else:
                waiting += [parent for parent, _ in node.next_functions]
        direct = self._direct(tensor)
        if not found and direct is not None:
            yield direct


def _count(module: Module) -> dict[str, int]:
    own = [(_size(parameter), parameter.requires_grad) for parameter in module.parameters(recurse=False)]
    return {
        "parameters": sum(size for size, _ in own),
        "trained_parameters": sum(size for size, is_trained in own if is_trained),
    }


def _size(parameter: Tensor) -> int:
    import torch

    return 0 if torch.nn.parameter.is_lazy(parameter) else parameter.numel()


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and mappings."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _tensors(inner)
