"""A virtual environment with the packages of then."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from tests.tracker.revive.scripts import commit_script, only_run, start, tracker_command
from tracker.errors import NotFoundError
from tracker.revive import environment
from tracker.revive.environment import Wanted, build, wanted
from tracker.revive.python_facts import ask
from tracker.revive.reproduce import ReproduceOptions, plan_reproduction, reproduce
from tracker.storage.catalog import Catalog
from vcs.layout import Layout
from vcs.repo import Repo

HERE = platform.python_version()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip and uv find packages: two versions of a tiny one."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny.py", f"VERSION = {version!r}\n")
            about = f"tiny-{version}.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.delenv(f"{tool}_INDEX_URL", raising=False)
    return folder


@pytest.fixture
def layout(git_repo: Path) -> Layout:
    return Repo.open(git_repo).layout


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tracker needs itself is not at hand in a test, and not asked for."""
    monkeypatch.setattr(environment, "_our_requirements", dict)


def said(python: str, code: str) -> str:
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.strip()


# what is wanted


def test_packages_are_wanted_as_they_were_recorded(tmp_path: Path) -> None:
    commit = "a" * 40
    lines = [
        "numpy==1.26.0",
        "pip==24.0",
        "tracker==0.1",
        f"lib==1.0  # https://host/team/lib.git@{commit}",
        "archive==2.0  # https://host/archive.zip",
        "not a requirement",
    ]
    found = wanted("\n".join(lines), "3.11.7", project=tmp_path).lines
    assert "numpy==1.26.0" in found
    assert f"lib @ git+https://host/team/lib.git@{commit}" in found
    assert "archive @ https://host/archive.zip" in found
    assert not any(line.startswith(("pip", "tracker", "not")) for line in found)


def test_what_tracker_needs_is_wanted_too_and_recorded_versions_win(tmp_path: Path) -> None:
    found = wanted("msgspec==0.1.2\n", "3.11.7", project=tmp_path).lines
    assert "msgspec==0.1.2" in found
    assert sum(line.startswith("msgspec") for line in found) == 1
    assert any(line.startswith("click==") for line in found)


def test_the_project_itself_comes_from_the_worktree_and_other_folders_as_they_are(tmp_path: Path) -> None:
    project, other = tmp_path / "project", tmp_path / "other"
    project.mkdir()
    other.mkdir()
    text = f"mine==0.1  # file://{project}\nlib==0.2  # file://{other}\ngone==1  # file://{tmp_path}/gone\n"
    found = wanted(text, "3.11.7", project=project)
    assert f"lib @ file://{other}" in found.lines
    assert not any(line.startswith(("mine", "gone")) for line in found.lines)
    assert len(found.notes) == 2
    assert "which is gone" in found.notes[1]


def test_equal_lists_are_one_environment() -> None:
    assert Wanted("3.11.7", ("a==1",)).digest == Wanted("3.11.7", ("a==1",), ("note",)).digest
    assert Wanted("3.11.7", ("a==1",)).digest != Wanted("3.11.8", ("a==1",)).digest


# building


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_an_environment_has_the_packages_and_this_tracker_and_is_built_once(
    layout: Layout, wheels: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    if tool == "pip":
        monkeypatch.setattr(environment, "_uv", lambda: None)
    elif environment._uv() is None:
        pytest.skip("there is no uv here")
    want = Wanted(HERE, ("tiny==1.0",))
    python = build(layout, want)
    assert Path(python).is_relative_to(layout.environments)
    assert said(python, "import tiny; print(tiny.VERSION)") == "1.0"
    assert said(python, "import tracker; print(tracker.__version__)")
    # Nothing else of the Python that we run in.
    assert said(python, "import importlib.util as u; print(u.find_spec('msgspec'))") == "None"
    before = (Path(python).parent.parent / "complete.json").stat().st_mtime_ns
    assert build(layout, want) == python
    assert (Path(python).parent.parent / "complete.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_one_that_was_not_finished_is_built_anew(layout: Layout, wheels: Path) -> None:
    want = Wanted(HERE, ("tiny==2.0",))
    left = layout.environments / want.digest
    left.mkdir(parents=True)
    (left / "half").write_text("x")
    python = build(layout, want)
    assert not (left / "half").exists()
    assert said(python, "import tiny; print(tiny.VERSION)") == "2.0"


@pytest.mark.slow
def test_a_package_that_cannot_be_had_is_named(layout: Layout, wheels: Path) -> None:
    want = Wanted(HERE, ("tiny==3.0",))
    with pytest.raises(NotFoundError, match=r"tiny==3\.0") as raised:
        build(layout, want)
    assert raised.value.hint is not None
    assert "without --env" in raised.value.hint
    assert not (layout.environments / want.digest / "complete.json").exists()


def test_without_uv_another_python_is_asked_for(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_uv", lambda: None)
    with pytest.raises(NotFoundError, match=r"no Python 2\.7\.1") as raised:
        build(layout, Wanted("2.7.1", ()))
    assert raised.value.hint is not None
    assert "uv" in raised.value.hint


@pytest.mark.slow
def test_a_run_is_run_again_with_the_packages_of_then(git_repo: Path, wheels: Path, alone: None) -> None:
    """The tiny package was at 1.0 then; it is not installed at all where this test runs."""
    commit_script(git_repo, "import tracker, tiny; tracker.init(project='p').log({'v': tiny.VERSION})")
    path = str(wheels / "tiny-1.0-py3-none-any.whl")
    start(git_repo, "train.py", PYTHONPATH=path)
    run = only_run(git_repo)
    requirements = git_repo / ".tracker/runs/p" / run / "requirements.txt"
    assert "tiny==1.0" in requirements.read_text()
    requirements.write_text("tiny==1.0\n")
    done = tracker_command(git_repo, "reproduce", run, status=3)
    assert "packages of then are missing: tiny" in done.stderr
    # What tracker needs cannot be had from the wheels of this test, and is lent by its own folder.
    repo = Repo.open(git_repo)
    entry = Catalog(repo.layout).find(run)
    options = ReproduceOptions(own_environment=True)
    lent = {**os.environ, "PYTHONPATH": str(Path(msgspec.__file__).parents[1])}
    plan = plan_reproduction(repo, entry, options, lent)
    found = reproduce(repo, entry, options, plan)
    assert found.verdict.status == "identical"
    assert found.run.record.sessions[0].extra["executable"].startswith(str(repo.layout.environments))


# a Python and what it has


def test_a_python_says_what_it_has() -> None:
    facts = ask(sys.executable, folder=Path("/"))
    assert facts.version == HERE
    assert facts.packages["msgspec"]


def test_folders_of_the_project_among_its_paths_are_known(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{git_repo}/src:{git_repo}:/elsewhere")
    facts = ask(sys.executable, folder=git_repo)
    assert facts.paths_below(git_repo) == ["src", "."]
    assert facts.paths_below(git_repo / "src") == ["."]


def test_a_python_that_is_not_there_is_said() -> None:
    with pytest.raises(NotFoundError, match="no Python"):
        ask("/no/such/python", folder=Path("/"))
