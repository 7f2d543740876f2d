"""On what two sessions ran: Python, packages, machine, devices, variables that change numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracker.compare.values import ABSENT, Change
from tracker.storage.records import Session

# Variables that can change results, of those that run.yaml records.
NUMERIC_PREFIXES = ("OMP_", "MKL_", "CUBLAS_", "PYTORCH_", "NVIDIA_TF32")
NUMERIC_NAMES = ("PYTHONHASHSEED", "CUDA_LAUNCH_BLOCKING", "NCCL_ALGO", "NCCL_PROTO")

# Whose versions change numbers most often.
_FIRST = ("torch", "numpy", "nvidia", "cuda", "triton", "jax", "tensorflow", "scipy", "scikit", "pandas")
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)(?:\s+#\s*(.*))?")


@dataclass(frozen=True)
class EnvironmentComparison:
    """What differs; empty mappings where nothing does.

    Attributes:
        machine: `python`, `platform`, `cpu`, `gpus`, `driver`.
        packages: Versions by name, those that change numbers most often first.
        variables: Environment variables that can change results.
        packages_known: Whether both runs have a list of packages at all.
    """

    machine: dict[str, Change] = field(default_factory=dict)
    packages: dict[str, Change] = field(default_factory=dict)
    variables: dict[str, Change] = field(default_factory=dict)
    packages_known: bool = True

    @property
    def same(self) -> bool:
        """Whether nothing that is known differs."""
        return not (self.machine or self.packages or self.variables)


def compare_environments(
    old: Session, new: Session, old_packages: Mapping[str, str], new_packages: Mapping[str, str]
) -> EnvironmentComparison:
    """Compare two sessions and what was installed; see `read_packages`."""
    known = bool(old_packages) and bool(new_packages)
    return EnvironmentComparison(
        machine=_differing(machine_of(old), machine_of(new)),
        packages=compare_packages(old_packages, new_packages) if known else {},
        variables=_differing(numeric_variables(old.environment), numeric_variables(new.environment)),
        packages_known=known,
    )


def machine_of(session: Session) -> dict[str, Any]:
    """Return what of the machine can matter to numbers; what is not recorded is left out."""
    gpus = [str(gpu.get("name", "?")) for gpu in session.gpus]
    drivers = sorted({str(gpu["driver"]) for gpu in session.gpus if gpu.get("driver")})
    facts = {
        "python": session.python,
        "platform": session.platform,
        "cpu": session.cpu.get("model"),
        "gpus": ", ".join(gpus) or "none",
        "driver": ", ".join(drivers),
    }
    return {name: fact for name, fact in facts.items() if fact}


def numeric_variables(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that can change results."""
    return {
        name: str(value)
        for name, value in environment.items()
        if name in NUMERIC_NAMES or name.startswith(NUMERIC_PREFIXES)
    }


def read_packages(text: str) -> dict[str, str]:
    """Return versions by normalised name from the lines of a requirements.txt.

    What did not come from an index has its origin behind the version: `0.1 (file:///src)`.
    Lines that are no such requirement are passed over.
    """
    found = {}
    for line in text.splitlines():
        match = _REQUIREMENT.fullmatch(line.strip())
        if match:
            name, version, origin = match.groups()
            found[normalised(name)] = f"{version} ({origin})" if origin else version
    return found


def normalised(name: str) -> str:
    """Return the name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def compare_packages(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Change]:
    """Return the packages that differ, those that change numbers most often first."""
    differing = _differing(old, new)
    return dict(sorted(differing.items(), key=lambda item: (not item[0].startswith(_FIRST), item[0])))


def named(packages: Iterable[tuple[str, Change]], *, most: int = 5) -> str:
    """Return `torch 2.1.0 -> 2.2.0, numpy gone and 3 more`."""
    texts = [f"{name} {_step_text(change)}" for name, change in packages]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _step_text(change: Change) -> str:
    if change.old is ABSENT:
        return f"new ({change.new})"
    return f"{change.old} gone" if change.new is ABSENT else f"{change.old} -> {change.new}"


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    return {
        key: Change(old.get(key, ABSENT), new.get(key, ABSENT))
        for key in {**old, **new}
        if old.get(key, ABSENT) != new.get(key, ABSENT)
    }
