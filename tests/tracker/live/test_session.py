"""init and finish within one process: the current run, its facts, and second calls."""

from __future__ import annotations

import copy
import math
import re
import threading
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

import tracker
from tests.tracker.live.conftest import written
from tracker.errors import CommError, ConfigError, StoreError, UsageError
from vcs.repo import Repo


def test_init_makes_the_run_current_and_finish_ends_that(project: Path) -> None:
    run = tracker.init(project="p")
    assert tracker.run is run
    assert tracker.config is run.config
    assert tracker.summary is run.summary
    tracker.finish()
    assert tracker.run is None
    with pytest.raises(UsageError, match=r"before tracker\.log"):
        tracker.log({"a": 1})


def test_a_run_has_the_names_that_scripts_ask_for(project: Path) -> None:
    run = tracker.init(project="p", entity="team", group="g", job_type="train", tags=["a"], notes="text")
    assert re.fullmatch("[a-z0-9]{8}", run.id)
    assert re.fullmatch("[a-z]+-[a-z]+-1", run.name)
    assert (run.project, run.entity, run.group, run.job_type) == ("p", "team", "g", "train")
    assert (run.tags, run.notes) == (("a",), "text")
    assert run.path == f"team/p/{run.id}"
    assert (run.url, run.get_url(), run.project_name()) == (None, None, "p")
    assert (run.step, run.starting_step, run.resumed, run.state) == (0, 0, False, "running")
    assert run.start_time > 1.7e9
    assert Path(run.dir).is_dir()
    assert run.settings.run_id == run.id
    assert run.settings.anything_at_all is None
    assert run.status().sync_items_pending == 0
    assert run.id in run.to_html()
    assert run.display() is False
    run._label(repo="x")


def test_facts_are_readable_after_the_end(project: Path) -> None:
    run = tracker.init(project="p", config={"lr": 1})
    run.log({"a": 1})
    run.finish()
    assert (run.id, run.config["lr"], run.summary["a"], run.state) == (run.id, 1, 1, "finished")


def test_names_of_runs_are_counted_for_each_project(project: Path) -> None:
    for number in (1, 2):
        with tracker.init(project="p") as run:
            assert run.name.endswith(f"-{number}")
    with tracker.init(project="q") as run:
        assert run.name.endswith("-1")


