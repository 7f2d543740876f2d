"""The module `wandb` of a program started by `tracker run`: the surface of `tracker`.

Attributes are looked up in `tracker` each time, because `run`, `config` and
`summary` change with every init.
"""

import tracker

__version__ = "0.31.0"


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return getattr(tracker, name)
    except AttributeError:
        raise AttributeError(
            f"wandb.{name} is not offered by tracker, which stands in for wandb in this program"
        ) from None


def __dir__():
    return sorted({*globals(), *dir(tracker)})
