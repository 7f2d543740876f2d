"""Versions: names, aliases, edits, contents brought back, links, lineage."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.tracker.live.port import PortRun
from tests.tracker.live.port import log_files as log
from tracker.artifact import Artifact
from tracker.artifacts.home import enter_home, leave_home
from tracker.errors import NotFoundError
from tracker.live import term
from tracker.live.artifact_ops import home_of, link_artifact, log_artifact, log_code, use_artifact
from vcs.atomic import write_atomic


@pytest.fixture
def here(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the current directory, with notices."""
    monkeypatch.setattr(term, "_loudness", "normal")
    monkeypatch.chdir(git_repo)
    return git_repo


@pytest.fixture
def run(here: Path) -> PortRun:
    """A run in it, of the project LeNet5."""
    return PortRun(here)


# versions


def test_versions_count_up_and_equal_contents_are_one_version(
    run: PortRun, capfd: pytest.CaptureFixture[str]
) -> None:
    """A, B, A gives v0, v1, v0; latest moves back, with a notice."""
    first, second = log(run, a="1"), log(run, a="2")
    assert (first.name, second.name) == ("mnist:v0", "mnist:v1")
    again = log(run, a="1")
    assert (again.name, again.aliases) == ("mnist:v0", ["latest"])
    assert "latest moves to it from v1" in capfd.readouterr().err
    assert use_artifact(run, "mnist").version == "v0"


def test_other_metadata_for_equal_contents_replaces_the_old_with_a_warning(
    run: PortRun, capfd: pytest.CaptureFixture[str]
) -> None:
    """wandb drops it silently."""
    log(run, a="1")
    artifact = Artifact("mnist", "dataset", metadata={"acc": 1})
    with artifact.new_file("a", "w") as stream:
        stream.write("1")
    log_artifact(run, artifact)
    assert (artifact.version, artifact.metadata) == ("v0", {"acc": 1})
    assert "metadata of mnist:v0 replaced" in capfd.readouterr().err
    assert log(run, a="1").metadata == {"acc": 1}


def test_the_version_says_where_it_came_from(run: PortRun) -> None:
    """Run, step, names, times."""
    run.log({"x": 1})
    artifact = log(run, a="1")
    assert (artifact.qualified_name, artifact.version, artifact.history_step) == ("LeNet5/mnist:v0", "v0", 0)
    assert (artifact.state, artifact.source_name, artifact.is_link) == ("COMMITTED", "mnist:v0", False)
    assert artifact.created_at == artifact.updated_at
    assert artifact.wait() is artifact
    assert artifact.digest in Path(artifact.url.removeprefix("file://")).read_text()  # type: ignore[union-attr]


def test_another_type_under_one_name_is_refused_and_the_draft_lives_on(run: PortRun) -> None:
    """A collection has one type for life."""
    log(run, a="1")
    artifact = Artifact("mnist", "model")
    with pytest.raises(ValueError, match="dataset"):
        log_artifact(run, artifact)
    with artifact.new_file("x") as stream:
        stream.write("x")
    assert artifact.state == "PENDING"


def test_save_without_a_run_logs_without_a_run(here: Path) -> None:
    """With the commit of the repository, under the project of the settings."""
    (here / "tracker.yaml").write_text("project: digits\n")
    artifact = Artifact("mnist", "dataset")
    artifact.add_file("train.py")
    artifact.save()
    assert artifact.qualified_name == "digits/mnist:v0"
    assert artifact.logged_by() is None
    assert len(artifact.commit_hash or "") == 40
    other = Artifact("mnist", "dataset")
    other.save(project="other")
    assert other.qualified_name == "other/mnist:v0"


def test_save_goes_through_the_live_run(run: PortRun) -> None:
    """While a run is live, its home is that of drafts."""
    home = home_of(run)
    enter_home(home)
    try:
        artifact = Artifact("mnist", "dataset")
        artifact.save()
    finally:
        leave_home(home)
    leave_home(home)
    assert [one["artifact"] for one in run.logged] == ["LeNet5/mnist"]