def test_the_project_comes_from_argument_variable_file_or_is_uncategorized(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun() -> str:
        with tracker.init() as run:
            return run.project

    assert begun() == "uncategorized"
    (project / "tracker.yaml").write_text("project: from-file\n")
    assert begun() == "from-file"
    monkeypatch.setenv("TRACKER_PROJECT", "from-variable")
    assert begun() == "from-variable"
    with tracker.init(project="from-argument") as run:
        assert run.project == "from-argument"


def test_setup_gives_options_to_all_runs(project: Path) -> None:
    tracker.setup(tracker.Settings(project="from-setup"))
    with tracker.init() as run:
        assert run.project == "from-setup"
    with tracker.init(settings={"project": "from-settings"}) as run:
        assert run.project == "from-settings"


@pytest.mark.parametrize("name", ["a/b", "a:b", "a#b", "..", ""])
def test_a_project_or_id_that_cannot_be_is_refused_before_anything_is_written(
    project: Path, name: str
) -> None:
    with pytest.raises(UsageError):
        tracker.init(project="p", id=name or " ")
    if name:
        with pytest.raises(UsageError):
            tracker.init(project=name)
    assert not (project / ".tracker" / "runs").exists()


def test_a_second_init_returns_the_live_run(project: Path) -> None:
    run = tracker.init(project="p", config={"lr": 1})
    assert tracker.init(project="q", config={"epochs": 2}) is run
    assert run.config.as_dict() == {"lr": 1, "epochs": 2}


def test_reinit_ends_the_live_run_or_begins_one_beside_it(project: Path) -> None:
    run = tracker.init(project="p")
    second = tracker.init(project="p", reinit=True)
    assert second is not run
    assert run.state == "finished"
    third = tracker.init(project="p", reinit="create_new")
    assert tracker.run is second
    third.log({"a": 3})
    second.log({"a": 2})
    third.finish()
    assert tracker.run is second
    assert [row["a"] for row in written(project, third.id).rows()] == [3]


def test_must_with_a_live_run_of_another_id_is_refused(project: Path) -> None:
    tracker.init(project="p")
    with pytest.raises(UsageError, match="is live"):
        tracker.init(project="p", id="other", resume="must")


def test_finish_twice_is_harmless_and_keeps_the_first_answer(project: Path) -> None:
    run = tracker.init(project="p")
    run.finish(exit_code=2)
    run.finish()
    tracker.finish()
    assert (run.state, written(project).record.sessions[0].exit_code) == ("failed", 2)


def test_log_after_finish_is_refused(project: Path) -> None:
    run = tracker.init(project="p")
    run.finish()
    for call in (
        lambda: run.log({"a": 1}),
        lambda: run.define_metric("a"),
        lambda: run.summary.update({"a": 1}),
        lambda: run.save("*.py"),
        lambda: run.watch(None),
    ):
        with pytest.raises(UsageError, match="has ended"):
            call()


def test_the_pending_row_is_written_at_the_end(project: Path) -> None:
    with tracker.init(project="p") as run:
        run.log({"a": 1}, commit=False)
        run.log({"b": 2}, step=0)
    assert written(project).rows() == [{"_step": 0, "a": 1, "b": 2}]


def test_nested_values_become_dotted_keys_in_the_history_and_nest_in_the_summary(project: Path) -> None:
    with tracker.init(project="p") as run:
        run.log({"val": {"acc": 0.5, "by": {"class": 1}}, "mAP_0.5": 3})
        assert run.summary["val"]["acc"] == run.summary.val.acc == 0.5
        assert run.summary["mAP_0.5"] == 3
    assert written(project).rows() == [{"_step": 0, "val.acc": 0.5, "val.by.class": 1, "mAP_0.5": 3}]


def test_numbers_of_every_kind_survive(project: Path) -> None:
    with tracker.init(project="p") as run:
        run.log(
            {"nan": math.nan, "inf": -math.inf, "np": np.float32(0.1), "big": 10**30, "arr": np.arange(3)}
        )
    (row,) = written(project).rows()
    assert math.isnan(row["nan"])
    assert row["inf"] == -math.inf
    assert row["np"] == float(np.float32(0.1))
    assert row["big"] == 10**30
    assert row["arr"] == [0, 1, 2]


def test_a_row_is_as_it_was_when_it_was_logged(project: Path) -> None:
    array = np.zeros(3)
    inner = {"x": [1]}
    with tracker.init(project="p") as run:
        run.log({"array": array, "inner": inner}, commit=False)
        array[:] = 9
        inner["x"].append(2)
        run.log({})
    assert written(project).rows() == [{"_step": 0, "array": [0.0, 0.0, 0.0], "inner.x": [1]}]


@pytest.mark.parametrize("data", [None, [("a", 1)], "a", 3])
def test_what_is_no_dictionary_is_a_type_error(project: Path, data: object) -> None:
    run = tracker.init(project="p")
    with pytest.raises(TypeError, match="dictionary"):
        run.log(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["3", 7.0, 1.5])
def test_a_step_that_is_no_whole_number_is_a_type_error(project: Path, step: object) -> None:
    run = tracker.init(project="p")
    with pytest.raises(TypeError, match="whole number"):
        run.log({"a": 1}, step=step)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="text"):
        run.log({1: 2})  # type: ignore[dict-item]


def test_a_step_of_numpy_is_fine(project: Path) -> None:
    run = tracker.init(project="p")
    run.log({"a": 1}, step=np.int64(4))  # type: ignore[arg-type]
    assert run.step == 4


def test_summary_values_hold_until_the_key_is_logged_again(project: Path) -> None:
    with tracker.init(project="p") as run:
        run.log({"best": 1, "other": 1})
        run.summary["best"] = 9
        run.log({"other": 2})
        assert (run.summary["best"], run.summary["other"]) == (9, 2)
        run.log({"best": 2})
        assert run.summary["best"] == 2
        run.summary.update({"nested": {"a": {"b": 1}}})
        run.summary["nested"]["a"]["c"] = 2
        del run.summary["other"]
    expected = {"best": 2, "nested": {"a": {"b": 1, "c": 2}}}
    shown = {key: value for key, value in written(project).yaml("summary.yaml").items() if key[0] != "_"}
    assert shown == expected


def test_the_summary_tells_step_and_time_of_the_newest_row(project: Path) -> None:
    run = tracker.init(project="p")
    assert dict(run.summary) == {}
    run.log({"a": 1}, step=7, commit=True)
    assert run.summary["_step"] == 7
    assert run.summary["_timestamp"] >= run.start_time
    assert 0 <= run.summary["_runtime"] < 60


