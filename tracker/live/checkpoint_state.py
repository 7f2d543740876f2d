"""What a checkpoint keeps of each object, and how the object gets it back.

A state is made of tensors and plain values only, so that it can be read with
`weights_only=True`: reading a checkpoint never runs code from it. torch and numpy are
imported only here and only when a checkpoint is made or read.
"""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Mapping
from typing import Any

from vcs.errors import UsageError

# Marks an array among plain values; the key cannot be a keyword argument of a script.
_ARRAY = "<numpy array>"
_ARRAY_KINDS = "biufcSU"


def is_component(value: object) -> bool:
    """Whether the value has a state of its own, rather than being a plain value."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_component(item) for item in value)
    if isinstance(value, Mapping):
        return bool(value) and all(is_component(item) for item in value.values())
    return _has_state_dict(value) or _is_generator(value)


def state_of(value: Any, name: str) -> Any:
    """Return the state of a component: what `restore` gives back to it.

    Tensors in it are the component's own, so write it before training goes on. A
    model that is wrapped for parallel or compiled execution is unwrapped first, so
    that the state fits the bare model too.

    Raises:
        UsageError: The value has no state to keep.
    """
    value = unwrap(value)
    if isinstance(value, (list, tuple)):
        return [state_of(item, name) for item in value]
    if isinstance(value, Mapping):
        return {key: state_of(item, name) for key, item in value.items()}
    if _has_state_dict(value):
        return pack(value.state_dict())
    if isinstance(value, random.Random):
        return value.getstate()
    if _is_numpy_generator(value):
        return pack(_numpy_state(value))
    if _is_torch_generator(value):
        return value.get_state()
    raise UsageError(
        f"{name} of type {type(value).__name__} has no state that a checkpoint could keep",
        hint=_hint_for(value),
    )


def check_fits(value: Any, state: Any, name: str) -> None:
    """Check that the state has the shape of the component, as far as that needs no change to it.

    Raises:
        UsageError: It belongs to another number of objects, or to none with a state.
    """
    value = unwrap(value)
    if isinstance(value, (list, tuple)):
        if not isinstance(state, list) or len(state) != len(value):
            held = len(state) if isinstance(state, list) else 1
            raise UsageError(f"the checkpoint has {held} of {name}, not {len(value)}")
        for item, part in zip(value, state, strict=True):
            check_fits(item, part, name)
    elif isinstance(value, Mapping):
        if not isinstance(state, Mapping) or set(state) != set(value):
            raise UsageError(f"the checkpoint has other entries of {name} than {sorted(map(str, value))}")
        for key, item in value.items():
            check_fits(item, state[key], name)
    elif not is_component(value):
        raise UsageError(
            f"{name} of type {type(value).__name__} cannot take a state from a checkpoint",
            hint=_hint_for(value),
        )


def restore(value: Any, state: Any, *, strict: bool = True) -> None:
    """Give a component the state that `state_of` returned; see `check_fits` first.

    `strict` is that of a module's `load_state_dict`.
    """
    value = unwrap(value)
    if isinstance(value, (list, tuple)):
        for item, part in zip(value, state, strict=True):
            restore(item, part, strict=strict)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            restore(item, state[key], strict=strict)
    elif _is_module(value):
        value.load_state_dict(unpack(state), strict=strict)
    elif _has_state_dict(value):
        value.load_state_dict(unpack(state))
    elif isinstance(value, random.Random):
        value.setstate(state)
    elif _is_numpy_generator(value):
        _set_numpy_state(value, unpack(state))
    else:
        value.set_state(state.cpu())


def unwrap(value: Any) -> Any:
    """Return the bare model inside torch.compile, DataParallel and DistributedDataParallel."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.nn.Module):
        return value
    parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while True:
        inner = value.module if isinstance(value, parallel) else getattr(value, "_orig_mod", None)
        if not isinstance(inner, torch.nn.Module):
            return value
        value = inner


def pack(value: Any) -> Any:
    """Replace what numpy has in a nested value by tensors and plain numbers.

    What holds nothing of numpy is returned as the same object: a `state_dict` keeps
    its metadata, and tensors that share memory go on sharing it.
    """
    numpy = sys.modules.get("numpy")
    return value if numpy is None else _pack(value, numpy)


