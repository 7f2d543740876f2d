"""Reads a store of aim with aim itself, and writes what it finds as lines of JSON.

`importers.aim` starts it with the Python that has aim, so it knows nothing of tracker.
Aim writes to a store when it opens it: what is given here is a copy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AIM_IS_MISSING = 3
# How names of system metrics begin.
SYSTEM = "__system__"
_NUMBERS = ("int", "float", "float64")
_LINE, _MESSAGE, _TEXT = "aim.log_line", "aim.log_record", "aim.text"


class Out:
    """The files that one run becomes: its points, and the bytes of its media."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.left_out: dict[str, int] = {}
        self._media = 0

    def skip(self, what: str, count: int = 1) -> None:
        """Remark that something is left out."""
        self.left_out[what] = self.left_out.get(what, 0) + count

    def keep(self, data: bytes) -> str:
        """Write bytes into a file of their own and return its name."""
        name = f"{self.name}-{self._media}"
        self._media += 1
        (self.folder / name).write_bytes(data)
        return name

    def write(self, points: list[dict[str, Any]]) -> str:
        """Write the points in the order of their times."""
        points.sort(key=lambda point: (point["time"], point["step"]))
        name = f"{self.name}.jsonl"
        with open(self.folder / name, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(point) + "\n" for point in points)
        return name


def read(store: Path, out: Path) -> None:
    """Write `runs.jsonl`, a line a run, and beside it the files that the lines name."""
    import aim
    import aimrocks.errors
    from aim.sdk.errors import RepoIntegrityError

    damages = (aimrocks.errors.RocksIOError, aimrocks.errors.Corruption, RepoIntegrityError, KeyError)
    repo = aim.Repo(str(store))
    active = set(repo.list_active_runs())
    with open(out / "runs.jsonl", "w", encoding="utf-8") as file:
        for key in sorted(repo.list_all_runs()):
            try:
                about = _run(aim.Run(key, repo=repo, read_only=True), Out(out, key))
            except damages as error:
                about = {"id": key, "error": f"{type(error).__name__}: {error}"}
            file.write(json.dumps({**about, "active": key in active}) + "\n")


def _run(run: Any, out: Out) -> dict[str, Any]:
    points: list[dict[str, Any]] = []
    lines: list[tuple[int, str]] = []
    for name, context, kind, sequence in _sequences(run):
        if kind in _NUMBERS:
            points += _numbers(run, name, context, whole=kind == "int")
            continue
        for step, (value, epoch, time) in sequence.data.items():
            if kind == _LINE:
                lines.append((step, str(value.data)))
                continue
            made = _objects(value, kind, out)
            if made is not None:
                points.append(_point(name, context, step, epoch, time) | made)
    params = _plain(run.meta_run_tree.get("attrs", {}), out)
    return {
        "id": run.hash,
        "name": run.name,
        "experiment": run.experiment,
        "notes": run.description,
        "tags": list(run.tags),
        "archived": bool(run.archived),
        "created": run.creation_time,
        "ended": run.end_time,
        "params": params,
        "artifacts": [{"name": one.name, "uri": one.uri} for one in run.artifacts.values()],
        "points": out.write(points),
        "is_watched": any(point["name"].startswith(SYSTEM) for point in points),
        "output": [text for _, text in sorted(lines)],
        "left_out": [text if n == 1 else f"{text} ({n} times)" for text, n in out.left_out.items()],
    }


def _sequences(run: Any) -> Iterator[tuple[str, dict[str, Any], str, Any]]:
    from aim.sdk.sequence import Sequence

    for number, names in sorted(run.meta_run_tree.get("traces", {}).items()):
        context = run.idx_to_ctx(number)
        for name, about in sorted(names.items()):
            yield name, context.to_dict(), about.get("dtype", "float"), Sequence(name, context, run)


def _numbers(run: Any, name: str, context: dict[str, Any], *, whole: bool) -> Iterator[dict[str, Any]]:
    from aim.storage.context import Context

    metric = run.get_metric(name, Context(context))
    if metric is None:
        return
    steps, (values, epochs, times) = metric.data.items_list()
    for step, value, epoch, time in zip(steps, values, epochs, times, strict=True):
        made = int(value) if whole and value == int(value) else value
        yield _point(name, context, step, epoch, time) | {"kind": "number", "value": made}


def _point(name: str, context: dict[str, Any], step: Any, epoch: Any, time: Any) -> dict[str, Any]:
    known = epoch is not None and epoch == epoch
    return {
        "name": name,
        "context": context,
        "step": int(step),
        "time": float(time),
        "epoch": int(epoch) if known else None,
    }


def _objects(value: Any, kind: str, out: Out) -> dict[str, Any] | None:
    """Return what stands for an object, or for several of one step."""
    if not isinstance(value, list):
        return _object(value, kind, out)
    kind = kind.removeprefix("list(").removesuffix(")")
    items = [made for one in value if (made := _object(one, kind, out)) is not None]
    return {"kind": "list", "items": items} if items else None


def _object(value: Any, kind: str, out: Out) -> dict[str, Any] | None:
    if kind == _TEXT:
        return {"kind": "text", "value": str(value.data)}
    if kind == "aim.image":
        data = out.keep(bytes(value.storage["data"]))
        return {"kind": "image", "file": data, "caption": value.caption or None}
    if kind == "aim.audio":
        caption = value.json()["caption"] or None
        return {"kind": "audio", "file": out.keep(value.get().getvalue()), "caption": caption}
    if kind == "aim.figure":
        data = value.data
        return {"kind": "figure", "file": out.keep(data.encode() if isinstance(data, str) else bytes(data))}
    if kind == "aim.distribution":
        counts, edges = value.to_np_histogram()
        return {"kind": "histogram", "values": counts.tolist(), "bins": edges.tolist()}
    out.skip("messages of the run are left out" if kind == _MESSAGE else f"values of the kind {kind}")
    return None


def _plain(value: Any, out: Out) -> Any:
    """Return a parameter as JSON can say it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item, out) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, out) for item in value]
    out.skip(f"a parameter of the kind {type(value).__name__}")
    return None


def main() -> int:
    """Read the store of the first argument into the folder of the second."""
    try:
        import aim  # noqa: F401
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return AIM_IS_MISSING
    read(Path(sys.argv[1]), Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
