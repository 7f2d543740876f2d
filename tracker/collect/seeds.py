"""Where the random generators stand and whether results can be repeated.

Only modules that the program has loaded are looked at. States are read, never advanced,
and shown as the beginning of a digest: equal text, equal state.
"""

from __future__ import annotations

import sys
from typing import Any

from vcs.digest import digest_bytes

_SHOWN = 16


def seeds() -> dict[str, Any]:
    """Return the state of random, numpy and torch, and torch's flags for determinism.

    Does not wait for a GPU and does not begin to use one. A module that another thread
    is just importing is left out.
    """
    found: dict[str, Any] = {}
    for name, look in (("random", _random), ("numpy", _numpy), ("torch", _torch)):
        module = sys.modules.get("numpy.random" if name == "numpy" else name)
        try:
            state = None if module is None else look(module)
        except AttributeError:
            continue
        if state is not None:
            found[name] = state
    return found


def _digest(data: bytes) -> str:
    return digest_bytes(data)[:_SHOWN]


def _random(random: Any) -> dict[str, Any]:
    return {"state": _digest(repr(random.getstate()).encode())}


def _numpy(numpy_random: Any) -> dict[str, Any]:
    kind, keys, *rest = numpy_random.get_state()
    return {"state": _digest(keys.tobytes() + repr((kind, rest)).encode())}


def _torch(torch: Any) -> dict[str, Any]:
    facts = {
        "seed": torch.initial_seed(),
        "state": _digest(bytes(torch.get_rng_state().tolist())),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "threads": torch.get_num_threads(),
    }
    # initial_seed() of CUDA would start CUDA.
    if torch.cuda.is_initialized():
        facts["cuda_seed"] = torch.cuda.initial_seed()
    return facts
