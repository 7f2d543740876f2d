"""The installed packages, found anew only when something was installed.

Looking through all packages takes longer than everything else at the start of a run.
Installing or removing one changes the folder that holds it, so the list of the last
run is right while those folders have the times that they had then.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from vcs.atomic import write_atomic

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_DESCRIPTIONS = (".dist-info", ".egg-info", ".egg-link")


def requirements(cache: Path) -> str:
    """Return `name==version` lines; `cache` is read and brought up to date.

    Raises:
        StoreError: The cache cannot be written.
    """
    key = _key()
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(cache.read_text())
        if known["key"] == key:
            return str(known["text"])
    from tracker.collect.packages import installed_packages

    text = "".join(f"{line}\n" for line in installed_packages())
    # What changed while the packages were read is not in the text, so it must not be in the key.
    if _key() == key:
        write_atomic(cache, json.dumps({"key": key, "text": text}), durable=False)
    return text


def _key() -> list[list[object]]:
    """Return what tells whether something was installed: times of folders and of what describes packages."""
    key: list[list[object]] = []
    for folder in sys.path:
        with suppress(OSError):
            if os.path.basename(folder) in _PACKAGE_FOLDERS:
                key.append([folder, os.stat(folder).st_mtime_ns])
                continue
            # The folder of the script changes with every file that training writes there.
            for name in sorted(os.listdir(folder or ".")):
                if name.endswith(_DESCRIPTIONS):
                    path = os.path.join(folder, name)
                    key.append([path, os.stat(path).st_mtime_ns])
    return key
