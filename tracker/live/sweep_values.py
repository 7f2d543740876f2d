"""What a sweep chose for a run: the file that its agent wrote, in wandb's form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracker.settings import RunSettings
from vcs.errors import FormatError

_VERSION_KEY = "wandb_version"


def held_by_sweep(settings: RunSettings) -> dict[str, Any]:
    """Return the values that the sweep holds; none outside of a sweep.

    Raises:
        NotFoundError, FormatError: The agent's file is gone or damaged.
    """
    if settings.sweep_id is None or settings.sweep_param_path is None:
        return {}
    from vcs.yaml_io import load_yaml

    content = load_yaml(Path(settings.sweep_param_path), "parameters of the sweep")
    if not isinstance(content, dict):
        raise FormatError(f"{settings.sweep_param_path} has no parameters")
    return {
        str(key): about["value"]
        for key, about in content.items()
        if key != _VERSION_KEY and isinstance(about, dict) and "value" in about
    }


def sweep_file(params: dict[str, Any]) -> dict[str, Any]:
    """Return the content of the file for some values."""
    return {_VERSION_KEY: 1, **{key: {"value": value} for key, value in params.items()}}
