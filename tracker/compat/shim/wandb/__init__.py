"""The module `wandb` of a program started by `tracker run`: the surface of `tracker`.

Attributes are looked up in `tracker` each time, because `run`, `config` and
`summary` change with every init.
"""

import importlib

import tracker

# Found as attributes, too, by who only imports wandb.
_INNER = ("apis", "data_types", "env", "errors", "integration", "plot", "sdk", "util", "wandb_run")
_OTHER_NAMES = {"_attach": "tracker.attach", "visualize": "tracker.plot.visualize"}
_FRAMEWORKS = ("keras", "lightgbm", "sklearn", "tensorboard", "xgboost")

__version__ = "0.31.0"


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name in _INNER + _FRAMEWORKS:
        try:
            return importlib.import_module(f"wandb.{name}")
        except ModuleNotFoundError as error:
            raise AttributeError(f"wandb.{name} needs {error.name}") from error
    if name in _OTHER_NAMES:
        module, _, inner = _OTHER_NAMES[name].rpartition(".")
        return getattr(importlib.import_module(module), inner)
    try:
        return getattr(tracker, name)
    except AttributeError:
        raise AttributeError(
            f"wandb.{name} is not offered by tracker, which stands in for wandb in this program"
        ) from None


def __dir__():
    return sorted({*globals(), *_INNER, *_FRAMEWORKS, *_OTHER_NAMES, *dir(tracker)})
