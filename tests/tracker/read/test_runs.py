"""A recorded run: what it says, and how it is changed afterwards."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from tests.tracker.read.conftest import Lab, write_rows
from tracker.artifact import Artifact
from tracker.storage import records
from tracker.storage.history import summary_of
from tracker.storage.records import LoggedVersion, Used
from vcs.errors import FormatError, NotFoundError, UsageError
from vcs.repo import Repo
from vcs.yaml_io import load_yaml

HAS_PANDAS = find_spec("pandas") is not None
ROWS = [{"loss": 1.0, "acc": 0.1}, {"loss": 0.5}, {"loss": 0.25, "acc": 0.3}]


def ledger(lab: Lab) -> list[str]:
    return [entry.message for entry in lab.repo.ledger.log()]


# what it says


def test_a_run_tells_what_was_recorded(lab: Lab) -> None:
    """Identity, configuration, summary."""
    config = {"lr": 0.1, "model": {"layers": 2}}
    run = lab.add("abc", ROWS, config=config, tags=["a"], group="g", job_type="train")

    assert (run.id, run.name, run.project, run.state) == ("abc", "name-of-abc", "p", "finished")
    assert (run.tags, run.group, run.job_type, run.notes) == (["a"], "g", "train", "")
    assert run.path == ["", "p", "abc"]
    assert run.config == config
    assert (run.summary["loss"], run.summary["acc"]) == (0.25, 0.3)
    assert run.summary._json_dict == dict(run.summary)
    assert run.url is None
    assert run.duration == 90.0
    assert run.user == run.username == "ann"
    assert run.heartbeat_at == "2026-01-01T00:01:30.000Z"


def test_a_run_whose_process_is_gone_has_crashed(lab: Lab) -> None:
    """Its summary is made from the history, since nobody wrote one at the end."""
    run = lab.add("abc", ROWS, state="running")
    assert run.state == "crashed"
    assert run.summary["loss"] == 0.25
    assert run.duration > 0


def test_a_running_run_is_read_while_it_runs(lab: Lab) -> None:
    """With what its writer has written so far."""
    run = lab.add("abc", ROWS, state="running", alive=True)
    assert run.state == "running"
    assert run.lastHistoryStep == 2


def test_a_lost_summary_is_made_again(lab: Lab) -> None:
    """summary.yaml is a convenience; the history is the truth."""
    run = lab.add("abc", ROWS, summary=False)
    assert run.summary["loss"] == 0.25
    lab.layout("abc").summary.write_text("loss: [cut")
    assert run.load().summary["loss"] == 0.25


def test_metadata_has_wandb_s_keys(lab: Lab) -> None:
    """Command, host and Python of the newest session."""
    metadata = lab.add("abc").metadata
    assert metadata["program"] == "train.py"
    assert metadata["args"] == ["--lr", "0.1"]
    assert metadata["python"] == "3.11.7"
    assert "git" not in metadata


# history


def test_history_gives_every_row(lab: Lab) -> None:
    """Nothing is sampled unless asked for; a missing value is missing."""
    run = lab.add("abc", [{"loss": i / 3} for i in range(2000)])
    rows = run.history(pandas=False)
    assert [row["_step"] for row in rows] == list(range(2000))
    assert rows[1]["loss"] == 1 / 3
    assert {"_step", "_runtime", "_timestamp", "loss"} == set(rows[0])


def test_history_can_be_thinned(lab: Lab) -> None:
    """Evenly, with the first and the last row, always the same ones."""
    run = lab.add("abc", [{"loss": i} for i in range(1000)])
    steps = [row["_step"] for row in run.history(samples=5, pandas=False)]
    assert steps == [0, 249, 499, 749, 999]
    assert len(run.history(samples=5000, pandas=False)) == 1000
    assert [row["_step"] for row in run.history(samples=1, pandas=False)] == [999]
    with pytest.raises(ValueError, match="positive"):
        run.history(samples=0, pandas=False)


def test_history_of_keys_gives_rows_that_have_all_of_them(lab: Lab) -> None:
    """As wandb does; with the axis in front."""
    run = lab.add("abc", ROWS)
    assert run.history(keys=["loss", "acc"], pandas=False) == [
        {"_step": 0, "loss": 1.0, "acc": 0.1},
        {"_step": 2, "loss": 0.25, "acc": 0.3},
    ]
    assert run.history(keys=["loss"], x_axis="acc", pandas=False) == [
        {"acc": 0.1, "loss": 1.0},
        {"acc": 0.3, "loss": 0.25},
    ]


def test_a_misspelt_key_is_said(lab: Lab, warnings: Callable[[], str]) -> None:
    """An empty answer looks like an empty run."""
    run = lab.add("abc", ROWS)
    assert run.history(keys=["los"], pandas=False) == []
    assert "did you mean loss?" in warnings()


def test_scan_history_has_an_open_end(lab: Lab) -> None:
    """From `min_step` on, before `max_step`."""
    run = lab.add("abc", [{"loss": i} for i in range(10)])
    assert [row["_step"] for row in run.scan_history(min_step=3, max_step=6)] == [3, 4, 5]
    assert list(run.scan_history(keys=["loss"], max_step=2)) == [{"loss": 0}, {"loss": 1}]


def test_numbers_that_json_lacks_come_back(lab: Lab) -> None:
    """NaN and the infinities."""
    rows = lab.add("abc", [{"x": math.nan}, {"x": -math.inf}]).history(pandas=False)
    assert math.isnan(rows[0]["x"])
    assert rows[1]["x"] == -math.inf


def test_rows_that_were_taken_back_can_be_asked_for(lab: Lab) -> None:
    """They are masked, never lost."""
    run = lab.add("abc", [{"x": i} for i in range(5)])
    write_rows(lab.layout("abc"), [{"x": 100}], session=1, from_step=3)
    assert [row["x"] for row in run.history(pandas=False)] == [0, 1, 2, 100]
    everything = run.history(pandas=False, all_segments=True)
    assert [(row["x"], row["_masked"]) for row in everything] == [
        (0, False),
        (1, False),
        (2, False),
        (3, True),
        (4, True),
        (100, False),
    ]
    assert run.lastHistoryStep == 3


def test_damage_is_named_and_not_hidden(lab: Lab, warnings: Callable[[], str]) -> None:
    """`history` refuses; the summary of a crashed run leaves out what cannot be read, and says so."""
    run = lab.add("abc", ROWS, state="running")
    segment = lab.layout("abc").history_segment(0, "0")
    lines = segment.read_text().splitlines(keepends=True)
    lines[2] = "[0,0,oops]\n"
    segment.write_text("".join(lines))
    with pytest.raises(FormatError, match=r"0-0\.jsonl, line 3"):
        run.history()
    assert run.summary["loss"] == 0.25
    assert "line 3" in warnings()


def test_a_run_without_rows_is_empty(lab: Lab) -> None:
    """Not an error."""
    run = lab.add("abc")
    assert run.lastHistoryStep == -1
    assert len(run.history()) == 0
    assert list(run.scan_history()) == []


@pytest.mark.skipif(not HAS_PANDAS, reason="pandas is not installed")
def test_history_is_a_data_frame_where_pandas_is(lab: Lab) -> None:
    """With NaN where a row lacks a value."""
    frame = lab.add("abc", ROWS).history()
    assert frame["loss"].tolist() == [1.0, 0.5, 0.25]
    assert frame["acc"].isna().tolist() == [False, True, False]
    assert list(lab.api.run("abc").history(keys=["loss"]).columns) == ["_step", "loss"]


@pytest.mark.skipif(not HAS_PANDAS, reason="pandas is not installed")
def test_a_data_frame_has_every_row_and_the_keys_asked_for(lab: Lab) -> None:
    run = lab.add("abc", ROWS)
    assert len(run.to_pandas()) == len(ROWS)
    assert list(run.to_pandas(["loss"]).columns) == ["_step", "loss"]
    assert run.to_pandas(system=True).empty


def test_history_is_a_list_where_pandas_is_not(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pandas=True` is the default of wandb and must not fail."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert lab.add("abc", ROWS).history()[0]["loss"] == 1.0


# artifacts


def test_artifacts_of_a_run_are_found_by_digest(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever number they have by now; a deleted one is said."""
    run = lab.add("abc")
    data = tmp_path_factory.mktemp("data") / "d.txt"
    data.write_text("one")
    draft = Artifact("data", "dataset")
    draft.add_file(data)
    run.log_artifact(draft, aliases=["best"])
    run.use_artifact(draft)

    again = lab.api.run("abc")
    assert [(a.name, a.aliases) for a in again.logged_artifacts()] == [("data:v0", ["best", "latest"])]
    assert [a.name for a in again.used_artifacts()] == ["data:v0"]
    assert [r.id for r in lab.api.artifact("data:best").used_by()] == ["abc"]
    assert lab.api.artifact("p/data:v0").logged_by() == again
    assert ledger(lab)[0] == "run abc used p/data:v0"


