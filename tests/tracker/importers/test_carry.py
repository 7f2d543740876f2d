"""The promises of every import: nothing twice, nothing lost, nothing half, nothing of the source changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker
from tests.conftest import git
from tests.tracker.importers.sources import (
    event,
    event_file,
    mlflow_folder,
    scalar,
    wandb_exit,
    wandb_log,
    wandb_row,
    wandb_run,
)
from tests.tracker.importers.test_sources import only_run, rows_of
from tracker import Api
from tracker.storage.journal import Header, SegmentEncoder
from tracker.wire.protobuf import bytes_field


def losses(*values: float, start: int = 0) -> list[bytes]:
    """Events with a loss each."""
    return [event(100.0 + start + n, start + n, scalar("loss", value)) for n, value in enumerate(values)]


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Everything that a source is."""
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_a_second_import_changes_nothing_and_a_grown_source_adds_what_is_new(
    tracker: Tracker, tmp_path: Path, git_repo: Path
) -> None:
    logs = tmp_path / "logs"
    event_file(logs, *losses(1.0, 0.5))
    assert tracker("import", "tensorboard", str(logs), "--json").json["new"] == 1
    before = snapshot(git_repo / ".tracker" / "runs")

    assert tracker("import", "tensorboard", str(logs), "--json").json["unchanged"] == 1
    assert snapshot(git_repo / ".tracker" / "runs") == before

    run = only_run()
    run.tags = ["mine"]
    run.name = "renamed"
    run.summary["note"] = "by hand"
    run.update()
    event_file(logs, *losses(1.0, 0.5, 0.25))
    said = tracker("import", "tensorboard", str(logs), "--json").json

    assert (said["grown"], said["runs"][0]["rows"]) == (1, 3)
    run = only_run()
    assert [row["loss"] for row in rows_of(run)] == [1.0, 0.5, 0.25]
    assert (run.name, run.tags, run.summary["note"], run.summary["loss"]) == (
        "renamed",
        ["mine"],
        "by hand",
        0.25,
    )
    assert (
        git(git_repo, "log", "--format=%s", "refs/tracker/ledger").splitlines()[0]
        == "1 run imported from tensorboard"
    )


