"""`Api`: runs, projects and artifacts by path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tracker.read.conftest import Lab
from tracker.artifact import Artifact
from tracker.errors import CommError
from tracker.read.api import Api, open_run
from tracker.storage.catalog import Catalog
from vcs.errors import NotFoundError, UsageError

HAS_PANDAS = find_spec("pandas") is not None


@pytest.fixture
def full(lab: Lab) -> Lab:
    """Three runs in one project, one in another."""
    lab.add("aaaa1111", [{"acc": 0.5}], config={"lr": 0.1}, tags=["base"], created="2026-01-03T00:00:00.000Z")
    lab.add("bbbb2222", [{"acc": 0.9}], config={"lr": 0.01}, created="2026-01-01T00:00:00.000Z")
    lab.add("cccc3333", [{"acc": 0.7}], state="failed", created="2026-01-02T00:00:00.000Z", name="third")
    lab.add("dddd4444", project="other", created="2026-01-04T00:00:00.000Z")
    return lab


def log(
    lab: Lab, name: str, type_name: str, text: str, *, run: str = "p/aaaa1111", **options: object
) -> Artifact:
    draft = Artifact(name, type_name)
    with draft.new_file("data.txt") as file:
        file.write(text)
    return lab.api.run(run).log_artifact(draft, **options)  # type: ignore[arg-type]


# runs


def test_runs_come_in_the_order_of_their_creation(full: Lab) -> None:
    """All projects if none is named and none is set."""
    assert [run.id[0] for run in full.api.runs()] == ["b", "c", "a", "d"]
    assert [run.id[0] for run in full.api.runs("p")] == ["b", "c", "a"]
    assert [run.id[0] for run in full.api.runs("team/p", order="-created_at")] == ["a", "c", "b"]
    assert [run.id[0] for run in full.api.runs("p", order="-summary_metrics.acc")] == ["b", "c", "a"]
    assert [run.id[0] for run in full.api.runs("p", order="config.lr.value")] == ["b", "a", "c"]


def test_runs_can_be_filtered_in_both_languages(full: Lab) -> None:
    """MongoDB's, and words."""
    runs = full.api.runs
    assert [run.id[0] for run in runs("p", {"config.lr": {"$gte": 0.05}})] == ["a"]
    assert [run.id[0] for run in runs("p", {"$or": [{"state": "failed"}, {"tags": "base"}]})] == ["c", "a"]
    assert [run.id[0] for run in runs("p", {"displayName": "third"})] == ["c"]
    assert [run.id[0] for run in runs("p", "summary.acc > 0.6 and state = finished")] == ["b"]
    assert [run.id[0] for run in runs("p", "duration > 80 and user = ann", order="id")] == ["a", "b", "c"]


def test_runs_are_a_sequence_that_reads_when_asked(full: Lab) -> None:
    """Length, index, slice, iteration, wandb's `next`."""
    runs = full.api.runs("p")
    full.add("eeee5555", created="2026-01-09T00:00:00.000Z")
    assert len(runs) == runs.length == 4
    assert runs[0].id == "bbbb2222"
    assert [run.id[0] for run in runs[1:3]] == ["c", "a"]
    assert runs.next().id == "bbbb2222"
    assert next(runs).id == "cccc3333"
    assert bool(full.api.runs("p", {"state": "killed"})) is False


def test_a_filter_is_checked_before_anything_is_read(full: Lab) -> None:
    """Misspelt, it raises where wandb finds nothing."""
    with pytest.raises(UsageError, match="did you mean state"):
        full.api.runs("p", {"stat": "finished"})
    with pytest.raises(UsageError):
        full.api.runs("p", order="-lr")


def test_an_unknown_project_is_named(full: Lab) -> None:
    """With near names; wandb's error."""
    with pytest.raises(CommError, match="'othr'") as caught:
        full.api.runs("othr")
    assert caught.value.hint == "did you mean other?"


def test_a_damaged_run_hides_no_other(full: Lab, warnings: Callable[[], str]) -> None:
    """It is said, and can be looked at."""
    full.layout("aaaa1111").record.write_text("format: [")
    runs = full.api.runs("p")
    assert [run.id[0] for run in runs] == ["b", "c"]
    assert len(runs.damaged) == 1
    assert "aaaa1111" in warnings()


