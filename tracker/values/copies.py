"""Private copies of large files, which later changes of the files cannot reach.

A copy goes when its owner does, and the rest at the end of the process, after the runs
have ended: a run that ends with its script still writes what it was given.
"""

from __future__ import annotations

import atexit
import os
import weakref
from functools import cache

_paths: dict[str, int] = {}
"""The copies that lie there, each with the process that made it."""


@cache
def remove_at_exit() -> None:
    """Have the copies that are left removed at the exit, after all that is registered later."""
    atexit.register(_remove_all)


def make_copy(source: str | os.PathLike[str], owner: object) -> str:
    """Return the path of a new copy, which is removed when `owner` is gone.

    Raises:
        OSError: The file cannot be read, or there is no room.
    """
    import shutil
    import tempfile

    remove_at_exit()
    handle, name = tempfile.mkstemp(prefix="tracker-media-")
    os.close(handle)
    _paths[name] = os.getpid()
    # Finalizers run at the exit before the runs end, so this one does not.
    weakref.finalize(owner, _remove, name).atexit = False
    shutil.copyfile(source, name)
    return name


def _remove(name: str) -> None:
    """Remove a copy, unless this is a forked child: the parent still needs it."""
    if _paths.pop(name, None) == os.getpid():
        try:
            os.unlink(name)
        except OSError:
            return


def _remove_all() -> None:
    for name in list(_paths):
        _remove(name)
