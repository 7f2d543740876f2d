"""What each source says arrives as it is: values, times, states, texts, media."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tracker
from tests.tracker.importers import sources
from tests.tracker.importers.sources import PNG, event, event_file, scalar
from tracker import Api
from tracker.wire.protobuf import bytes_field, double_field, packed_doubles, varint_field


def only_run() -> Any:
    """The one run that is here."""
    (run,) = Api().runs()
    return run


def rows_of(run: Any) -> list[dict[str, Any]]:
    """The rows without the clock."""
    own = ("_runtime", "_timestamp")
    return [{k: v for k, v in row.items() if k not in own} for row in run.history(pandas=False)]


def test_events_of_one_step_are_a_row(tracker: Tracker, tmp_path: Path) -> None:
    event_file(
        tmp_path / "logs" / "one",
        event(100.25, 0, scalar("loss", 0.5)),
        event(100.5, 0, scalar("acc", 0.25)),
        event(101.0, 1, scalar("loss", math.inf)),
        event(102.0, 1, scalar("loss", 0.125)),
    )
    assert tracker("import", "tensorboard", str(tmp_path / "logs")).status == 0

    run = only_run()
    assert (run.name, run.state, run.project) == ("one", "finished", "logs")
    assert rows_of(run) == [
        {"_step": 0, "loss": 0.5, "acc": 0.25},
        {"_step": 1, "loss": math.inf},
        {"_step": 1, "loss": 0.125},
    ]
    assert run.history(pandas=False)[0]["_timestamp"] == 100.25
    assert run.record.sessions[0].host == "box"


def test_media_and_tensors_of_events_arrive(tracker: Tracker, tmp_path: Path) -> None:
    numbers = varint_field(1, 1) + bytes_field(4, b"\x00\x00\x80\x3f")
    shape = bytes_field(2, bytes_field(2, varint_field(1, 1)) + bytes_field(2, varint_field(1, 3)))
    event_file(
        tmp_path / "logs",
        event(
            100.0,
            3,
            sources.image("picture", PNG),
            sources.histogram("h", [0, 2, 1, 0], [-2.0, 0.0, 3.0, 1e308], -1.0, 2.0),
            sources.tensor("tf", "scalars", numbers),
            sources.tensor("note", "text", varint_field(1, 7) + bytes_field(8, "hello")),
            sources.tensor(
                "buckets", "histograms", varint_field(1, 2) + shape + packed_doubles(6, [0.0, 1.0, 4.0])
            ),
            sources.tensor("pr", "pr_curves", numbers),
        ),
    )
    said = tracker("import", "tensorboard", str(tmp_path / "logs"), "-p", "p")

    (row,) = rows_of(only_run())
    assert (row["tf"], row["note"]) == (1.0, "hello")
    assert (row["h"]["values"], row["h"]["bins"]) == ([2, 1], [-1.0, 0.0, 2.0])
    assert (row["buckets"]["values"], row["buckets"]["bins"]) == ([4], [0.0, 1.0])
    assert (row["picture"]["width"], row["picture"]["_type"]) == (1, "image-file")
    assert Path(only_run().dir, row["picture"]["path"]).read_bytes() == PNG
    assert "pr" not in row
    assert "values of the plugin pr_curves are left out" in said.err


def test_a_restart_hides_what_it_repeats(tracker: Tracker, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    event_file(folder, *(event(100.0 + n, n, scalar("loss", float(n))) for n in range(4)))
    event_file(
        folder,
        sources.restart(200.0, 2),
        event(201.0, 2, scalar("loss", 20.0)),
        name="events.out.tfevents.200.box.1.0",
    )
    tracker("import", "tensorboard", str(folder))

    assert [row["loss"] for row in rows_of(only_run())] == [0.0, 1.0, 20.0]
    assert len(only_run().history(pandas=False, all_segments=True)) == 5


def test_hyperparameters_of_events_are_the_config(tracker: Tracker, tmp_path: Path) -> None:
    def pair(name: str, value: bytes) -> bytes:
        return bytes_field(1, bytes_field(1, name) + bytes_field(2, value))

    start = pair("lr", double_field(2, 0.1)) + pair("opt", bytes_field(3, "adam"))
    start += pair("layers", double_field(2, 3.0)) + pair("flag", varint_field(4, 1))
    plugin = bytes_field(1, "hparams") + bytes_field(2, bytes_field(3, start))
    value = bytes_field(1, bytes_field(1, "_hparams_/start") + bytes_field(9, bytes_field(1, plugin)))
    event_file(tmp_path / "logs", event(100.0, 0, value))
    tracker("import", "tensorboard", str(tmp_path / "logs"))

    assert only_run().config == {"lr": 0.1, "opt": "adam", "layers": 3, "flag": True}


def test_a_file_store_of_mlflow_arrives(tracker: Tracker, tmp_path: Path) -> None:
    sources.mlflow_folder(tmp_path / "mlruns")
    tracker("import", "mlflow", str(tmp_path / "mlruns"))

    run = only_run()
    assert (run.id, run.name, run.project, run.state, run.tags) == (
        "a" * 32,
        "calm",
        "digits",
        "finished",
        ["team=vision"],
    )
    assert run.config == {"lr": 0.1, "name": "1e-3"}
    first, second = rows_of(run)
    assert math.isnan(first.pop("val/acc"))
    assert (first, second) == ({"_step": 0, "loss": 0.5}, {"_step": 1, "loss": 0.25})
    session = run.record.sessions[0]
    assert (session.started, session.ended) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:29.000Z")
    assert (session.user, session.commit, session.exit_code) == ("ann", "9fceb02", 0)
    versions = {artifact.type: artifact for artifact in run.logged_artifacts()}
    assert sorted(versions) == ["files", "model"]
    assert list(versions["model"].manifest.entries) == ["MLmodel"]
    assert list(versions["files"].manifest.entries) == ["notes.txt"]


def test_a_database_of_mlflow_arrives_and_is_not_touched(tracker: Tracker, tmp_path: Path) -> None:
    path = tmp_path / "store" / "mlflow.db"
    path.parent.mkdir()
    sources.mlflow_database(path)
    before = path.read_bytes()
    said = tracker("import", "mlflow", str(path))

    run = only_run()
    assert (run.id, run.name, run.state, run.config) == ("r1", "renamed", "failed", {"lr": 0.1})
    loss, nan, inf = rows_of(run)
    assert (loss["loss"], inf["odd"], math.isnan(nan["odd"])) == (0.5, math.inf, True)
    assert run.system_metrics == {"cpu": 12.5}
    assert "artifacts lie elsewhere and are left out: s3://bucket/1" in said.err
    assert "run r2 is deleted in the source" in said.err
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]


def test_a_database_with_a_log_that_was_not_merged_is_read_whole(tracker: Tracker, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    sources.mlflow_database(path)
    writer = sqlite3.connect(path)
    writer.execute("pragma journal_mode=wal")
    writer.execute("insert into metrics values ('loss', 0.125, 1700000003000, 'r1', 3, 0)")
    writer.commit()
    files = {file.name: file.read_bytes() for file in tmp_path.glob("mlflow.db*")}
    tracker("import", "mlflow", str(path))

    assert rows_of(only_run())[-1] == {"_step": 3, "loss": 0.125}
    assert {f.name: f.read_bytes() for f in tmp_path.glob("mlflow.db*")} == files
    writer.close()


def test_a_run_of_wandb_arrives(tracker: Tracker, tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "offline-run-1-abcd1234"
    path = "media/images/img_0.png"
    picture = {"_type": "image-file", "path": path, "sha256": "x", "caption": "cap", "width": 1, "height": 1}
    metric = bytes_field(12, bytes_field(1, "loss") + bytes_field(7, varint_field(1, 1)))
    sources.wandb_log(
        folder,
        "abcd1234",
        [
            sources.wandb_run(
                "abcd1234",
                config={"lr": 0.1, "_wandb": {"x": 1}},
                name="calm",
                notes="n",
                run_group="g",
                job_type="train",
                entity="me",
            ),
            metric,
            sources.wandb_row(0, {"loss": 1.0, ("nest", "b"): 2, "img": picture, "bad": math.nan}),
            sources.wandb_row(1, {"loss": 3, "text": "hi"}),
            bytes_field(5, sources.items({"late": [1, 2]})),
            bytes_field(3, sources.items({"best": 0.5, ("loss", "min"): 1.0, "img": picture, "_wandb": {}})),
            bytes_field(
                7,
                bytes_field(2, varint_field(1, 1_700_000_002))
                + bytes_field(3, bytes_field(1, "cpu") + bytes_field(16, "5.5")),
            ),
            sources.wandb_exit(0),
        ],
    )
    (folder / "files" / "media" / "images").mkdir(parents=True)
    (folder / "files" / path).write_bytes(PNG)
    (folder / "files" / "output.log").write_text("printed\n")
    (folder / "files" / "kept.txt").write_text("kept")
    tracker("import", "wandb", str(tmp_path))

    run = only_run()
    about = (
        run.id,
        run.name,
        run.project,
        run.entity,
        run.group,
        run.job_type,
        run.notes,
        run.tags,
        run.state,
    )
    assert about == ("abcd1234", "calm", "proj", "me", "g", "train", "n", ["tag one"], "finished")
    assert run.config == {"lr": 0.1, "late": [1, 2]}
    first, second = rows_of(run)
    assert (first["loss"], first["nest.b"], math.isnan(first["bad"])) == (1.0, 2, True)
    assert second == {"_step": 1, "loss": 3, "text": "hi"}
    assert Path(run.dir, first["img"]["path"]).read_bytes() == PNG
    assert first["img"]["caption"] == "cap"
    assert (run.summary["best"], run.summary["loss"], run.summary["nest"]) == (0.5, {"min": 1.0}, {"b": 2})
    assert run.summary["img"] == first["img"]
    assert run.system_metrics == {"cpu": 5.5}
    assert Path(run.dir, "output.log").read_text() == "printed\n"
    assert Path(run.dir, "files", "kept.txt").read_text() == "kept"


def test_attempts_of_one_wandb_run_are_sessions_and_hide_nothing(tracker: Tracker, tmp_path: Path) -> None:
    for number, rows in enumerate(([0, 1, 2], [0, 1])):
        sources.wandb_log(
            tmp_path / f"offline-run-{number}",
            "same",
            [
                sources.wandb_run("same", started=1_700_000_000 + 100 * number),
                *(sources.wandb_row(step, {"loss": 10.0 * number + step}) for step in rows),
                *([sources.wandb_exit(1)] if number == 0 else []),
            ],
        )
    said = tracker("import", "wandb", str(tmp_path))

    run = only_run()
    assert [row["loss"] for row in rows_of(run)] == [0.0, 1.0, 2.0, 10.0, 11.0]
    assert [session.state for session in run.record.sessions] == ["failed", "crashed"]
    assert "the log has no end" in said.err


def test_a_database_of_trackio_arrives(tracker: Tracker, tmp_path: Path) -> None:
    database = tmp_path / "tproj.db"
    with sqlite3.connect(database) as db:
        db.executescript(
            """
            create table metrics (id integer primary key, run_id text, timestamp text, run_name text,
                step integer, metrics text);
            create table configs (id integer primary key, run_id text, run_name text, config text,
                created_at text);
            insert into configs values (1, 'id1', 'calm', '{"lr":0.1,"_Group":"g","_Username":"ann"}',
                '2026-01-01T00:00:00+00:00');
            insert into metrics values (1, 'id1', '2026-01-01T00:00:01+00:00', 'calm', 4,
                '{"loss":"NaN","n":{"b":1},"img":{"_type":"trackio.image","file_path":"p/1.png","caption":"c"},
                  "tab":{"_type":"trackio.table","_value":[{"a":1},{"b":2}]},
                  "evil":{"_type":"trackio.image","file_path":"../../tproj.db"}}');
            """
        )
    db.close()
    (tmp_path / "media" / "p").mkdir(parents=True)
    (tmp_path / "media" / "p" / "1.png").write_bytes(PNG)
    said = tracker("import", "trackio", str(tmp_path))

    run = only_run()
    assert (run.id, run.name, run.project, run.group, run.config) == (
        "id1",
        "calm",
        "tproj",
        "g",
        {"lr": 0.1},
    )
    (row,) = rows_of(run)
    assert (row["_step"], row["n.b"], math.isnan(row["loss"])) == (4, 1, True)
    assert Path(run.dir, row["img"]["path"]).read_bytes() == PNG
    assert (row["tab"]["ncols"], row["tab"]["nrows"]) == (2, 2)
    assert "evil" not in row
    assert "evil is left out" in said.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.csv", "step,loss,time,name,flag\n5,1.5,0.2,a,true\n6,NaN,0.3,,false\n"),
        (
            "h.jsonl",
            '{"step":5,"loss":1.5,"time":0.2,"name":"a","flag":true}\n{"step":6,"loss":NaN,"time":0.3,"flag":false}\n{"st',
        ),
    ],
)
def test_tables_arrive(tracker: Tracker, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    tracker("import", name.partition(".")[2], str(tmp_path / name), "-p", "p")

    first, second = rows_of(only_run())
    assert first == {"_step": 5, "loss": 1.5, "time": 0.2, "name": "a", "flag": True}
    assert math.isnan(second.pop("loss"))
    assert second == {"_step": 6, "time": 0.3, "flag": False}


@pytest.mark.parametrize("source", ["tensorboard", "mlflow", "wandb", "dvc", "trackio", "csv"])
def test_a_place_that_is_not_a_source_is_named(tracker: Tracker, tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    assert tracker("import", source, str(tmp_path / "missing")).status == 3
    said = tracker("import", source, str(tmp_path / "empty"))
    assert said.status == 3
    assert "empty" in said.err