def test_a_definition_made_late_counts_for_the_rows_before_it(project: Path) -> None:
    run = tracker.init(project="p")
    for loss in (3, 1, 2):
        run.log({"loss": loss})
    metric = run.define_metric("loss", summary="min,mean")
    assert metric.summary == ("min", "mean")
    assert run.summary["loss"] == {"min": 1, "mean": 2.0}
    run.finish()
    assert written(project).record.metrics == [{"name": "loss", "summary": ["min", "mean"]}]


def test_a_step_metric_is_filled_in(project: Path) -> None:
    with tracker.init(project="p") as run:
        epoch = run.define_metric("epoch")
        run.define_metric("val/*", step_metric=epoch)
        run.log({"epoch": 1})
        run.log({"val/acc": 0.5})
    assert written(project).rows()[1] == {"_step": 1, "val/acc": 0.5, "epoch": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a*b"},
        {"name": "a", "summary": "best"[::-1]},
        {"name": "a", "step_metric": "b*"},
        {"name": ""},
    ],
)
def test_a_definition_that_cannot_be_is_refused(project: Path, arguments: dict[str, str]) -> None:
    run = tracker.init(project="p")
    with pytest.raises(tracker.Error):
        run.define_metric(**arguments)  # type: ignore[arg-type]


def test_config_may_be_many_things(project: Path) -> None:
    (project / "c.yaml").write_text("lr: 0.1\n")
    for config in ({"lr": 0.1}, Namespace(lr=0.1), "c.yaml", Path("c.yaml")):
        with tracker.init(project="p", config=config) as run:
            assert run.config.lr == 0.1


def test_config_keys_can_be_chosen(project: Path) -> None:
    with tracker.init(project="p", config={"a": 1, "b": 2}, config_exclude_keys=["b"]) as run:
        assert run.config.as_dict() == {"a": 1}
        assert written(project, run.id).yaml("config.yaml") == {"a": 1}


def test_config_is_on_disk_from_the_start_and_follows_changes(project: Path) -> None:
    run = tracker.init(project="p", config={"lr": 0.1})
    assert written(project).yaml("config.yaml") == {"lr": 0.1}
    run.config["epochs"] = 3
    with pytest.raises(ConfigError):
        run.config["lr"] = 5
    run.finish()
    assert written(project).yaml("config.yaml") == {"lr": 0.1, "epochs": 3}


def test_an_artifact_in_the_config_counts_as_used(project: Path) -> None:
    with tracker.init(project="p") as run:
        artifact = tracker.Artifact("data", "dataset")
        artifact.add_file("train.py")
        run.log_artifact(artifact)
    with tracker.init(project="p", config={"data": artifact, "lr": 1}) as run:
        assert run.config["data"] == "p/data:v0"
    assert [used.artifact for used in written(project, run.id).record.used] == ["p/data"]


def test_facts_can_be_changed_while_it_runs(project: Path) -> None:
    run = tracker.init(project="p")
    run.name = "better"
    run.notes = "words"
    run.tags += ("night",)
    run.finish()
    record = written(project).record
    assert (record.name, record.notes, record.tags) == ("better", "words", ["night"])


def test_artifacts_are_logged_and_used_by_the_run(project: Path) -> None:
    with tracker.init(project="p") as run:
        run.log({"a": 1})
        artifact = tracker.Artifact("model", "model")
        artifact.add_file("train.py")
        assert tracker.log_artifact(artifact, aliases=["best"]).version == "v0"
        tracker.use_artifact("model:best")
        with pytest.raises(CommError):
            tracker.use_artifact("absent:latest")
    record = written(project).record
    (logged,), (used,) = record.logged, record.used
    assert (logged.artifact, logged.version, logged.step) == ("p/model", "v0", 0)
    assert set(logged.aliases) == {"best", "latest"}
    assert (used.artifact, used.version, used.as_) == ("p/model", "v0", "model:best")


def test_a_version_says_which_run_and_code_it_came_from(project: Path) -> None:
    with tracker.init(project="p") as run:
        artifact = run.log_artifact("train.py", name="code", type="code")
        assert artifact.logged_by().id == run.id
    origin = Repo.open(project).resolve("code:v0", project="p").origin
    session = written(project).record.sessions[0]
    assert (origin.run, origin.commit, origin.code_commit) == (run.id, session.commit, session.code_commit)