def test_log_artifact_of_paths_and_uris(run: PortRun, here: Path) -> None:
    """Named after the run and the file, of type unspecified."""
    (here / "my data").mkdir()
    (here / "my data" / "a").write_text("a")
    assert log_artifact(run, "train.py").name == "run-abcd1234-train.py:v0"
    folder = log_artifact(run, here / "my data", aliases=["raw"])
    assert (folder.name, folder.type, sorted(folder.aliases)) == (
        "run-abcd1234-my-data:v0", "unspecified", ["latest", "raw"],
    )  # fmt: skip
    assert log_artifact(run, "train.py", name="code", type="script").name == "code:v0"
    assert (
        log_artifact(run, "s3://bucket/model.pt").manifest.entries["model.pt"].ref == "s3://bucket/model.pt"
    )
    with pytest.raises(NotFoundError, match="nowhere"):
        log_artifact(run, "nowhere")


def test_logging_a_version_again_gives_it_the_aliases(run: PortRun) -> None:
    """And latest."""
    first, _ = log(run, a="1"), log(run, a="2")
    log_artifact(run, first, aliases=["best"], tags=["good one"])
    assert sorted(use_artifact(run, "mnist:best").aliases) == ["best", "latest"]
    assert use_artifact(run, "mnist").tags == ["good one"]


def test_log_code_takes_python_files(run: PortRun, here: Path) -> None:
    """Or what the functions say."""
    (here / "sub").mkdir()
    (here / "sub" / "a.py").write_text("a")
    (here / "b.txt").write_text("b")
    code = log_code(run)
    assert code is not None
    assert (list(code.manifest.entries), code.type) == (["sub/a.py", "train.py"], "code")
    assert log_code(run, include_fn=lambda path: path.endswith(".rs")) is None
    only = log_code(run, name="source-x", include_fn=lambda path, root: "sub" in os.path.relpath(path, root))
    assert only is not None
    assert list(only.manifest.entries) == ["sub/a.py"]


# use


def test_every_form_of_a_name_finds_the_version(run: PortRun) -> None:
    """Entities are accepted and select nothing."""
    artifact = log(run, a="1")
    log(run, a="2")
    artifact.aliases.append("best")
    artifact.save()
    for name in (
        "mnist:v0", "mnist:best", f"mnist@{artifact.digest[:8]}", "LeNet5/mnist:v0", "team/LeNet5/mnist:best",
    ):  # fmt: skip
        assert use_artifact(run, name, type="dataset").digest == artifact.digest
    assert use_artifact(run, "mnist").version == use_artifact(run, "LeNet5/mnist:latest").version == "v1"


def test_what_does_not_exist_is_said_with_near_names(run: PortRun) -> None:
    """As a ValueError too, which scripts catch."""
    log(run, a="1")
    for name, hint in (
        ("mnits", "mnist"),
        ("mnist:lastest", "latest"),
        ("mnist:v7", "v0"),
        ("Lenet/mnist", "LeNet5"),
    ):
        with pytest.raises(NotFoundError) as caught:
            use_artifact(run, name)
        assert hint in str(caught.value)
    with pytest.raises(ValueError, match="type 'dataset', not 'model'"):
        use_artifact(run, "mnist", type="model")


def test_an_input_is_recorded_by_digest_with_the_folder_it_went_to(run: PortRun, here: Path) -> None:
    """The alias may move on; what the run used does not."""
    digest = log(run, a="1").digest
    artifact = use_artifact(run, "mnist:latest")
    entry = {
        "artifact": "LeNet5/mnist",
        "version": "v0",
        "digest": digest,
        "as": "mnist:latest",
        "path": None,
    }
    assert run.used == [entry]
    artifact.download()
    assert run.used == [{**entry, "path": "./artifacts/mnist:v0"}]
    use_artifact(run, "mnist:latest")
    assert run.used == [{**entry, "path": "./artifacts/mnist:v0"}]
    artifact.checkout(here / "data")
    assert run.used[0]["path"] == str(here / "data")


