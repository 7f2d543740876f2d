"""Where a version comes from, over several runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracker
from tracker.read.lineage import lineage_of
from vcs.repo import Repo


def log(name: str, text: str, *, uses: str | None = None, run_id: str) -> None:
    with tracker.init(project="p", id=run_id, settings={"silent": True}) as run:
        if uses:
            run.use_artifact(uses)
        artifact = tracker.Artifact(name, type="data")
        with artifact.new_file("content.txt") as file:
            file.write(text)
        run.log_artifact(artifact).wait()


@pytest.fixture
def repo(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.chdir(git_repo)
    log("raw", "raw", run_id="one")
    log("clean", "clean", uses="raw:latest", run_id="two")
    log("weights", "weights", uses="clean:v0", run_id="three")
    return Repo.open()


def test_the_chain_goes_back_to_the_first_version(repo: Repo) -> None:
    made = lineage_of(repo, repo.resolve("weights", project="p")).made
    chain = []
    while made.run is not None:
        chain.append((made.version, made.run.id))
        if not made.inputs:
            break
        (made,) = made.inputs
    assert chain == [("p/weights:v0", "three"), ("p/clean:v0", "two"), ("p/raw:v0", "one")]


def test_users_are_the_runs_that_took_it(repo: Repo) -> None:
    used_by = lineage_of(repo, repo.resolve("clean", project="p")).used_by
    assert [entry.id for entry in used_by] == ["three"]


def test_a_run_that_uses_what_it_made_ends_the_chain(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracker.init(project="p", id="own", settings={"silent": True}) as run:
        artifact = tracker.Artifact("data", type="data")
        with artifact.new_file("content.txt") as file:
            file.write("data")
        run.use_artifact(artifact)
    made = lineage_of(repo, repo.resolve("data", project="p")).made
    assert made.run is not None
    assert made.run.id == "own"
    assert made.inputs == ()


def test_the_records_of_a_maker_may_be_gone(repo: Repo) -> None:
    tracker.Api().run("p/one").delete()
    made = lineage_of(repo, repo.resolve("raw", project="p")).made
    assert made.run is None