def test_an_alert_is_printed_and_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tracker.init(project="p")
    tracker.alert("Loss is NaN", "at step 3", level=tracker.AlertLevel.WARN)
    tracker.alert("Loss is NaN", "again, too soon")
    run.alert("Other", wait_duration=0)
    run.finish()
    alerts = written(project).record.extra["alerts"]
    assert [(a["title"], a["text"], a["level"]) for a in alerts] == [
        ("Loss is NaN", "at step 3", "WARN"),
        ("Other", "", "INFO"),
    ]
    assert capsys.readouterr().err.count("Loss is NaN") == 1


def test_a_run_that_was_marked_preempting_ends_as_preempted(project: Path) -> None:
    run = tracker.init(project="p")
    run.mark_preempting()
    run.finish(exit_code=1)
    assert written(project).record.state == "preempted"


def test_arguments_that_mean_nothing_here_are_named_once(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        tracker.init(project="p", dir="/nowhere", anonymous="allow", force=True).finish()
    assert capsys.readouterr().err.count("without effect here: dir, force, anonymous") == 1


def test_copies_of_a_run_are_the_run(project: Path) -> None:
    run = tracker.init(project="p")
    assert copy.deepcopy({"run": run})["run"] is run
    assert copy.copy(run) is run


def test_several_threads_may_log(project: Path) -> None:
    run = tracker.init(project="p")

    def work(number: int) -> None:
        for index in range(500):
            run.log({f"t{number}": index})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    rows = written(project).rows()
    assert [row["_step"] for row in rows] == list(range(2000))
    for number in range(4):
        assert [row[f"t{number}"] for row in rows if f"t{number}" in row] == list(range(500))


def test_every_file_of_a_run_is_listed_with_its_digest(project: Path) -> None:
    from vcs.digest import digest_bytes

    with tracker.init(project="p") as run:
        Path(run.dir, "large.bin").write_bytes(bytes(range(256)) * 5000)
        Path(run.dir, "small.txt").write_text("x")
    files = {file.path: file for file in written(project).record.files}
    folder = written(project).files.folder
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"run.yaml"}
    assert set(files) == on_disk
    assert all(digest_bytes((folder / path).read_bytes()) == file.digest for path, file in files.items())
    assert Repo.open(project).store.contains(files["files/large.bin"].digest)  # type: ignore[arg-type]


def test_a_full_disk_stops_no_training_and_is_told_at_the_end(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """run.yaml cannot be replaced any more; rows and finish go on."""
    from tracker.live import recorder

    run = tracker.init(project="p")

    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write run.yaml: the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(recorder.records, "update", full)
        run.log({"a": 1})
        run.name = "new"
        run.tags = ["x"]
        run.finish()
    err = capsys.readouterr().err
    assert "the disk is full; training goes on" in err
    assert "could not record the end of the run" in err
    assert [row["a"] for row in written(project).rows()] == [1]


def test_strict_raises_what_would_only_be_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracker.live import recorder

    run = tracker.init(project="p", settings=tracker.Settings(strict=True))

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(recorder.records, "update", full)
        run.name = "new"
        run._parts.disk.recorder.background.drain()  # type: ignore[union-attr]
        with pytest.raises(StoreError, match="the disk is full"):
            run.log({"a": 1})


def test_a_folder_that_cannot_be_written_to_is_an_error_at_init(project: Path) -> None:
    (project / ".tracker").write_text("in the way")
    with pytest.raises(tracker.Error):
        tracker.init(project="p")
    assert tracker.run is None


def test_a_start_that_fails_leaves_no_live_mark(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracker.live import start

    def fail(*_: object) -> None:
        raise StoreError("no")

    with monkeypatch.context() as patched:
        patched.setattr(start, "write_config", fail)
        with pytest.raises(StoreError):
            tracker.init(project="p")
    assert list(Repo.open(project).layout.live.iterdir()) == []
    tracker.init(project="p").finish()


def test_a_summary_that_holds_itself_ends_at_some_depth(project: Path) -> None:
    """As in `log`: the training goes on."""
    run = tracker.init(project="p")
    circle: dict[str, object] = {}
    circle["again"] = circle
    run.summary["circle"] = circle
    run.summary["after"] = 1
    run.finish()
    assert tracker.Api().run(f"p/{run.id}").summary["after"] == 1