def test_using_a_draft_logs_it_first(run: PortRun) -> None:
    """As wandb does with the aliases."""
    artifact = Artifact("mnist", "dataset")
    use_artifact(run, artifact, aliases=["mine"])
    assert (artifact.version, sorted(artifact.aliases)) == ("v0", ["latest", "mine"])
    assert len(run.used) == len(run.logged) == 1


# what may change


def test_aliases_are_a_list_that_save_writes(run: PortRun) -> None:
    """Append, remove, assign; they move between versions."""
    first, second = log(run, a="1"), log(run, a="2")
    first.aliases.append("best")
    first.save()
    second.aliases = ["best", "prod"]
    second.save()
    assert use_artifact(run, "mnist:best").version == "v1"
    assert use_artifact(run, "mnist:v0").aliases == []
    second.aliases.remove("prod")
    second.save()
    assert sorted(use_artifact(run, "mnist").aliases) == ["best", "latest"]
    second.aliases.remove("latest")
    second.save()
    assert use_artifact(run, "mnist:v1").aliases == ["best"]


def test_an_alias_that_moved_on_is_not_taken_from_its_new_version(run: PortRun) -> None:
    """save writes only what was changed on this object."""
    first, second = log(run, a="1"), log(run, a="2")
    first.aliases.append("best")
    first.save()
    second.aliases.append("best")
    second.save()
    first.aliases.remove("best")
    first.description = "old"
    first.save()
    assert use_artifact(run, "mnist:best").version == "v1"
    assert use_artifact(run, "mnist:v0").description == "old"


@pytest.mark.parametrize("alias", ["a/b", "a:b", "", "v3", "@x"])
def test_an_alias_that_cannot_be_is_refused_before_anything_is_written(run: PortRun, alias: str) -> None:
    """Versions and separators are no aliases."""
    artifact = log(run, a="1")
    artifact.description = "new"
    artifact.aliases.append(alias)
    with pytest.raises(ValueError):
        artifact.save()
    assert use_artifact(run, "mnist").description is None
    with pytest.raises(ValueError):
        log_artifact(run, Artifact("other", "dataset"), aliases=[alias])
    with pytest.raises(NotFoundError):
        use_artifact(run, "other")


def test_description_metadata_tags_and_lifetime_can_be_edited(run: PortRun) -> None:
    """Others see them after save, the manifest stays as it was."""
    artifact = log(run, a="1")
    manifest = Path(str(artifact.url).removeprefix("file://")).read_bytes()
    artifact.description = "Handwritten digits"
    artifact.metadata["classes"] = 10
    artifact.tags = ["digits", "28 x 28", "digits"]
    artifact.ttl = timedelta(days=1)
    assert use_artifact(run, "mnist").description is None
    artifact.save()
    seen = use_artifact(run, "mnist")
    assert (seen.description, seen.metadata, seen.tags, seen.ttl) == (
        "Handwritten digits", {"classes": 10}, ["digits", "28 x 28"], timedelta(days=1),
    )  # fmt: skip
    assert Path(str(artifact.url).removeprefix("file://")).read_bytes() == manifest
    seen.ttl = None
    seen.description = None
    seen.save()
    assert use_artifact(run, "mnist").ttl is use_artifact(run, "mnist").description is None
    with pytest.raises(ValueError, match="tag"):
        artifact.tags = ["no/slash"]


def test_a_lifetime_can_be_set_before_logging(run: PortRun) -> None:
    """It becomes the version's."""
    artifact = Artifact("mnist", "dataset")
    artifact.ttl = timedelta(hours=1)
    log_artifact(run, artifact)
    assert use_artifact(run, "mnist").ttl == timedelta(hours=1)