def test_a_deleted_artifact_is_left_out_with_a_word(lab: Lab, warnings: Callable[[], str]) -> None:
    """What is there is still given."""
    gone = Used(artifact="p/data", version="v7", digest="0" * 64)
    run = lab.add("abc", used=[gone], logged=[LoggedVersion(artifact="p/x", version="v0", digest="1" * 64)])
    assert run.used_artifacts() == run.logged_artifacts() == []
    said = warnings()
    assert "p/data:v7" in said
    assert "p/x:v0" in said


# changing it


def test_edits_are_written_and_in_the_ledger(lab: Lab) -> None:
    """Name, tags, notes, group, job type, configuration."""
    run = lab.add("abc", ROWS, config={"lr": 0.1})
    run.name, run.notes, run.group = "better name", "a note", "g"
    run.tags.append("best")
    run.config["lr"] = 0.2
    run.update()

    again = lab.api.run("abc")
    assert (again.name, again.notes, again.group, again.tags) == ("better name", "a note", "g", ["best"])
    assert again.config == {"lr": 0.2}
    assert ledger(lab)[0] == "run abc edited: name, notes, group, tags, config"


def test_an_update_without_changes_writes_nothing(lab: Lab) -> None:
    """Not even to the ledger."""
    run = lab.add("abc", ROWS)
    before = lab.layout("abc").record.stat().st_mtime_ns
    run.update()
    assert lab.layout("abc").record.stat().st_mtime_ns == before
    assert ledger(lab) == []


