"""Files that the real tools wrote, imported and compared value by value."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.frameworks.environments import NotInstallable, environment
from tracker.read.api import Api

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]

WRITERS = Path(__file__).with_name("writers")
_NO_REPORTS = {"MLFLOW_DISABLE_TELEMETRY": "true", "DVC_NO_ANALYTICS": "1", "WANDB_ERROR_REPORTING": "false"}

Write = Callable[..., str]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Where the tools write: outside of the project that imports."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def write(source: Path) -> Write:
    """Run a writer in the environment of its tool; return the last line that it prints."""

    def call(name: str, *arguments: str, status: int = 0) -> str:
        try:
            python = environment(name) / "bin" / "python"
        except NotInstallable as error:
            pytest.skip(f"{name} cannot be installed: {error}")
        done = subprocess.run(
            [str(python), str(WRITERS / f"write_{name}.py"), *arguments],
            cwd=source,
            env={**os.environ, **_NO_REPORTS, "MLFLOW_ALLOW_FILE_STORE": "true"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stderr[-2000:]
        return done.stdout.strip().rpartition("\n")[2]

    return call


@pytest.fixture
def take(git_repo: Path) -> Callable[..., Any]:
    """Import, in a process as a user does; return the report."""

    def call(*words: str) -> Any:
        command = [sys.executable, "-m", "tracker.cli.main", "import", *words, "--json"]
        done = subprocess.run(command, cwd=git_repo, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def column(run: Any, key: str) -> list[tuple[int, float, Any]]:
    """Return step, time and value of every row that has a key."""
    rows = run.history(pandas=False)
    return [(row["_step"], row["_timestamp"], row[key]) for row in rows if key in row]


def same(found: list[tuple[int, float, Any]], expected: list[Any]) -> bool:
    """Whether steps and values are equal; NaN equals NaN."""
    return [(step, repr(value)) for step, _, value in found] == [(p[0], repr(float(p[2]))) for p in expected]


def test_tensorboard(write: Write, take: Any, source: Path, git_repo: Path) -> None:
    expected = json.loads(write("tensorboard", str(source / "logs")))
    assert take("tensorboard", str(source / "logs"))["new"] == 1
    (run,) = Api(root=git_repo).runs()

    for tag, points in expected["scalars"].items():
        found = column(run, tag)
        assert same(found, points), tag
        assert all(abs(time_s - point[1]) < 0.05 for (_, time_s, _), point in zip(found, points, strict=True))
    ((_, _, weights),) = column(run, "weights")
    assert ([n for n in weights["values"] if n], sum(weights["values"])) == (
        expected["counts"],
        expected["total"],
    )
    ((_, _, picture),) = column(run, "picture")
    assert Path(run.dir, picture["path"]).read_bytes().hex() == expected["picture"]
    assert [value for _, _, value in column(run, "note/text_summary") or column(run, "note")] == ["hello"]
    assert take("tensorboard", str(source / "logs"))["unchanged"] == 1


@pytest.mark.parametrize("place", ["mlruns", "mlflow.db"])
def test_mlflow(write: Write, take: Any, source: Path, git_repo: Path, place: str) -> None:
    store = source / place
    expected = json.loads(write("mlflow", f"sqlite:///{store}" if place.endswith(".db") else f"file:{store}"))
    report = take("mlflow", str(store))
    assert (report["new"], report["refused"]) == (3, 0)

    for run in Api(root=git_repo).runs("digits"):
        wanted = expected.pop(run.id)
        assert (run.name, run.record.sessions[0].started) == (wanted["name"], iso(wanted["start"]))
        assert run.state == {"FINISHED": "finished", "FAILED": "failed"}[wanted["status"]]
        assert {key: str(value) for key, value in run.config.items()} == wanted["params"]
        for key, points in wanted["metrics"].items():
            # Its databases have no infinities, and its client gives the largest number back.
            exact = [
                (step, at, math.copysign(math.inf, v) if abs(v) > 1e308 else v) for step, at, v in points
            ]
            assert same(column(run, key), exact), key
        if run.state == "finished":
            assert (run.notes, run.tags) == ("about it", ["team=vision"])
            files = {a.type: sorted(a.manifest.entries) for a in run.logged_artifacts()}
            assert files == {"model": ["MLmodel", "weights.bin"], "files": ["deep/note.txt"]}
    assert expected == {}
    assert take("mlflow", str(store))["unchanged"] == 3


def iso(milliseconds: int) -> str:
    from vcs.clock import iso_time

    return iso_time(milliseconds / 1000)


def test_wandb(write: Write, take: Any, source: Path, git_repo: Path) -> None:
    expected = json.loads(write("wandb", "whole"))
    report = take("wandb", str(source))
    assert (report["new"], report["refused"]) == (1, 0)
    (run,) = Api(root=git_repo).runs()

    about = (run.id, run.project, run.name, run.group, run.job_type, run.notes, run.tags)
    assert about == ("abcd1234", "proj", "calm", "g", "t", "notes", ["x", "y"])
    assert run.config == expected["config"]
    rows = run.history(pandas=False)
    own = ("_timestamp", "_runtime", "_step")
    assert [{k: v for k, v in row.items() if k not in own} for row in rows[:50]] == expected["rows"]
    assert [row["_step"] for row in rows] == [*range(53), 100]
    assert math.isnan(rows[50]["odd"])
    assert rows[50]["big"] == math.inf
    assert [session.state for session in run.record.sessions] == ["finished", "failed"]
    assert (run.summary["best"], run.summary["text"], run.summary["nest"]) == (0.5, "t49", {"deep": 49})
    picture, table = rows[51]["picture"], rows[51]["table"]
    assert (picture["caption"], picture["width"], len(rows[51]["several"]["items"])) == ("cap", 4, 2)
    for item in (picture, *rows[51]["several"]["items"]):
        assert Path(run.dir, item["path"]).read_bytes().startswith(b"\x89PNG")
    data = json.loads(Path(run.dir, table["path"]).read_text())
    assert (data["columns"], data["data"]) == (["a", "b"], [[1, "x"], [2, "y"]])
    assert sum(rows[52]["histogram"]["values"]) == 100
    model = next(a for a in run.logged_artifacts() if a.type == "model")
    assert (model.metadata, model.description, model.aliases) == ({"k": 1}, "about it", ["best", "latest"])
    assert Path(model.download(str(git_repo / "got")), "weights.bin").read_text() == "weights"
    assert "a printed line" in Path(run.dir, "output.log").read_text()
    assert Path(run.dir, "files", "kept.txt").read_text() == "kept"
    assert run.record.sessions[0].python.startswith("3.")
    assert take("wandb", str(source))["unchanged"] == 1


def test_a_run_of_wandb_that_was_killed(write: Write, take: Any, source: Path, git_repo: Path) -> None:
    write("wandb", "killed", status=-9)
    assert take("wandb", str(source))["new"] == 1
    (run,) = Api(root=git_repo).runs()

    losses = [row["loss"] for row in run.history(pandas=False)]
    assert run.state == "crashed"
    assert len(losses) > 100
    assert losses == [step / 7 for step in range(len(losses))]


def test_trackio(write: Write, take: Any, source: Path, git_repo: Path) -> None:
    write("trackio", str(source / "store"))
    assert take("trackio", str(source / "store"))["new"] == 1
    (run,) = Api(root=git_repo).runs()

    assert (run.name, run.project, run.group, run.config) == (
        "calm",
        "proj",
        "g",
        {"lr": 0.1, "layers": [1, 2]},
    )
    assert [value for _, _, value in column(run, "loss")] == [1 / (step + 3) for step in range(40)]
    assert [value for _, _, value in column(run, "nest.deep")] == list(range(40))
    assert math.isnan(column(run, "odd")[0][2])
    assert column(run, "big")[0][2] == math.inf
    assert column(run, "picture")[0][2]["caption"] == "cap"
    (model,) = run.logged_artifacts()
    assert (model.type, model.metadata, model.aliases) == ("model", {"k": 1}, ["best", "latest"])
    assert Path(model.download(str(git_repo / "got")), "weights.bin").read_text() == "weights"
    assert take("trackio", str(source / "store"))["unchanged"] == 1


def test_aim(write: Write, take: Any, source: Path, git_repo: Path) -> None:
    store = source / "store"
    expected = json.loads(write("aim", str(store), status=-9))
    python = str(environment("aim") / "bin" / "python")
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    report = take("aim", str(store), "--python", python)
    assert (report["new"], report["refused"]) == (2, 0)

    calm, torn = (Api(root=git_repo).run(f"digits/{key}") for key in expected["ids"])
    assert (calm.name, calm.state, calm.notes, calm.tags) == ("calm", "finished", "about it", ["vision"])
    assert calm.config == {
        "hparams": {"lr": 0.1, "layers": [1, 2], "nest": {"deep": True, "none": None}},
        "seed": 3,
    }
    assert [value for _, _, value in column(calm, "train/loss")] == [1 / (step + 3) for step in range(40)]
    assert [value for _, _, value in column(calm, "val/loss")] == [step * 2 for step in range(40)]
    assert [value for _, _, value in column(calm, "head=1/val/loss")] == [step / 7 for step in range(40)]
    assert [step for step, _, _ in column(calm, "epoch")] == list(range(40))
    assert [value for _, _, value in column(calm, "epoch")] == [step // 10 for step in range(40)]
    assert [repr(value) for _, _, value in column(calm, "odd")] == ["nan", "inf"]
    (((_, _, picture),), ((step, _, several),)) = column(calm, "picture"), column(calm, "several")
    assert (picture["caption"], picture["width"], picture["height"]) == ("cap", 5, 4)
    assert (step, [item["caption"] for item in several["items"]]) == (2, ["a", "b"])
    assert Path(calm.dir, picture["path"]).read_bytes().startswith(b"\x89PNG")
    ((_, _, weights),) = column(calm, "weights")
    assert (weights["values"], weights["bins"]) == (expected["counts"], expected["edges"])
    assert column(calm, "text")[0][2] == "hello"
    assert Path(calm.dir, column(calm, "sound")[0][2]["path"]).read_bytes().startswith(b"RIFF")
    assert "a printed line" in Path(calm.dir, "output.log").read_text()
    assert calm.history(stream="system", pandas=False)[0]["memory_percent"] > 0
    (kept,) = calm.logged_artifacts()
    assert Path(kept.download(str(git_repo / "got")), "weights.bin").read_text() == "weights"

    assert (torn.state, [value for _, _, value in column(torn, "loss")]) == ("crashed", [0.5])
    assert take("aim", str(store), "--python", python)["unchanged"] == 2
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_dvc(take: Any, git_repo: Path) -> None:
    try:
        dvc = environment("dvc") / "bin" / "dvc"
    except NotInstallable as error:
        pytest.skip(f"dvc cannot be installed: {error}")

    def run(*words: str) -> None:
        surroundings = {**os.environ, **_NO_REPORTS, "PATH": f"{dvc.parent}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run([str(dvc), *words], cwd=git_repo, env=surroundings, check=True, capture_output=True)
        git(git_repo, "add", "-A")
        git(git_repo, "commit", "-q", "-m", words[0])

    run("init", "-q")
    data = git_repo / "data"
    (data / "deep").mkdir(parents=True)
    (data / "a.txt").write_text("a\r\n")
    (data / "deep" / "big.bin").write_bytes(bytes(range(256)) * 2000)
    run("add", "-q", "data")
    (data / "a.txt").write_text("changed")
    run("add", "-q", "data")
    (git_repo / "dvc.yaml").write_text(
        "stages:\n  copy:\n    cmd: cp train.py out.py\n    deps: [train.py]\n    outs: [out.py]\n"
    )
    run("repro", "-q")
    report = take("dvc", ".", "-p", "p")
    assert (report["new"], report["refused"]) == (3, 0)

    api = Api(root=git_repo)
    for version, text in (("v0", "a\r\n"), ("v1", "changed")):
        folder = Path(api.artifact(f"p/data:{version}").download(str(git_repo / "got" / version)))
        assert (folder / "a.txt").read_bytes().decode() == text
        assert (folder / "deep" / "big.bin").read_bytes() == bytes(range(256)) * 2000
    assert api.artifact("p/out.py:v0").metadata["stage"] == "copy"
    shared = [p for p in (git_repo / ".dvc" / "cache").rglob("*") if p.is_file() and p.stat().st_nlink == 2]
    assert [path.stat().st_size for path in shared] == [256 * 2000]
    assert take("dvc", ".", "-p", "p")["unchanged"] == 3
