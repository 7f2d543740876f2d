"""`auto_log:` of tracker.yaml: declared files become a run of the commit that changes them.

Files that git has are read from the commit, so that the run is of exactly that; the others
(ignored metrics, weights) from the working tree. Nothing changed, no run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hooks.auto_files import LARGEST_BYTES, Row, read_metrics, read_params
from hooks.auto_run import AutoRun, RunArtifact
from hooks.call import Call
from vcs.atomic import disk_error, make_folder, write_atomic
from vcs.digest import digest_bytes
from vcs.errors import FormatError
from vcs.files.ignore_rules import compile_rules
from vcs.names import check_artifact_name
from vcs.records.commit_log import CommitRun
from vcs.records.ledger_tree import read_objects
from vcs.settings import AutoArtifact, AutoLog

_MODEL = re.compile(r"\.(pt|pth|ckpt|safetensors|h5|keras|onnx|pkl|joblib|npz)$", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True)
class _Found:
    """A declared file: where it is, and what is in it, up to one byte more than we read."""

    path: str
    data: bytes


def log_commit(call: Call, commit: str) -> str | None:
    """Make the run of a commit and return its id; None if nothing declared has changed since the last.

    A file that cannot be read is told, and left out.

    Raises:
        Error: The run could not be written; the next commit tries again.
    """
    settings = call.repo.settings.auto_log
    params = _declared(call, commit, settings.params)
    metrics = _declared(call, commit, settings.metrics)
    artifacts = _artifacts(call, settings.artifacts)
    if not (params or metrics or artifacts):
        return None
    mark = _mark(call, settings, params + metrics, artifacts)
    if _last(call) == mark:
        return None
    summary, rows = _metrics(call, metrics)
    made = AutoRun(
        project=settings.project or call.repo.settings.project,
        commit=commit,
        title=call.git.text("show", "-s", "--no-show-signature", "--format=%s", commit),
        config=_config(call, params),
        rows=rows,
        summary=summary,
        artifacts=artifacts,
    )
    project, run = call.outside.write_run(made)
    make_folder(call.state.folder)
    write_atomic(call.state.auto_log, mark, durable=False)
    call.append([CommitRun(commit, project, run)], f"commit {commit[:10]} was logged as run {run}")
    return run


def _declared(call: Call, commit: str, patterns: Iterable[str]) -> list[_Found]:
    """Return the files that fit, sorted by path: those of the commit, then those that git has not."""
    found: dict[str, _Found] = {}
    for pattern in patterns:
        if "*" in pattern or "?" in pattern or "[" in pattern:
            names = _in_commit(call, commit, pattern) or _in_folder(call.git.worktree, pattern)
        else:
            names = {pattern: None, **_in_commit(call, commit, pattern)}
        for name, blob in names.items():
            data = _read(call, name, blob)
            if data is not None:
                found[name] = _Found(name, data)
    return [found[name] for name in sorted(found)]


def _in_commit(call: Call, commit: str, pattern: str) -> dict[str, str | None]:
    """Name and blob of the commit's files that fit a pattern."""
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    folder = fixed.rpartition("/")[0] if fixed != pattern else fixed
    scope = [folder] if folder else []
    listed = call.git.run("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit, "--", *scope)
    rules = compile_rules([f"/{pattern}"])
    names: dict[str, str | None] = {}
    for item in os.fsdecode(listed).split("\0"):
        about, _, name = item.partition("\t")
        if about.startswith("100") and rules is not None and rules.decide(name, is_dir=False):
            names[name] = about.split(" ")[2]
    return names


def _in_folder(worktree: Path, pattern: str) -> dict[str, str | None]:
    found = (path for path in worktree.glob(pattern) if path.is_file())
    return {path.relative_to(worktree).as_posix(): None for path in found}


def _read(call: Call, name: str, blob: str | None) -> bytes | None:
    if blob is not None:
        return next(iter(read_objects(call.git, [blob])))
    where = call.git.worktree / name
    try:
        if not where.resolve().is_relative_to(call.git.worktree.resolve()):
            call.say(f"auto_log leaves out {name}: it lies outside of the working tree")
            return None
        with where.open("rb") as stream:
            return stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, f"auto_log cannot read {name}") from error


def _config(call: Call, files: list[_Found]) -> dict[str, Any]:
    """Merge the files; what a second one says of a key that is taken goes below that file's name."""
    config: dict[str, Any] = {}
    for file in files:
        try:
            values = read_params(file.path, file.data)
        except FormatError as error:
            call.say(f"auto_log leaves out {error.message}")
            continue
        taken = config.keys() & values.keys()
        config.update({key: value for key, value in values.items() if key not in taken})
        if taken:
            config[file.path] = {key: values[key] for key in values if key in taken}
    return config


def _metrics(call: Call, files: list[_Found]) -> tuple[dict[str, Any], list[Row]]:
    """Merge the files: rows of one step become one row."""
    summary: dict[str, Any] = {}
    rows: dict[int, dict[str, Any]] = {}
    for file in files:
        try:
            values, more = read_metrics(file.path, file.data)
        except FormatError as error:
            call.say(f"auto_log leaves out {error.message}")
            continue
        summary.update(_prefixed(values, summary, file.path))
        for step, row in more:
            there = rows.setdefault(step, {})
            there.update(_prefixed(row, there, file.path))
    return summary, sorted(rows.items())


def _prefixed(values: Mapping[str, Any], taken: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Keep two files with the same keys apart: `a/metrics.json` and `b/metrics.json`."""
    stem = path.rpartition(".")[0]
    same = {key for key in values if key in taken and values[key] != taken[key]}
    return {f"{stem}/{key}" if key in same else key: value for key, value in values.items()}


def _artifacts(call: Call, declared: Iterable[AutoArtifact]) -> list[RunArtifact]:
    found = []
    for one in declared:
        where = call.git.worktree / one.path
        if not where.exists():
            continue
        if where.is_symlink() or not where.resolve().is_relative_to(call.git.worktree.resolve()):
            call.say(f"auto_log leaves out {one.path}: it is a link, or lies outside of the working tree")
            continue
        name = one.name or check_artifact_name(_NOT_IN_NAMES.sub("-", where.name).strip("-.") or "artifact")
        found.append(
            RunArtifact(where, name, one.type or ("model" if _MODEL.search(one.path) else "dataset"))
        )
    return found


def _mark(call: Call, settings: AutoLog, files: list[_Found], artifacts: list[RunArtifact]) -> str:
    """A digest of all that would be logged."""
    said = [repr(settings), *(f"{file.path} {digest_bytes(file.data)}" for file in files)]
    for one in artifacts:
        if one.path.is_dir():
            said.append(f"{one.name} {call.repo.add_tree(one.path).digest}")
        else:
            said.append(f"{one.name} {call.repo.add_file(one.path, name=one.path.name).digest}")
    return digest_bytes(json.dumps(said).encode())


def _last(call: Call) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return call.state.auto_log.read_text("ascii")
    return None
