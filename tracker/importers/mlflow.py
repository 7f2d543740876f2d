"""MLflow's stores: the folder `mlruns`, and the database `mlflow.db`. Read without MLflow."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tracker.importers.found import FoundRun, stamp_of
from tracker.importers.mlflow_runs import (
    STATUS_NAMES,
    MlflowModel,
    MlflowRun,
    Point,
    local_folder,
    restored,
    to_found,
)
from tracker.importers.report import Report
from tracker.importers.sqlite_source import Database, is_database, open_database
from vcs.digest import digest_bytes
from vcs.errors import FormatError, NotFoundError
from vcs.yaml_io import load_yaml

_DATABASE = "mlflow.db"


def find_runs(place: Path, project: str | None, report: Report) -> Iterator[FoundRun]:
    """Yield the runs of a store, the oldest first; each experiment is a project unless one is given.

    Raises:
        NotFoundError: The place is no store of MLflow.
        FormatError: The database is damaged.
    """
    if is_database(place):
        runs = _from_database(place, report)
    elif is_database(place / _DATABASE):
        runs = _from_database(place / _DATABASE, report)
    else:
        runs = _from_folder(place / "mlruns" if (place / "mlruns").is_dir() else place, report)
    for run in sorted(runs, key=lambda run: run.start_ms):
        yield to_found(run, project)


# the file store


def _from_folder(root: Path, report: Report) -> list[MlflowRun]:
    experiments = [folder for folder in sorted(root.iterdir()) if (folder / "meta.yaml").is_file()]
    if not experiments:
        raise NotFoundError(
            f"{root} is no store of MLflow", hint="give the folder mlruns, or the file mlflow.db"
        )
    runs = []
    registry = _registry_in(root)
    for experiment in experiments:
        about = _read(experiment / "meta.yaml", report)
        logged = _logged_models_in(experiment, report)
        for folder in sorted(path for path in experiment.iterdir() if (path / "metrics").is_dir()):
            meta = _read(folder / "meta.yaml", report)
            if not meta:
                continue
            if meta.get("lifecycle_stage") == "deleted":
                report.remarks.append(f"run {folder.name} is deleted in the source and left out")
                continue
            try:
                found = _run_in(folder, meta, str(about.get("name", experiment.name)))
            except (ValueError, TypeError) as error:
                report.remarks.append(f"left out: {folder}: {getattr(error, 'message', error)}")
                continue
            runs.append(found)
            runs[-1].models = [*logged[folder.name], *registry[folder.name]]
    return runs


def _run_in(folder: Path, meta: dict[str, Any], experiment: str) -> MlflowRun:
    files = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    status = meta.get("status", "RUNNING")
    beside = folder / "artifacts"
    uri = str(meta.get("artifact_uri", ""))
    return MlflowRun(
        id=folder.name,
        experiment=experiment,
        place=str(folder),
        stamp=stamp_of(files),
        name=str(meta.get("run_name") or ""),
        user=str(meta.get("user_id") or ""),
        status=STATUS_NAMES.get(status, str(status)),
        start_ms=int(meta.get("start_time") or 0),
        end_ms=None if meta.get("end_time") is None else int(meta["end_time"]),
        params=_texts_in(folder / "params"),
        tags=_texts_in(folder / "tags"),
        points=partial(_points_in, folder / "metrics"),
        # A store that was moved still names its old place.
        artifacts=beside if beside.is_dir() else local_folder(uri, folder),
        artifact_uri=uri,
        datasets=[
            {key: about[key] for key in ("name", "digest", "source_type", "source") if key in about}
            for path in sorted((folder.parent / "datasets").glob("*/meta.yaml"))
            if (about := load_yaml(path, "dataset")) and _uses(folder / "inputs", path.parent.name)
        ],
    )


def _uses(inputs: Path, dataset: str) -> bool:
    return any(
        load_yaml(path, "input").get("source_id") == dataset for path in sorted(inputs.glob("*/meta.yaml"))
    )


def _points_in(folder: Path) -> list[Point]:
    points = []
    for path in _files_below(folder):
        key = path.relative_to(folder).as_posix()
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split(" ")
            # Older versions wrote no step.
            step = int(words[2]) if len(words) > 2 else 0
            points.append(Point(int(words[0]), step, key, float(words[1])))
    return sorted(points)


def _texts_in(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in _files_below(folder)
    }


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _read(path: Path, report: Report) -> dict[str, Any]:
    try:
        content = load_yaml(path, "meta.yaml")
    except (FormatError, NotFoundError) as error:
        report.remarks.append(f"left out: {error.message}")
        return {}
    return content if isinstance(content, dict) else {}


def _logged_models_in(experiment: Path, report: Report) -> defaultdict[str, list[MlflowModel]]:
    found: defaultdict[str, list[MlflowModel]] = defaultdict(list)
    for path in sorted((experiment / "models").glob("*/meta.yaml")):
        about = _read(path, report)
        if about.get("source_run_id"):
            model = MlflowModel(str(about.get("name", path.parent.name)), path.parent / "artifacts")
            found[str(about["source_run_id"])].append(model)
    return found


def _registry_in(root: Path) -> defaultdict[str, list[MlflowModel]]:
    """Return the versions of registered models by the run that made them."""
    found: defaultdict[str, list[MlflowModel]] = defaultdict(list)
    for model in sorted((root / "models").glob("*")):
        aliases: dict[str, list[str]] = {}
        for path in sorted((model / "aliases").glob("*")):
            aliases.setdefault(path.read_text(encoding="utf-8").strip(), []).append(path.name)
        for path in sorted(model.glob("version-*/meta.yaml")):
            about = load_yaml(path, "model version")
            number = str(about.get("version", ""))
            source = str(about.get("storage_location") or about.get("source") or "")
            found[str(about.get("run_id") or "")].append(
                MlflowModel(
                    model.name,
                    local_folder(source, root),
                    [f"version-{number}", *aliases.get(number, [])],
                    str(about.get("description") or "") or None,
                )
            )
    return found


# the database


def _from_database(path: Path, report: Report) -> list[MlflowRun]:
    with open_database(path) as database:
        if not database.has("experiments") or not database.has("runs"):
            raise NotFoundError(f"{path} is no database of MLflow")
        experiments = {row["experiment_id"]: row["name"] for row in database.rows("experiments")}
        models = _models_of(database, path.parent)
        runs = []
        for row in database.rows("runs", "order by start_time"):
            if row["lifecycle_stage"] == "deleted":
                report.remarks.append(f"run {row['run_uuid']} is deleted in the source and left out")
                continue
            experiment = str(experiments.get(row["experiment_id"], row["experiment_id"]))
            runs.append(_run_of(database, path, row, experiment))
            runs[-1].models = models[row["run_uuid"]]
        if traces := database.count("trace_info"):
            report.remarks.append(f"traces are left out ({traces})")
    return runs


def _run_of(database: Database, path: Path, row: dict[str, Any], experiment: str) -> MlflowRun:
    run_id, where = row["run_uuid"], "where run_uuid = ?"
    params = {r["key"]: r["value"] for r in database.rows("params", where, run_id)}
    tags = {r["key"]: r["value"] for r in database.rows("tags", where, run_id)}
    newest = database.rows("metrics", f"{where} order by timestamp desc, rowid desc limit 1", run_id)
    count = database.count("metrics", where, run_id)
    facts = repr((row, sorted(params.items()), sorted(tags.items()), newest, count))
    return MlflowRun(
        id=run_id,
        experiment=experiment,
        place=f"{path}#{run_id}",
        stamp=digest_bytes(facts.encode())[:16],
        name=row.get("name") or "",
        user=row.get("user_id") or "",
        status=str(row["status"]),
        start_ms=int(row["start_time"] or 0),
        end_ms=row["end_time"],
        params=params,
        tags=tags,
        points=_points_of(path, run_id),
        artifacts=local_folder(row["artifact_uri"] or "", path.parent),
        artifact_uri=row["artifact_uri"] or "",
        datasets=_datasets_of(database, run_id),
    )


def _points_of(path: Path, run_id: str) -> Callable[[], Iterable[Point]]:
    def read() -> Iterator[Point]:
        order = "where run_uuid = ? order by timestamp, step, rowid"
        with open_database(path) as database:
            for row in database.scan("metrics", order, run_id):
                value = restored(row["value"], is_nan=bool(row["is_nan"]))
                yield Point(row["timestamp"], row["step"], row["key"], value)

    return read


def _datasets_of(database: Database, run_id: str) -> list[dict[str, Any]]:
    rest = "where destination_type = 'RUN' and destination_id = ? and source_type = 'DATASET'"
    used = {row["source_id"] for row in database.rows("inputs", rest, run_id)}
    return [
        {"name": row["name"], "digest": row["digest"], "source_type": row["dataset_source_type"]}
        for row in database.rows("datasets")
        if row["dataset_uuid"] in used
    ]


def _models_of(database: Database, base: Path) -> defaultdict[str, list[MlflowModel]]:
    found: defaultdict[str, list[MlflowModel]] = defaultdict(list)
    for row in database.rows("logged_models"):
        if row.get("source_run_id"):
            folder = local_folder(row["artifact_location"], base)
            found[row["source_run_id"]].append(MlflowModel(row["name"], folder))
    aliases: dict[tuple[str, int], list[str]] = {}
    for row in database.rows("registered_model_aliases"):
        aliases.setdefault((row["name"], row["version"]), []).append(row["alias"])
    for row in database.rows("model_versions"):
        if row.get("run_id"):
            location = row.get("storage_location") or row.get("source") or ""
            found[row["run_id"]].append(
                MlflowModel(
                    row["name"],
                    local_folder(location, base),
                    [f"version-{row['version']}", *aliases.get((row["name"], row["version"]), [])],
                    row.get("description"),
                )
            )
    return found
