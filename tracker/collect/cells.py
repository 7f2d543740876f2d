"""The cells of IPython and of notebooks, where there are any.

IPython wraps the `write` of both streams for the length of each cell and puts back what
was there before it. Whoever wraps them too has to do so anew in every cell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def shell() -> Any:
    """Return the interactive shell that runs this code; None outside of IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def in_each_cell(call: Callable[[], None]) -> Callable[[], None]:
    """Call at the beginning of every cell from the next one on; return what ends that.

    Outside of IPython nothing is ever called.
    """
    found = shell()
    if found is None:
        return lambda: None

    def begins(*_: object) -> None:
        call()

    def end() -> None:
        with suppress(ValueError):
            found.events.unregister("pre_run_cell", begins)

    found.events.register("pre_run_cell", begins)
    return end
