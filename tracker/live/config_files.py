"""config.yaml of a run, and what of the configuration differs between two sessions.

Secrets are masked on the way to disk only: the script reads back what it gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker.errors import NotFoundError
from tracker.live.recorder import write_mapping
from tracker.values.config_input import same
from vcs.layout import RunLayout
from vcs.secrets import mask_mapping


def read_config(run: RunLayout) -> dict[str, Any]:
    """Return the configuration that a run has recorded; empty if it has none.

    Raises:
        FormatError: The file is damaged.
    """
    from vcs.yaml_io import load_yaml

    try:
        content = load_yaml(run.config, "config")
    except NotFoundError:
        return {}
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def write_config(run: RunLayout, values: Mapping[str, Any]) -> None:
    """Write config.yaml, secrets masked.

    Raises:
        StoreError: The file cannot be written.
    """
    write_mapping(run.config, mask_mapping(values))


def config_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{key: {old, new}}` for what differs, masked; a key that is new has no `old`."""
    hidden_old, hidden_new = mask_mapping(old), mask_mapping(new)
    changes: dict[str, Any] = {}
    for key, value in hidden_new.items():
        if key not in hidden_old:
            changes[key] = {"new": value}
        elif not same(hidden_old[key], value):
            changes[key] = {"old": hidden_old[key], "new": value}
    return changes


def note_change(changes: dict[str, Any], key: str, old: Mapping[str, Any], new: Any) -> None:
    """Add a change within a session to its `config_changes`; the oldest value is kept."""
    change = config_changes(old, {key: new}).get(key)
    if change is None:
        return
    before = changes.get(key)
    if before is not None:
        change = {**({"old": before["old"]} if "old" in before else {}), "new": change["new"]}
        if "old" in change and same(change["old"], change["new"]):
            del changes[key]
            return
    changes[key] = change
