"""Under which path the ledger has a record.

A record keeps its path, but for a run, which lies in one of 256 shards: git writes a
folder's whole tree for each commit, so the cost of one run would otherwise grow with
the number of all.
"""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote

from vcs.digest import digest_bytes
from vcs.layout import LEDGER_REF

OF_THIS_MACHINE = frozenset({".gitignore", "ledger-head", "resume.json", "store"})


def to_ledger(relative: str) -> str:
    """`runs/p/id/…` -> `runs/p/hh/id/…`; everything else keeps its path."""
    parts = relative.split("/")
    if parts[0] != "runs" or len(parts) < 3:
        return relative
    return "/".join([*parts[:2], _shard(parts[2]), *parts[2:]])


def to_record(path: str) -> str | None:
    """The way back; None for a path that no commit of ours has: it came from outside."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or never_recorded(part) for part in parts) or parts[0] in OF_THIS_MACHINE:
        return None
    if parts[0] != "runs" or len(parts) < 3:
        return path
    if len(parts) < 4 or parts[2] != _shard(parts[3]):
        return None
    return "/".join([*parts[:2], *parts[3:]])


def never_recorded(name: str) -> bool:
    """Temporary files of `vcs.atomic`, and what git refuses to hold."""
    return name.lower() == ".git" or (name.startswith(".") and name.endswith(".tmp"))


def bring_back_hint(path: Path) -> str | None:
    """Return what to type to have a damaged run.yaml or manifest back; None where there is no ledger."""
    records = path.parents[3]
    if not (records / "ledger-head").exists():
        return None
    object_name = quote(f"{LEDGER_REF}:{to_ledger(path.relative_to(records).as_posix())}")
    file = quote(str(path))
    show = f"git -C {quote(str(records))} show {object_name}"
    return f"bring back what the ledger has: rm -f {file} && {show} > {file}"


def _shard(run_id: str) -> str:
    return digest_bytes(os.fsencode(run_id))[:2]
