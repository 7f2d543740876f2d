"""Runs as a file store of MLflow: a folder `mlruns` with an experiment for each project.

Numbers of the history become metrics, the configuration parameters, versions and media
artifacts. Newer MLflow reads such a folder with MLFLOW_ALLOW_FILE_STORE=true.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tracker.exports.media import flat_config, is_number
from tracker.exports.places import LeftOut
from tracker.read.fields import to_time
from tracker.read.run_view import RunView
from tracker.storage.history import read_rows
from vcs.atomic import disk_error, make_folder, write_atomic
from vcs.digest import digest_bytes
from vcs.errors import Error
from vcs.repo import Repo
from vcs.yaml_io import dump_yaml

_STATUS = {"running": 1, "finished": 3, "failed": 4}
_KILLED = 5
_OWN = ("_step", "_timestamp", "_runtime")
_HEX = frozenset("0123456789abcdef")


def write_mlflow(runs: Iterable[RunView], target: Path, repo: Repo, left_out: LeftOut) -> list[Path]:
    """Write each run into the store at `target`; return the folders of the runs.

    A run that an earlier export wrote is written anew; other runs are left alone. Each
    appears by a rename, whole.

    Raises:
        FormatError, StoreError: A history cannot be read, or the disk refused.
    """
    return [_write_run(run, target, repo, left_out) for run in runs]


def run_id_of(run: RunView) -> str:
    """Return the id that MLflow has for a run: 32 hexadecimal digits; its own, if it came from there."""
    if len(run.id) == 32 and set(run.id) <= _HEX:
        return run.id
    return digest_bytes(f"{run.project}/{run.id}".encode())[:32]


def _experiment(target: Path, project: str) -> tuple[Path, str]:
    """Return the folder and the id of a project's experiment, made if it is not there."""
    experiment = str(int(digest_bytes(project.encode())[:14], 16))
    folder = target / experiment
    if not (folder / "meta.yaml").exists():
        about = {
            "artifact_location": folder.resolve().as_uri(),
            "experiment_id": experiment,
            "lifecycle_stage": "active",
            "name": project,
        }
        write_atomic(folder / "meta.yaml", dump_yaml(about), durable=False)
    return folder, experiment


def _write_run(run: RunView, target: Path, repo: Repo, left_out: LeftOut) -> Path:
    folder, experiment = _experiment(target, run.project)
    run_id = run_id_of(run)
    final = folder / run_id
    # Not a hexadecimal name: MLflow does not take it for a run.
    building = folder / f".{run_id}.{os.getpid()}"
    try:
        make_folder(building / "artifacts")
        for name, text in _texts(run, run_id, experiment, final, left_out).items():
            make_folder((building / name).parent)
            (building / name).write_text(text, encoding="utf-8")
        _write_versions(run, building / "artifacts", repo, left_out)
        if run.layout.media.is_dir():
            shutil.copytree(run.layout.media, building / "artifacts" / "media")
        if final.exists():
            shutil.rmtree(final)
        os.rename(building, final)
    except OSError as error:
        raise disk_error(error, f"cannot write {final}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return final


def _texts(run: RunView, run_id: str, experiment: str, final: Path, left_out: LeftOut) -> dict[str, str]:
    """Return the small files of a run by their names."""
    session = run.record.last_session
    meta: dict[str, Any] = {
        "artifact_uri": (final / "artifacts").absolute().as_uri(),
        "end_time": _ms(session.ended if session is not None else None),
        "entry_point_name": "",
        "experiment_id": experiment,
        "lifecycle_stage": "active",
        "run_id": run_id,
        "run_name": run.name,
        "run_uuid": run_id,
        "source_name": "",
        "source_type": 4,
        "source_version": "",
        "start_time": _ms(run.created_at),
        "status": _STATUS.get(run.state, _KILLED),
        "tags": [],
        "user_id": run.user,
    }
    tags = {"mlflow.runName": run.name, "mlflow.user": run.user, "mlflow.note.content": run.notes}
    tags |= {"mlflow.source.git.commit": run.commit or "", "tracker.run": f"{run.project}/{run.id}"}
    tags |= {key: value for tag in run.tags for key, _, value in [tag.partition("=")]}
    files = {"meta.yaml": dump_yaml(meta)}
    tags = {key: value for key, value in tags.items() if value or key in run.tags}
    params = dict(flat_config(run.config))
    files |= {f"tags/{name}": str(tags[key]) for key, name in _file_names(tags).items()}
    files |= {f"params/{name}": str(params[key]) for key, name in _file_names(params).items()}
    for which, prefix in (("history", ""), ("system", "system/")):
        found = _metrics(run, which, left_out)
        for key, name in _file_names(found).items():
            files[f"metrics/{prefix}{name}"] = "".join(found[key])
    return files


def _metrics(run: RunView, which: Any, left_out: LeftOut) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in read_rows(run.layout, which=which):
        ms = round(row["_timestamp"] * 1000)
        for key, value in row.items():
            if key in _OWN:
                continue
            if is_number(value):
                found.setdefault(key, []).append(f"{ms} {float(value)!r} {row['_step']}\n")
            elif value is not None and not (isinstance(value, dict) and "path" in value):
                left_out.add(f"{key}: no number")
    return found


def _write_versions(run: RunView, target: Path, repo: Repo, left_out: LeftOut) -> None:
    for line in run.record.logged:
        name = line.artifact.rpartition("/")[2]
        try:
            manifest = repo.resolve(f"{name}@{line.digest}", project=line.artifact.partition("/")[0])
            repo.checkout(manifest, target / name)
        except Error as error:
            left_out.add(f"{line.artifact}:{line.version}: {error.message}")


def _file_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the file of each key; one that would be a folder of others and a file gets dots."""
    names = {key: _key(key) for key in keys}
    for name in set(names.values()):
        below = f"{name}/"
        if any(other.startswith(below) for other in names.values()):
            names = {k: n.replace("/", ".") if n.startswith(below) else n for k, n in names.items()}
    return names


def _key(key: str) -> str:
    """Return a key as MLflow lets it be: letters, digits, `_-. :/`, and no path that leaves its folder."""
    made = "".join(ch if ch.isalnum() or ch in "_-. :/" else "_" for ch in key)
    parts = [part for part in made.split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "_"


def _ms(time: str | None) -> int | None:
    moment = to_time(time)
    return None if moment is None else round(moment.timestamp() * 1000)