def test_a_new_draft_begins_with_the_contents_of_a_version(run: PortRun) -> None:
    """Without reading a byte; logged, it is the next version and names its parent."""
    artifact = log(run, a="1", b="2")
    artifact.description = "first"
    artifact.save()
    draft = artifact.new_draft()
    assert (draft.description, draft.is_draft(), draft.digest) == ("first", True, artifact.digest)
    draft.remove("b")
    with draft.new_file("c") as stream:
        stream.write("3")
    log_artifact(run, draft)
    assert (draft.name, draft.parent, list(draft.manifest.entries)) == ("mnist:v1", "v0", ["a", "c"])
    assert list(artifact.manifest.entries) == ["a", "b"]


def test_delete_wants_to_hear_about_aliases(run: PortRun) -> None:
    """The number is never used again; latest goes back."""
    first, second = log(run, a="1"), log(run, a="2")
    with pytest.raises(ValueError, match="latest"):
        second.delete()
    second.delete(delete_aliases=True)
    assert (second.state, use_artifact(run, "mnist").version) == ("DELETED", first.version)
    with pytest.raises(NotFoundError):
        use_artifact(run, "mnist:v1")
    assert log(run, a="3").version == "v2"


# links


def test_a_link_is_a_version_of_another_collection(run: PortRun) -> None:
    """With numbers of its own; edits go to the source, unlink leaves it."""
    artifact = log(run, a="1")
    link = link_artifact(run, artifact, "team/models/lenet", aliases=["prod"])
    assert (link.qualified_name, link.is_link, link.source_name) == ("models/lenet:v0", True, "mnist:v0")
    assert sorted(link.aliases) == ["latest", "prod"]
    link.description = "in production"
    link.save()
    assert use_artifact(run, "mnist:v0").description == "in production"
    used = use_artifact(run, "models/lenet:prod")
    assert Path(used.download()) == Path("artifacts/mnist:v0")
    assert run.used[-1]["artifact"] == "LeNet5/mnist"
    with pytest.raises(ValueError, match="link"):
        link.ttl = timedelta(days=1)
    with pytest.raises(ValueError, match="not a link"):
        artifact.unlink()
    link.unlink()
    assert use_artifact(run, "mnist:v0").state == "COMMITTED"
    with pytest.raises(NotFoundError):
        use_artifact(run, "models/lenet")


def test_linking_a_draft_logs_it_first(run: PortRun) -> None:
    """Linking a link links its source."""
    link = link_artifact(run, Artifact("mnist", "dataset"), "registry/digits")
    again = link.link("registry/numbers")
    assert again.source_qualified_name == "LeNet5/mnist:v0"


# lineage


def test_lineage_is_read_from_the_records_of_runs(run: PortRun) -> None:
    """The first producer; each consumer once, also through another alias."""
    artifact = log(run, a="1")
    assert artifact.logged_by() is None
    for run_id, created in (("abcd1234", "2026-01-02"), ("zzzz", "2026-01-01"), ("other", "2026-01-03")):
        uses = run_id != "other"
        used = (
            f"- {{artifact: LeNet5/mnist, version: v0, digest: {artifact.digest}, as: mnist}}\n"
            if uses
            else "[]"
        )
        write_atomic(
            run.repo.layout.run("LeNet5", run_id).record,
            f"format: 1\nid: {run_id}\nproject: LeNet5\ncreated: '{created}T00:00:00.000Z'\nstate: finished\n"
            + ("used:\n" if uses else "used: ")
            + used,
        )
    assert artifact.logged_by().id == "abcd1234"
    assert [user.id for user in artifact.used_by()] == ["zzzz", "abcd1234"]


# processes

LOGGER = """
import sys
from tracker.artifact import Artifact
for number in range(5):
    artifact = Artifact("shared", "dataset")
    with artifact.new_file("x", "w") as stream:
        stream.write(f"{sys.argv[1]} {number}")
    artifact.save()
    print(artifact.version)
"""


@pytest.mark.slow
def test_two_processes_that_log_one_name_lose_no_version(here: Path) -> None:
    """Ten contents, ten numbers."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOGGER, str(number)], stdout=subprocess.PIPE, text=True, env=environment
        )
        for number in range(2)
    ]
    versions = [line for process in processes for line in process.communicate()[0].split()]
    assert sorted(versions) == sorted(f"v{number}" for number in range(10))
