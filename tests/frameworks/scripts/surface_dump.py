"""Print the public surface of a module that is, or stands in for, wandb, as JSON.

    python surface_dump.py            the installed wandb
    tracker run surface_dump.py       ours

Keys are dotted names. A function has its parameters, as [name, default or null]; a
default that has no plain form is its type's name. Anything else has null.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from typing import Any

MODULES = (
    "wandb",
    "wandb.plot",
    "wandb.errors",
    "wandb.sklearn",
    "wandb.integration.tensorboard",
    "wandb.integration.lightgbm",
    "wandb.integration.xgboost",
    "wandb.integration.sb3",
)
CLASSES = (
    "wandb.Run",
    "wandb.Artifact",
    "wandb.Config",
    "wandb.Settings",
    "wandb.Api",
    "wandb.apis.public.Run",
    "wandb.apis.public.Runs",
    "wandb.apis.public.File",
    "wandb.apis.public.Files",
    "wandb.apis.public.Project",
    "wandb.apis.public.ArtifactType",
    "wandb.apis.public.ArtifactCollection",
    "wandb.Image",
    "wandb.Table",
    "wandb.JoinedTable",
    "wandb.Histogram",
    "wandb.Audio",
    "wandb.Video",
    "wandb.Html",
    "wandb.Object3D",
    "wandb.Molecule",
    "wandb.Plotly",
    "wandb.Graph",
    "wandb.Classes",
    "wandb.ArtifactTTL",
    "wandb.AlertLevel",
)
# Made by init and Api, never by a script; only what they have matters.
MADE_FOR_SCRIPTS = ("wandb.Run", "wandb.apis.public.")
# What pydantic puts into a class is nobody's promise.
PYDANTIC = (
    "model_",
    "parse_",
    "dict",
    "json",
    "copy",
    "construct",
    "schema",
    "validate",
    "from_orm",
    "update_",
)


def surface() -> dict[str, Any]:
    """Return what there is, by dotted name."""
    found: dict[str, Any] = {}
    for module in MODULES:
        loaded = importlib.import_module(module)
        names = [*getattr(loaded, "__all__", ())]
        # What wandb offers and does not list: alert, login, termlog, …
        names += [] if names and module != "wandb" else dir(loaded)
        for name in dict.fromkeys(names):
            value = getattr(loaded, name, None)
            if (
                name[0] != "_"
                and not inspect.ismodule(value)
                and getattr(value, "__module__", "") != "typing"
            ):
                found[f"{module}.{name}"] = parameters(value)
    for dotted in CLASSES:
        module, _, name = dotted.rpartition(".")
        kind = getattr(importlib.import_module(module), name, None)
        if kind is None:
            continue
        found[dotted] = None if dotted.startswith(MADE_FOR_SCRIPTS) else parameters(kind)
        names = [one for base in kind.__mro__ for one in vars(base).get("__dataclass_fields__", ())]
        fields = list(getattr(kind, "model_fields", None) or getattr(kind, "known_fields", ()))
        if name == "Settings":
            found[dotted] = None
        for attribute in [*dir(kind), *fields, *names, *given_attributes(kind)]:
            if attribute[0] != "_" and not (fields and attribute.startswith(PYDANTIC)):
                found[f"{dotted}.{attribute}"] = parameters(getattr(kind, attribute, None))
    return found


def given_attributes(kind: Any) -> list[str]:
    """Return the attributes that the classes' own code gives to each object."""
    names = []
    for base in kind.__mro__[:-1]:
        try:
            source = inspect.getsource(base)
        except (OSError, TypeError):
            continue
        names += re.findall(r"^\s+self\.([a-z]\w*)(?:: [^=\n]+)? = ", source, re.MULTILINE)
    return names


def parameters(value: Any) -> list[list[Any]] | None:
    """Return the parameters of a callable, self left out; None of anything else."""
    if not callable(value):
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return [
        [{"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(one.kind.name, "") + one.name, _plain(one.default)]
        for one in signature.parameters.values()
        if one.name not in ("self", "cls")
    ]


def _plain(default: Any) -> Any:
    if default is inspect.Parameter.empty:
        return "required"
    if default is None or isinstance(default, (bool, int, float, str)):
        return repr(default)
    if isinstance(default, (list, tuple, dict, set)) and not default:
        return "empty"
    return type(default).__name__


if __name__ == "__main__":
    print(json.dumps(surface(), indent=1, sort_keys=True))
