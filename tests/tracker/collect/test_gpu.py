"""GPUs, by a driver that stands in for NVIDIA's."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tracker.collect import gpu
from tracker.collect.gpu import Gpus


class FakeNvml:
    """Answers as NVML does; what is in `missing` is not supported."""

    class NVMLError(Exception):
        """As in pynvml."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, missing: tuple[str, ...] = ()) -> None:
        gib = 1 << 30
        self.answers: dict[str, Any] = {
            "nvmlDeviceGetCount": 2,
            "nvmlDeviceGetHandleByIndex": "handle",
            "nvmlSystemGetDriverVersion": b"550.1",
            "nvmlDeviceGetName": "NVIDIA H200",
            "nvmlDeviceGetUUID": "GPU-1",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=100 * gib, used=25 * gib),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=80, memory=40),
            "nvmlDeviceGetTemperature": 55,
            "nvmlDeviceGetPowerUsage": 350_000,
            "nvmlDeviceGetEnforcedPowerLimit": 700_000,
        }
        self.missing = missing

    def __getattr__(self, name: str) -> Any:
        def answer(*arguments: Any) -> Any:
            if name in self.missing:
                raise self.NVMLError("not supported")
            return self.answers[name]

        return answer


def test_gpus_are_described() -> None:
    """Text as text, whatever the version of the module answers with."""
    described = Gpus(FakeNvml()).describe()

    assert described == 2 * [
        {"name": "NVIDIA H200", "memory_bytes": 100 << 30, "uuid": "GPU-1", "driver": "550.1"}
    ]


def test_samples_have_wandbs_names() -> None:
    """For each GPU by its number."""
    numbers = Gpus(FakeNvml()).sample()

    assert {name: value for name, value in numbers.items() if name.startswith("gpu.1.")} == {
        "gpu.1.gpu": 80.0,
        "gpu.1.memory": 40.0,
        "gpu.1.memoryAllocatedBytes": float(25 << 30),
        "gpu.1.memoryAllocated": 25.0,
        "gpu.1.temp": 55.0,
        "gpu.1.powerWatts": 350.0,
        "gpu.1.powerPercent": 50.0,
    }


def test_what_a_gpu_does_not_tell_is_left_out() -> None:
    """A slice of a GPU has neither load nor power."""
    missing = ("nvmlDeviceGetUtilizationRates", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetUUID")
    gpus = Gpus(FakeNvml(missing))

    assert sorted(gpus.sample()) == sorted(
        f"gpu.{i}.{name}" for i in (0, 1) for name in ("memoryAllocatedBytes", "memoryAllocated", "temp")
    )
    assert "uuid" not in gpus.describe()[0]


def test_a_gpu_that_has_fallen_off_the_bus_is_left_out() -> None:
    """Its handle cannot be had."""
    gpus = Gpus(FakeNvml(("nvmlDeviceGetHandleByIndex",)))
    assert (gpus.describe(), gpus.sample()) == ([], {})


def test_without_a_driver_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No import, no error, no GPU."""
    script = """
import sys
from tracker.collect import gpu
gpu._SIGNS = ()
gpus = gpu.Gpus()
print(gpus.describe(), gpus.sample(), "pynvml" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[] {} False\n"


def test_a_driver_that_does_not_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are there, the library is not, or does not fit."""
    monkeypatch.setattr(gpu, "_has_driver", lambda: True)
    fake = FakeNvml(("nvmlInit",))
    monkeypatch.setitem(sys.modules, "pynvml", fake)  # type: ignore[arg-type]
    assert gpu.open_nvml() is None

    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert gpu.open_nvml() is None