def test_an_edit_keeps_what_others_changed_meanwhile(lab: Lab) -> None:
    """Only the changed fields are written."""
    mine, theirs = lab.add("abc"), lab.api.run("abc")
    theirs.notes = "their note"
    theirs.update()
    mine.tags = ["mine"]
    mine.update()
    again = lab.api.run("abc")
    assert (again.notes, again.tags) == ("their note", ["mine"])


def test_many_editors_at_once_lose_nothing(lab: Lab) -> None:
    """Each change is made under the run's lock."""
    lab.add("abc")

    def edit(number: int) -> None:
        file = lab.root / f"file-{number}"
        file.write_text(str(number))
        lab.api.run("abc").upload_file(file, root=lab.root)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = [file.path for file in records.load(lab.layout("abc")).files]
    assert listed == [f"files/file-{number}" for number in range(6)]


def test_the_summary_can_be_changed_afterwards(lab: Lab) -> None:
    """In the history too, so that a resumed run goes on with it."""
    run = lab.add("abc", ROWS)
    run.summary["best"] = {"acc": 0.9}
    run.summary.update({"loss": 0.0})
    del run.summary["acc"]
    run.update()

    again = lab.api.run("abc")
    assert again.summary["best"] == {"acc": 0.9}
    assert again.summary["loss"] == 0.0
    assert "acc" not in again.summary
    assert summary_of(lab.layout("abc")) == dict(again.summary)
    assert load_yaml(lab.layout("abc").summary, "summary") == dict(again.summary)
    assert len(again.history(pandas=False)) == 3


