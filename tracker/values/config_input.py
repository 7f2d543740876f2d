"""What can be given as configuration, brought to plain dictionaries and values.

Accepted: mappings, `argparse.Namespace`, dataclasses, pydantic models, OmegaConf,
absl flags, objects with attributes, and the path of a YAML file, either plain or in
wandb's form `key: {desc: …, value: …}`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Set
from datetime import date
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from tracker.errors import NotFoundError, UsageError

_DEFAULTS_FILE = "config-defaults.yaml"
# Deeper than any configuration; a structure that contains itself ends here.
_MAX_DEPTH = 100


def as_mapping(given: Any) -> Mapping[str, Any]:
    """Return what was given as configuration as a mapping of its top-level keys.

    Raises:
        UsageError: It is nothing with keys.
        NotFoundError, FormatError: The YAML file is missing or damaged.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    if isinstance(given, str | os.PathLike):
        return read_config_file(Path(given))
    if isinstance(given, type):
        raise UsageError(f"config cannot be a class ({given.__name__}); give an instance of it")
    if dataclasses.is_dataclass(given):
        return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    for method in ("model_dump", "flag_values_dict", "as_dict"):  # pydantic, absl, our own Config
        if callable(getattr(given, method, None)):
            return dict(getattr(given, method)())
    if hasattr(given, "keys") and hasattr(given, "__getitem__"):
        return {key: given[key] for key in given}
    attributes = getattr(given, "__dict__", None)
    if attributes is not None:
        return {key: value for key, value in attributes.items() if not key.startswith("_")}
    raise UsageError(
        f"config cannot be of type {type(given).__name__}",
        hint="give a dictionary, a Namespace, a dataclass or the path of a YAML file",
    )


def read_config_file(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings.

    Raises:
        NotFoundError: There is no such file.
        FormatError: It is not YAML, or not a mapping.
    """
    from vcs.yaml_io import load_yaml

    if not path.is_file():
        raise NotFoundError(
            f"no config file {str(path)!r}", hint="give a dictionary, or the path of a YAML file"
        )
    content = load_yaml(path, "config")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not a mapping of settings", hint="write lines such as `lr: 0.1`")
    content.pop("wandb_version", None)
    return {str(key): _value_of(entry) for key, entry in content.items() if key != "_wandb"}


def _value_of(entry: Any) -> Any:
    if isinstance(entry, dict) and "value" in entry and set(entry) <= {"value", "desc"}:
        return entry["value"]
    return entry


def read_defaults(folder: Path) -> dict[str, Any]:
    """Return what `config-defaults.yaml` in `folder` says; nothing without that file."""
    path = folder / _DEFAULTS_FILE
    return read_config_file(path) if path.is_file() else {}


def select(
    values: Mapping[str, Any], *, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, Any]:
    """Return the keys to keep.

    Raises:
        UsageError: Both lists are given.
    """
    if include and exclude:
        raise UsageError(
            "config_include_keys and config_exclude_keys exclude each other", hint="give one of them"
        )
    if include:
        wanted = set(include)
        return {key: value for key, value in values.items() if key in wanted}
    unwanted = set(exclude or ())
    return {key: value for key, value in values.items() if key not in unwanted}


def plain_value(value: Any, *, name: str, depth: int = 0) -> Any:
    """Return a value that YAML can hold and that shares nothing mutable with the given one.

    Numbers of numpy and torch become numbers, arrays and tuples lists, sets sorted
    lists, dataclasses dictionaries, paths and dates text; anything else its text.

    Raises:
        UsageError: It is a media object, contains itself, or fails when asked for its text.
    """
    kind = type(value)
    if value is None or kind in (str, int, float, bool):
        return value
    if depth > _MAX_DEPTH:
        raise UsageError(f"config {name!r} contains itself, or is nested deeper than {_MAX_DEPTH} levels")
    if hasattr(kind, "to_record"):
        raise UsageError(
            f"config {name!r} is a {kind.__name__}, which is not a setting",
            hint="log it instead: run.log({...})",
        )
    if isinstance(value, Mapping):
        return {_text_key(k): plain_value(v, name=name, depth=depth + 1) for k, v in value.items()}
    if isinstance(value, Set):
        return [plain_value(v, name=name, depth=depth + 1) for v in sorted(value, key=repr)]
    if isinstance(value, list | tuple | range):
        return [plain_value(v, name=name, depth=depth + 1) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return plain_value(fields, name=name, depth=depth + 1)
    try:
        return _plain_object(value, name, depth)
    except UsageError:
        raise
    except Exception as error:  # code of any kind runs here
        raise UsageError(
            f"config {name!r} cannot be recorded: {kind.__name__} fails with {type(error).__name__}: {error}",
            hint="give its text or its number instead",
        ) from error


def _text_key(key: Any) -> str:
    return key if isinstance(key, str) else str(key.name if isinstance(key, Enum) else key)


def _plain_object(value: Any, name: str, depth: int) -> Any:
    if isinstance(value, Enum):
        return _plain_object(value.value, name, depth) if isinstance(value, str | int | float) else value.name
    for base in (bool, int, float, str):  # subclasses, such as numpy.float64
        if isinstance(value, base):
            return base(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if callable(getattr(value, "tolist", None)):  # numpy and torch, whatever their shape
        return plain_value(value.tolist(), name=name, depth=depth + 1)
    if isinstance(value, type) or callable(value):
        return getattr(value, "__qualname__", None) or str(value)
    return str(value)


def same(old: Any, new: Any) -> bool:
    """Whether two plain values are equal; not-a-number equals itself here, 1 does not equal True."""
    if isinstance(old, bool) != isinstance(new, bool):
        return False
    if isinstance(old, float) and isinstance(new, float) and old != old and new != new:
        return True
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    return bool(old == new)
