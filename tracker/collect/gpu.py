"""What NVIDIA's driver says about its GPUs, by NVML.

Nothing is loaded where there is no driver. A number that a GPU does not have (no fan, no
power sensor, a MIG slice) is left out. No CUDA context is made, so this takes no memory
of the GPU and does not disturb what runs on it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")


def open_nvml() -> Any | None:
    """Return the module `pynvml`, ready for use, or None without a driver or without the module.

    Takes some ten milliseconds where there is a GPU, a stat or three where there is none.
    May be called any number of times.
    """
    if not _has_driver():
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _has_driver() -> bool:
    if sys.platform == "win32":
        return True
    return sys.platform != "darwin" and any(os.path.exists(sign) for sign in _SIGNS)


class Gpus:
    """The GPUs of this machine, all of them, whatever CUDA_VISIBLE_DEVICES says."""

    def __init__(self, nvml: Any | None = None) -> None:
        """Find the GPUs; `nvml` stands in for the module in tests."""
        self._nvml = open_nvml() if nvml is None else nvml
        self._handles: list[Any] = []
        if self._nvml is not None:
            count = self._ask(self._nvml.nvmlDeviceGetCount) or 0
            found = (self._ask(self._nvml.nvmlDeviceGetHandleByIndex, index) for index in range(count))
            self._handles = [handle for handle in found if handle is not None]

    def describe(self) -> list[dict[str, Any]]:
        """Return name, memory, identity and driver of each GPU; empty without one."""
        nvml = self._nvml
        if nvml is None:
            return []
        driver = _text(self._ask(nvml.nvmlSystemGetDriverVersion))
        described = []
        for handle in self._handles:
            memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            facts = {
                "name": _text(self._ask(nvml.nvmlDeviceGetName, handle)),
                "memory_bytes": None if memory is None else int(memory.total),
                "uuid": _text(self._ask(nvml.nvmlDeviceGetUUID, handle)),
                "driver": driver,
            }
            described.append({key: value for key, value in facts.items() if value is not None})
        return described

    def sample(self) -> dict[str, float]:
        """Return load, memory, temperature and power of each GPU, named as wandb names them."""
        numbers: dict[str, float] = {}
        for index, handle in enumerate(self._handles):
            for name, value in self._sample_one(handle).items():
                numbers[f"gpu.{index}.{name}"] = value
        return numbers

    def _sample_one(self, handle: Any) -> dict[str, float]:
        nvml = self._nvml
        assert nvml is not None
        numbers: dict[str, float] = {}
        load = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        if load is not None:
            numbers |= {"gpu": float(load.gpu), "memory": float(load.memory)}
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        if memory is not None:
            numbers["memoryAllocatedBytes"] = float(memory.used)
            numbers["memoryAllocated"] = 100.0 * memory.used / max(memory.total, 1)
        temperature = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        if temperature is not None:
            numbers["temp"] = float(temperature)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        if power is not None:
            numbers["powerWatts"] = power / 1000
        limit = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        if power is not None and limit:
            numbers["powerPercent"] = 100.0 * power / limit
        return numbers

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        assert self._nvml is not None
        try:
            return question(*arguments)
        except self._nvml.NVMLError:
            return None


def _text(value: Any) -> str | None:
    # Older versions of the module answer with bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