def test_a_summary_that_was_changed_masks_no_row_and_lasts_until_the_key_is_logged(lab: Lab) -> None:
    """As an explicit value does while the run is live."""
    run = lab.add("abc", ROWS)
    run.summary.update({"loss": 7, "best": 8})
    write_rows(lab.layout("abc"), [{"loss": 9}], session=1, from_step=3)
    summary = summary_of(lab.layout("abc"))
    assert (summary["loss"], summary["best"]) == (9, 8)
    assert run.lastHistoryStep == 3


def test_config_and_summary_of_a_running_run_are_its_own(lab: Lab) -> None:
    """Its process would overwrite them; tags and notes can be changed."""
    run = lab.add("abc", ROWS, state="running", alive=True)
    run.tags = ["seen"]
    run.update()
    assert lab.api.run("abc").tags == ["seen"]
    with pytest.raises(UsageError, match="is running"):
        run.summary.update({"loss": 0})
    run = lab.api.run("abc")
    run.config["x"] = 1
    with pytest.raises(UsageError, match="is running"):
        run.update()


def test_the_list_of_files_follows_an_edit(lab: Lab) -> None:
    """run.yaml names every file with its digest, also after a change."""
    run = lab.add("abc", ROWS, config={"lr": 0.1})
    run.config["lr"] = 0.2
    run.summary["x"] = 1
    run.update()
    listed = {file.path: file for file in records.load(lab.layout("abc")).files}
    assert {"config.yaml", "summary.yaml", "history/0-0-edit-0.jsonl"} <= set(listed)
    assert listed["config.yaml"].digest == run.file("config.yaml").digest


def test_a_deleted_run_is_gone_and_stays_in_the_ledger_s_history(lab: Lab) -> None:
    """Nothing of it is left in sight."""
    run = lab.add("abc", ROWS)
    run.notes = "to be seen later"
    run.update()
    run.delete()

    with pytest.raises(NotFoundError):
        lab.api.run("abc")
    assert list(lab.layout("abc").folder.parent.glob("*abc*")) == []
    assert ledger(lab)[:2] == ["run abc deleted", "run abc edited: notes"]
    with pytest.raises(NotFoundError):
        run.delete()


def test_a_deletion_that_is_cut_off_leaves_no_half_of_a_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is out of sight whole, and the next deletion clears what is left of it."""
    run, other = lab.add("abc", ROWS), lab.add("other")
    folder = lab.layout("abc").folder.parent

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Repo, "record", cut)
        with pytest.raises(KeyboardInterrupt):
            run.delete()
    assert [found.id for found in lab.api.runs("p")] == ["other"]

    other.delete()
    assert [path.name for path in folder.iterdir()] == [".locks"]


def test_a_change_of_the_summary_that_is_cut_off_is_not_half_seen(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reached the history counts, though summary.yaml was not written any more."""
    run = lab.add("abc", ROWS)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tracker.read.editing.write_mapping", cut)
        with pytest.raises(KeyboardInterrupt):
            run.summary.update({"best": 1})
    assert lab.api.run("abc").summary["best"] == 1


def test_a_running_run_is_not_deleted(lab: Lab) -> None:
    """Its process would go on writing into nothing."""
    run = lab.add("abc", state="running", alive=True)
    with pytest.raises(UsageError, match="is running"):
        run.delete()
    assert lab.api.run("abc") == run


def test_a_run_s_artifacts_are_deleted_only_when_asked(lab: Lab) -> None:
    """And only those that it made itself."""
    first, second = lab.add("one"), lab.add("two")
    draft = Artifact("data", "dataset")
    with draft.new_file("x") as file:
        file.write("x")
    first.log_artifact(draft)
    second.log_artifact(draft)

    lab.api.run("two").delete(delete_artifacts=True)
    assert lab.api.artifact_exists("data:v0")
    lab.api.run("one").delete(delete_artifacts=True)
    assert not lab.api.artifact_exists("data:v0")


def test_waiting_ends_when_the_run_does(lab: Lab) -> None:
    """Another process ends it."""
    run = lab.add("abc", state="running", alive=True)

    def end(record: records.RunRecord) -> None:
        record.state = "finished"

    timer = threading.Timer(0.05, lambda: records.update(lab.layout("abc"), end))
    timer.start()
    run.wait_until_finished(poll_s=0.01)
    timer.join()
    assert run.state == "finished"