def test_a_source_that_shrank_takes_nothing_away(tracker: Tracker, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    event_file(logs, *losses(1.0, 0.5, 0.25))
    tracker("import", "tensorboard", str(logs))
    event_file(logs, *losses(1.0))
    said = tracker("import", "tensorboard", str(logs))

    assert "1 refused" in said.err
    assert len(rows_of(only_run())) == 3


def test_the_source_is_read_only(tracker: Tracker, tmp_path: Path) -> None:
    store = tmp_path / "mlruns"
    mlflow_folder(store)
    before = snapshot(store)
    tracker("import", "mlflow", str(store))

    assert snapshot(store) == before


def test_a_dry_run_says_the_same_and_writes_nothing(tracker: Tracker, tmp_path: Path, git_repo: Path) -> None:
    mlflow_folder(tmp_path / "mlruns")
    tried = tracker("import", "mlflow", str(tmp_path / "mlruns"), "--dry-run", "--json").json
    assert not (git_repo / ".tracker" / "runs").exists()

    done = tracker("import", "mlflow", str(tmp_path / "mlruns"), "--json").json
    assert [(r["id"], r["rows"]) for r in tried["runs"]] == [(r["id"], r["rows"]) for r in done["runs"]]


def test_what_runs_say_of_their_source_is_kept(tracker: Tracker, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    event_file(logs, *losses(1.0))
    tracker("import", "tensorboard", str(logs))

    imported = only_run().record.extra["imported"]
    assert (imported["from"], imported["place"]) == ("tensorboard", str(logs))
    assert imported["left_out"] == ["event files do not say how a run ended: it is recorded as finished"]


def test_a_run_of_ours_with_the_same_id_is_never_touched(tracker: Tracker, tmp_path: Path) -> None:
    mlflow_folder(tmp_path / "mlruns", "ours")
    tracker("import", "mlflow", str(tmp_path / "mlruns"))
    record = only_run().layout.record
    record.write_text(record.read_text().replace("from: mlflow", "from: elsewhere"))
    before = record.read_bytes()
    said = tracker("import", "mlflow", str(tmp_path / "mlruns"))

    assert "was not imported from this source" in said.err
    assert record.read_bytes() == before


def test_rows_logged_after_an_import_are_still_there_after_the_next(tracker: Tracker, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    event_file(logs, *losses(1.0, 0.5))
    tracker("import", "tensorboard", str(logs))
    run = only_run()
    script = (
        "import tracker\n"
        f"run = tracker.init(project={run.project!r}, id={run.id!r}, resume='must')\n"
        "run.log({'loss': 0.125})\nrun.finish()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    event_file(logs, *losses(1.0, 0.5, 0.25))
    tracker("import", "tensorboard", str(logs))

    run = only_run()
    assert sorted(row["loss"] for row in run.history(pandas=False, all_segments=True)) == [
        0.125,
        0.25,
        0.5,
        1.0,
    ]
    assert [session.number for session in run.record.sessions] == [0, 1]


def killed_at(script: str, where: str) -> None:
    """Import in a process that dies at its nth call of a function of the operating system."""
    code = f"import os, signal\n{where}\n{script}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("at", ["rename", "fsync", "update-ref"])
def test_a_killed_import_leaves_no_half_of_a_run_and_the_next_one_completes_it(
    tracker: Tracker, tmp_path: Path, git_repo: Path, at: str
) -> None:
    event_file(tmp_path / "logs", *losses(1.0, 0.5))
    die = "os.kill(os.getpid(), signal.SIGKILL)"
    where = {
        "rename": f"os.rename = lambda *a, **k: {die}",
        "fsync": f"os.fsync = lambda *a, **k: {die}",
        "update-ref": f"import vcs.records.ledger\nvcs.records.ledger.Ledger.commit = lambda *a, **k: {die}",
    }[at]
    words = ["import", "tensorboard", str(tmp_path / "logs")]
    killed_at(f"from tracker.cli.main import main\nmain({words!r})", where)

    # Before the rename there is no run, after it a whole one.
    assert [len(rows_of(run)) for run in Api().runs()] == ([2] if at == "update-ref" else [])
    tracker(*words)
    assert len(rows_of(only_run())) == 2
    listed = git(git_repo, "ls-tree", "-r", "--name-only", "refs/tracker/ledger")
    assert "run.yaml" in listed


def test_a_long_history_is_compacted_and_grows_all_the_same(tracker: Tracker, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    many = [event(100.0 + n, n, *(scalar(f"metric {k}", n / 7) for k in range(6))) for n in range(3000)]
    event_file(logs, *many)
    tracker("import", "tensorboard", str(logs))
    folder = only_run().layout.history
    assert [path.name for path in folder.iterdir()] == ["0-0.columns"]

    event_file(logs, *many, event(9999.0, 3000, scalar("metric 0", 1.0)))
    tracker("import", "tensorboard", str(logs))
    assert len(rows_of(only_run())) == 3001


def test_a_full_disk_ends_the_import_and_says_so(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_file(tmp_path / "logs", *losses(1.0))

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    encode: Callable[..., bytes] = SegmentEncoder.encode
    monkeypatch.setattr(SegmentEncoder, "encode", full)
    said = tracker("import", "tensorboard", str(tmp_path / "logs"))
    assert said.status == 9
    assert "cannot write" in said.err
    assert list(Api().runs()) == []

    monkeypatch.setattr(SegmentEncoder, "encode", encode)
    tracker("import", "tensorboard", str(tmp_path / "logs"))
    assert encode(SegmentEncoder(Header(run="x", session=0, start=0.0, from_step=0)), []) == b""
    assert len(rows_of(only_run())) == 1
    assert not any(name.startswith(".importing") for name in os.listdir(only_run().layout.folder.parent))


def test_a_damaged_run_is_refused_and_costs_no_other(tracker: Tracker, tmp_path: Path) -> None:
    store = tmp_path / "mlruns"
    mlflow_folder(store, "good")
    (mlflow_folder(store, "bad") / "metrics" / "loss").write_text("1700000001000 not-a-number 0\n")
    meta = mlflow_folder(store, "worse") / "meta.yaml"
    meta.write_text(meta.read_text().replace("1700000000000", "yesterday"))
    said = tracker("import", "mlflow", str(store))

    assert said.status == 0
    assert [run.id for run in Api().runs()] == ["good"]
    assert "not-a-number" in said.err
    assert "yesterday" in said.err


def test_a_record_of_wandb_with_broken_json_is_refused(tracker: Tracker, tmp_path: Path) -> None:
    broken = bytes_field(2, bytes_field(1, bytes_field(2, "loss") + bytes_field(16, "{broken")))
    wandb_log(tmp_path / "one", "broken", [wandb_run("broken"), broken, wandb_exit(0)])
    wandb_log(tmp_path / "two", "whole", [wandb_run("whole"), wandb_row(0, {"loss": 1}), wandb_exit(0)])
    said = tracker("import", "wandb", str(tmp_path))

    assert said.status == 0
    assert [run.id for run in Api().runs()] == ["whole"]
    assert "1 refused" in said.err
