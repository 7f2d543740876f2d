"""The helpers of wandb.util that scripts and frameworks call."""

import importlib
import importlib.util
import re

from tracker.errors import UsageError
from tracker.values.random_names import generate_id  # noqa: F401


def get_module(name, required=None, lazy=True):
    """Return a module, or None without it; `required` is what to say then instead."""
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
    if required:
        raise UsageError(str(required))
    return None


def make_artifact_name_safe(name):
    """Return a name with `_` for what the names of artifacts cannot have, at most 128 long."""
    safe = re.sub(r"[^a-zA-Z0-9_\-.]", "_", name)
    return safe if len(safe) <= 128 else f"{safe[:63]}..{safe[-63:]}"


def to_human_size(size, units=None):
    """Return a size in words."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f}{unit}"
        size /= 1000
    return f"{size:.1f}TB"
