"""aim's stores. Only aim reads its database, and writes to it when it opens it.

So a copy is made, and `aim_reader` reads that, in a process of the Python that has aim.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tracker.importers import aim_reader
from tracker.importers.found import (
    FoundArtifact,
    FoundItem,
    FoundRow,
    FoundRun,
    FoundSession,
    Notes,
    artifact_name,
    safe_name,
)
from tracker.importers.media_records import audio_record, image_record
from tracker.importers.mlflow_runs import local_folder
from tracker.importers.report import Report
from tracker.values.content import file_record
from tracker.values.image import Image
from tracker.values.objects import Plotly
from tracker.values.sink import MediaSink
from vcs.atomic import disk_error
from vcs.digest import digest_bytes
from vcs.errors import ConflictError, FormatError, NotFoundError, UsageError
from vcs.secrets import without_credentials

SOURCE = "aim"
_FOLDER = ".aim"
# What aim records of the machine, among the parameters.
_FACTS = "__system_params"
# Made anew by aim; what was copied of them may be older than the runs.
_NOT_COPIED = ("index", "locks", "progress", "check_ins")


@contextmanager
def read_by_aim(place: Path, python: str | None = None) -> Iterator[Path]:
    """Yield a folder with what aim read in a store; it is removed at the end.

    Needs as much room for temporary files as the store has, twice. `python` is the
    interpreter that has aim, if it is not this one.

    Raises:
        NotFoundError: The place is no store of aim.
        UsageError: That Python has no aim.
        ConflictError: The store changes while it is copied, or there is no room for the copy.
        FormatError: aim cannot open it.
        StoreError: The folder for temporary files cannot be written.
    """
    store = place / _FOLDER if (place / _FOLDER).is_dir() else place
    if not (store / "meta" / "chunks").is_dir():
        raise NotFoundError(f"no store of aim at {place}", hint="give the folder that holds .aim")
    with tempfile.TemporaryDirectory(prefix="tracker-aim-") as name:
        copy, out = Path(name, "copy"), Path(name, "read")
        try:
            shutil.copytree(store, copy / _FOLDER, ignore=shutil.ignore_patterns(*_NOT_COPIED))
            out.mkdir()
        except shutil.Error as error:
            # Of each file what went wrong: it vanished, or there is no room.
            reason = error.args[0][0][2]
            raise ConflictError(
                f"cannot copy {store}: {reason}", hint="run it again when nothing writes to it"
            ) from error
        except OSError as error:
            raise disk_error(error, f"cannot copy {store}") from error
        _read(python or sys.executable, copy, out)
        shutil.rmtree(copy)
        yield out


def _read(python: str, copy: Path, out: Path) -> None:
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"there is no program {python}")
    # Not as a file: its folder would be searched first, and has modules called like aim and others.
    script = Path(aim_reader.__file__).read_text(encoding="utf-8")
    words = [os.path.abspath(found), "-c", script, str(copy), str(out)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, cwd=out, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise UsageError(f"cannot start {python}: {error.strerror}") from error
    if done.returncode == aim_reader.AIM_IS_MISSING:
        raise UsageError(
            "only aim reads its stores, and it is not installed beside tracker",
            hint="pip install aim; or, if another Python has it: tracker import aim FOLDER --python PATH",
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise FormatError(f"aim cannot read the store: {last}")


def find_runs(read: Path, place: Path, project: str | None, report: Report) -> Iterator[FoundRun]:
    """Yield the runs that `read_by_aim` left in `read`, the oldest first; experiments are projects."""
    with open(read / "runs.jsonl", encoding="utf-8") as lines:
        runs = [(json.loads(line), line) for line in lines]
    for about, _ in runs:
        if "error" in about:
            report.remarks.append(f"run {about['id']} is left out: aim cannot read it: {about['error']}")
    whole = [run for run in runs if "error" not in run[0]]
    for about, line in sorted(whole, key=lambda run: (run[0]["created"], run[0]["id"])):
        yield _run_of(about, line, read, place, project)


def _run_of(about: dict[str, Any], line: str, read: Path, place: Path, project: str | None) -> FoundRun:
    params = dict(about["params"])
    machine = params.pop(_FACTS, None) or {}
    points = read / about["points"]
    is_open = about["ended"] is None
    session = FoundSession(
        started_s=about["created"],
        ended_s=about["ended"],
        state="crashed" if is_open else "finished",
        facts=_facts(machine),
        rows=partial(_rows, points, system=False),
        system=partial(_rows, points, system=True) if about["is_watched"] else None,
    )
    found = FoundRun(
        id=safe_name(about["id"]),
        project=project or safe_name(about["experiment"] or "default"),
        place=f"{place}#{about['id']}",
        stamp=digest_bytes(line.encode() + points.read_bytes())[:16],
        sessions=[session],
        # Of a run that nobody named.
        name="" if about["name"] == f"Run: {about['id']}" else about["name"] or "",
        notes=about["notes"] or "",
        tags=about["tags"],
        config=params,
        output=[f"{text}\n" for text in about["output"]],
        requirements="".join(f"{n}=={v}\n" for n, v in sorted((machine.get("packages") or {}).items())),
    )
    if about["archived"]:
        found.fields["archived"] = True
    if is_open:
        found.remarks.add("the source says no end: recorded as crashed until it does")
    if machine.get("env_variables"):
        found.remarks.add("the environment variables are left out: there may be secrets among them")
    for sentence in about["left_out"]:
        found.remarks.add(sentence)
    _add_artifacts(found, about["artifacts"], place)
    return found


def _facts(machine: Mapping[str, Any]) -> dict[str, Any]:
    git = machine.get("git_info") or {}
    facts = {
        "argv": machine.get("arguments"),
        "commit": (git.get("commit") or {}).get("hash"),
        "branch": git.get("branch"),
        "remote": without_credentials(git["remote_origin_url"]) if git.get("remote_origin_url") else None,
    }
    return {name: value for name, value in facts.items() if value}


def _add_artifacts(found: FoundRun, artifacts: list[dict[str, str]], place: Path) -> None:
    files = []
    for one in artifacts:
        path = local_folder(one["uri"], place)
        if path is None or not path.is_file():
            address = without_credentials(one["uri"])
            found.remarks.add(f"artifact {one['name']} is left out: not a file of this machine: {address}")
            continue
        files.append((one["name"], path))
    if files:
        found.logged.append(FoundArtifact(artifact_name(f"run-{found.id}-files"), "files", files=files))


# the history


def _rows(points: Path, sink: MediaSink, notes: Notes, *, system: bool) -> Iterator[FoundItem]:
    keys = _Keys()
    row: FoundRow | None = None
    with open(points, encoding="utf-8") as lines:
        for point in map(json.loads, lines):
            if point["name"].startswith(aim_reader.SYSTEM) != system:
                continue
            key, value = keys.of(point), _value(point, points.parent, sink, notes)
            if value is None:
                continue
            values = {key: value}
            if point["epoch"] is not None and not system:
                values.setdefault("epoch", point["epoch"])
            if row is not None and (row.step != point["step"] or not _fits(row.values, values)):
                yield row
                row = None
            if row is None:
                row = FoundRow(point["step"], point["time"], {})
            assert isinstance(row.values, dict)
            row.values.update(values)
    if row is not None:
        yield row


def _fits(before: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(name == "epoch" and before[name] == values[name] for name in before.keys() & values.keys())


class _Keys:
    """One key for each name and context of aim's: `loss` of the subset train is `train/loss`."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def of(self, point: Mapping[str, Any]) -> str:
        name = point["name"].removeprefix(aim_reader.SYSTEM)
        context = json.dumps(point["context"], sort_keys=True)
        if (name, context) not in self._keys:
            parts = [v if k == "subset" else f"{k}={v}" for k, v in sorted(point["context"].items())]
            key = "/".join([*map(str, parts), name])
            key = f"{name} {context}" if key in self._taken else key
            self._taken.add(key)
            self._keys[name, context] = key
        return self._keys[name, context]


def _value(point: Mapping[str, Any], folder: Path, sink: MediaSink, notes: Notes) -> Any:
    kind = point["kind"]
    if kind in ("number", "text"):
        return point["value"]
    if kind == "histogram":
        return {"_type": "histogram", "values": point["values"], "bins": point["bins"]}
    if kind == "list":
        items = [made for one in point["items"] if (made := _value(one, folder, sink, notes)) is not None]
        if items and point["items"][0]["kind"] == "image":
            return {"_type": Image.group_type, "count": len(items), "items": items}
        return items or None
    data = (folder / point["file"]).read_bytes()
    if kind == "audio":
        caption = {"caption": point["caption"]} if point["caption"] else {}
        return audio_record(data, sink) | caption
    if kind == "figure":
        return file_record(Plotly.record_type, sink.put_bytes(data, folder="plotly", suffix=".plotly.json"))
    try:
        return image_record(data, sink, point["caption"])
    except ValueError as error:
        notes.add(f"{point.get('name', 'a picture of several')} is left out: {error}")
        return None