def unpack(value: Any) -> Any:
    """Undo `pack` for arrays; the same object where there are none."""
    if isinstance(value, dict):
        if _ARRAY in value:
            return _unpack_array(value)
        return _rebuilt(value, unpack)
    if isinstance(value, (list, tuple)):
        return _rebuilt(value, unpack)
    return value


def capture_rng(*, devices: bool = True) -> dict[str, Any]:
    """Return the state of every global random number generator in use.

    random always, numpy's and torch's where they are loaded; those of GPUs (`devices`)
    only where they are in use already, so that asking does not start them.
    """
    states: dict[str, Any] = {"python": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        states["numpy"] = pack(numpy.random.get_state(legacy=False))
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = torch.get_rng_state()
        if devices and torch.cuda.is_available() and torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
        if devices and torch.backends.mps.is_available():
            states["mps"] = torch.mps.get_rng_state()
    return states


def restore_rng(states: Mapping[str, Any]) -> list[str]:
    """Set the global generators back; return sentences about those that could not be."""
    problems = []
    random.setstate(states["python"])
    if "numpy" in states:
        import numpy

        numpy.random.set_state(unpack(states["numpy"]))
    if "torch" in states:
        import torch

        torch.set_rng_state(states["torch"].cpu())
        cuda = states.get("cuda", [])
        if cuda:
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
            for number, state in enumerate(cuda[:count]):
                torch.cuda.set_rng_state(state.cpu(), number)
            if count != len(cuda):
                problems.append(f"the checkpoint was made with {len(cuda)} GPUs, here are {count}")
        if "mps" in states:
            if torch.backends.mps.is_available():
                torch.mps.set_rng_state(states["mps"].cpu())
            else:
                problems.append("the checkpoint was made with Apple's GPU, which is not here")
    return problems


def _pack(value: Any, numpy: Any) -> Any:
    if isinstance(value, dict):
        return _rebuilt(value, lambda item: _pack(item, numpy))
    if isinstance(value, (list, tuple)):
        return _rebuilt(value, lambda item: _pack(item, numpy))
    if isinstance(value, numpy.ndarray) and value.dtype.kind in _ARRAY_KINDS:
        import torch

        raw = torch.frombuffer(bytearray(value.tobytes()), dtype=torch.uint8) if value.nbytes else None
        return {_ARRAY: raw, "dtype": value.dtype.str, "shape": tuple(value.shape)}
    if isinstance(value, numpy.generic):
        return value.item()
    return value


def _unpack_array(packed: dict[Any, Any]) -> Any:
    import numpy

    raw = b"" if packed[_ARRAY] is None else packed[_ARRAY].cpu().numpy().tobytes()
    return numpy.frombuffer(raw, dtype=packed["dtype"]).reshape(packed["shape"]).copy()


def _rebuilt(value: Any, change: Any) -> Any:
    """Apply `change` to the items of a container; the same container if none of them changed."""
    items = list(value.values()) if isinstance(value, dict) else list(value)
    changed = [change(item) for item in items]
    if all(new is old for new, old in zip(changed, items, strict=True)):
        return value
    if isinstance(value, dict):
        # A copy, because the `state_dict` of a module carries metadata as an attribute.
        rebuilt = copy.copy(value)
        rebuilt.update(zip(value, changed, strict=True))
        return rebuilt
    if hasattr(value, "_fields"):
        return type(value)(*changed)
    return type(value)(changed)


def _has_state_dict(value: object) -> bool:
    return (
        not isinstance(value, type)
        and callable(getattr(value, "state_dict", None))
        and callable(getattr(value, "load_state_dict", None))
    )


def _is_module(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _is_torch_generator(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Generator)


def _is_numpy_generator(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.random.Generator, numpy.random.RandomState))


def _is_generator(value: object) -> bool:
    return isinstance(value, random.Random) or _is_torch_generator(value) or _is_numpy_generator(value)


def _numpy_state(value: Any) -> Any:
    # The older kind keeps half of a pair of normal numbers beside its bit generator.
    return value.bit_generator.state if hasattr(value, "bit_generator") else value.get_state(legacy=False)


def _set_numpy_state(value: Any, state: Any) -> None:
    if hasattr(value, "bit_generator"):
        value.bit_generator.state = state
    else:
        value.set_state(state)


def _hint_for(value: object) -> str:
    if type(value).__name__.endswith("DataLoader"):
        return "wrap it: loader = run.resumable_loader(loader)"
    return "give an object with state_dict() and load_state_dict(), or a random number generator"