@pytest.mark.parametrize(
    "path", ["p/aaaa1111", "team/p/aaaa1111", "/p/aaaa1111", "aaaa1111", "aaaa", "team/p/runs/aaaa1111"]
)
def test_a_run_is_found_by_any_of_its_paths(full: Lab, path: str) -> None:
    """Also by the beginning of its id."""
    assert full.api.run(path).id == "aaaa1111"
    assert full.api.run("third").id == "cccc3333"


def test_an_unknown_run_is_wandb_s_error(full: Lab) -> None:
    """CommError and ValueError, with a hint."""
    with pytest.raises(CommError, match="no run 'p/zzzz'"):
        full.api.run("p/zzzz")
    with pytest.raises(ValueError, match="zzzz"):
        full.api.run("zzzz")
    with pytest.raises(UsageError, match="which run"):
        full.api.run()


def test_the_project_of_the_settings_is_the_default(full: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """tracker.yaml, the environment over it, the argument over both."""
    (full.root / "tracker.yaml").write_text("project: other\n")
    assert [run.id[0] for run in full.api.runs()] == ["d"]
    monkeypatch.setenv("TRACKER_PROJECT", "p")
    assert len(full.api.runs()) == 3
    assert [run.id[0] for run in Api({"project": "other"}, root=full.root).runs()] == ["d"]


def test_rows_of_several_runs_come_in_one_list(full: Lab) -> None:
    """Each says of which run it is."""
    rows = full.api.runs("p").histories(keys=["acc"])
    assert [(row["run_id"], row["acc"]) for row in rows] == [
        ("bbbb2222", 0.9),
        ("cccc3333", 0.7),
        ("aaaa1111", 0.5),
    ]
    with pytest.raises(UsageError, match="format"):
        full.api.runs("p").histories(format="csv")  # type: ignore[arg-type]


def test_runs_are_rows_of_a_table(full: Lab) -> None:
    """Configuration and summary flattened."""
    rows = full.api.runs("p").to_rows()
    assert [row.get("config.lr") for row in rows] == [0.01, None, 0.1]
    assert [row["summary.acc"] for row in rows] == [0.9, 0.7, 0.5]


@pytest.mark.skipif(not HAS_PANDAS, reason="pandas is not installed")
def test_runs_are_a_data_frame(full: Lab) -> None:
    """One row each."""
    frame = full.api.runs("p").to_pandas()
    assert frame["summary.acc"].tolist() == [0.9, 0.7, 0.5]
    assert full.api.runs("p").histories(format="pandas")["run_id"].tolist() == [
        "bbbb2222",
        "cccc3333",
        "aaaa1111",
    ]


def test_without_pandas_the_next_step_is_named(full: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        full.api.runs("p").to_pandas()


def test_projects_are_those_with_runs_or_artifacts(full: Lab) -> None:
    """Sorted."""
    assert [project.name for project in full.api.projects()] == ["other", "p"]


def test_reading_creates_nothing(git_repo: Path) -> None:
    """An Api in a folder without records leaves it as it is."""
    api = Api(root=git_repo)
    assert list(api.runs()) == []
    assert api.projects() == []
    assert not (git_repo / ".tracker").exists()
    assert not (git_repo / ".git/tracker").exists()


def test_the_api_works_in_a_plain_folder(plain_dir: Path) -> None:
    """Without git there is no ledger; edits work all the same."""
    lab = Lab(plain_dir)
    run = lab.add("abc")
    run.tags = ["x"]
    run.update()
    assert lab.api.run("abc").tags == ["x"]


# artifacts


def test_versions_are_found_by_all_their_names(full: Lab) -> None:
    """With or without entity and project, by number, alias or digest."""
    first = log(full, "mnist", "dataset", "one", aliases=["best"])
    log(full, "mnist", "dataset", "two")
    api = full.api
    for name in ("mnist:v0", "mnist:best", f"mnist@{first.digest[:12]}", "p/mnist:v0", "team/p/mnist:best"):
        assert api.artifact(name).version == "v0"
    assert api.artifact("mnist").version == "v1"
    assert api.artifact("mnist", type="dataset").logged_by().id == "aaaa1111"


def test_a_wrong_name_or_type_is_wandb_s_error(full: Lab) -> None:
    """ValueError and CommError."""
    log(full, "mnist", "dataset", "one")
    for name in ("minst", "mnist:v7", "mnist:best", "other/mnist:v0"):
        with pytest.raises(CommError):
            full.api.artifact(name)
        assert not full.api.artifact_exists(name)
    with pytest.raises(ValueError, match="type"):
        full.api.artifact("mnist:v0", type="model")
    assert full.api.artifact_exists("mnist:v0")
    assert full.api.artifact_exists("mnist:v0", type="dataset")
    assert not full.api.artifact_exists("mnist:v0", type="model")


def test_a_name_in_two_projects_needs_its_project(full: Lab) -> None:
    """The default project counts, not the first that has it."""
    log(full, "mnist", "dataset", "one")
    log(full, "mnist", "dataset", "two", run="other/dddd4444")
    assert full.api.artifact("other/mnist").project == "other"
    with pytest.raises(NotFoundError):
        full.api.artifact("mnist")
    assert Api({"project": "other"}, root=full.root).artifact("mnist").project == "other"


def test_collections_and_types_are_listed(full: Lab) -> None:
    """By project and by type."""
    log(full, "mnist", "dataset", "one")
    log(full, "mnist", "dataset", "two", tags=["clean"])
    log(full, "lenet", "model", "three")
    api = full.api
    assert [kind.name for kind in api.artifact_types("p")] == ["dataset", "model"]
    assert [found.name for found in api.artifact_collections("team/p", "model")] == ["lenet"]
    assert [found.name for found in api.artifact_collections("p")] == ["lenet", "mnist"]
    assert [found.name for found in api.artifact_type("dataset", "p").collections()] == ["mnist"]
    assert api.artifact_type("dataset", "p").collection("mnist").type == "dataset"
    assert [a.version for a in api.artifacts("dataset", "p/mnist")] == ["v1", "v0"]
    assert [a.version for a in api.artifacts("dataset", "mnist", order="+created_at")] == ["v0", "v1"]
    assert [a.version for a in api.artifacts("dataset", "mnist", tags="clean")] == ["v1"]
    assert api.artifact_collection_exists("mnist", "dataset")
    assert not api.artifact_collection_exists("mnist", "model")
    assert not api.artifact_collection_exists("minst", "dataset")
    with pytest.raises(NotFoundError, match="'modle'"):
        api.artifact_type("modle", "p")
    with pytest.raises(UsageError, match="type"):
        api.artifacts("model", "mnist")
    with pytest.raises(NotFoundError):
        api.artifact_collection("dataset", "nothing")


def test_a_collection_is_described_and_deleted(full: Lab) -> None:
    """Description and tags of its own."""
    log(full, "mnist", "dataset", "one", aliases=["best"])
    collection = full.api.artifact_collection("dataset", "mnist")
    collection.description, collection.tags = "digits", ["vision"]
    collection.save()
    again = full.api.artifact_collection("dataset", "mnist")
    assert (again.description, again.tags) == ("digits", ["vision"])
    assert sorted(again.aliases) == ["best", "latest"]
    assert again.created_at.startswith("20")
    again.delete()
    assert not full.api.artifact_exists("mnist:v0")
    assert not full.api.artifact_collection_exists("mnist", "dataset")


def test_a_path_says_what_it_names(full: Lab) -> None:
    """An artifact, a run, a project."""
    log(full, "mnist", "dataset", "one")
    assert full.api.from_path("team/p/mnist:v0").name == "mnist:v0"
    assert full.api.from_path("p/bbbb2222").id == "bbbb2222"
    assert len(full.api.from_path("team/p")) == 3


def test_a_run_of_the_catalogue_can_be_opened_alone(full: Lab) -> None:
    """A live run gives such runs from `artifact.logged_by()`."""
    log(full, "mnist", "dataset", "one")
    entry = Catalog(full.repo.layout).find("aaaa1111")
    run = open_run(entry)
    assert run == full.api.run("aaaa1111")
    assert [artifact.name for artifact in run.logged_artifacts()] == ["mnist:v0"]
