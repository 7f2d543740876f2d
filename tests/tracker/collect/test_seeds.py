"""Where random generators stand."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

from tracker.collect.seeds import seeds


def test_equal_states_show_as_equal_and_others_as_different() -> None:
    """For random, numpy and torch each."""
    torch = pytest.importorskip("torch")

    def seed(number: int) -> dict[str, str]:
        random.seed(number)
        np.random.seed(number)
        torch.manual_seed(number)
        return {name: state["state"] for name, state in seeds().items()}

    first, second, again = seed(1), seed(2), seed(1)

    assert first == again
    assert set(first) == {"random", "numpy", "torch"}
    assert all(first[name] != second[name] for name in first)


def test_looking_does_not_advance_them() -> None:
    """The numbers that follow are the same."""
    random.seed(1)
    np.random.seed(1)
    expected = random.Random(1).random(), np.random.RandomState(1).rand()
    seeds()
    assert (random.random(), np.random.rand()) == expected


def test_torch_says_its_seed_and_its_flags() -> None:
    """What one needs to know whether a run can be repeated."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(42)
    torch.use_deterministic_algorithms(True)
    try:
        found = seeds()["torch"]
    finally:
        torch.use_deterministic_algorithms(False)

    assert (found["seed"], found["deterministic_algorithms"]) == (42, True)
    assert "cuda_seed" not in found or torch.cuda.is_initialized()


def test_only_loaded_modules_are_looked_at() -> None:
    """Nothing is imported for it."""
    script = """
import sys
sys.modules.pop("random", None)
from tracker.collect.seeds import seeds
found = seeds()
print(sorted(found), "numpy" in sys.modules, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout in ("[] False False\n", "['random'] False False\n")


def test_a_module_that_is_just_being_imported_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may be in the middle of `import torch`."""
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    assert "torch" not in seeds()
