"""Runs go to another tool and come back by an import as they were."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tracker
from tests.tracker.importers.sources import PNG
from tracker import Api, Histogram, Image, init

QUIET = {"console": "off", "x_disable_stats": True, "silent": True}


@pytest.fixture
def recorded(tracker: Tracker, git_repo: Path) -> str:
    """A run with a bit of everything."""
    (git_repo / "one.png").write_bytes(PNG)
    with init(
        project="p", name="calm", id="calm1234", config={"lr": 0.5, "opt": {"name": "adam"}}, settings=QUIET
    ) as run:
        for step in range(5):
            run.log({"loss": 1 / (step + 1), "val/acc": step, "nest": {"b": step}})
        run.log({"nan": math.nan, "inf": math.inf, "text": "hello", "flag": True})
        run.log({"picture": Image(str(git_repo / "one.png"), caption="cap"), "h": Histogram([1, 2, 2])})
        run.log({"val": 1.5})
        run.summary["best"] = 0.25
        run.tags = ["team=vision", "short"]
        run.notes = "about it"
    return str(run.id)


def back(tracker: Tracker, source: str, folder: str) -> Any:
    """Import what was exported into another project; return that run."""
    assert tracker("import", source, folder, "-p", "back").status == 0
    (run,) = Api().runs("back")
    return run


def rows(run: Any) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in row.items() if k[0] != "_" or k == "_step"} for row in run.history(pandas=False)
    ]


def test_tensorboard_has_numbers_text_media_and_hyperparameters(tracker: Tracker, recorded: str) -> None:
    said = tracker("export", recorded, "--tensorboard", "-o", "logs")
    assert said.status == 0
    run = back(tracker, "tensorboard", "logs")

    assert run.config == {"lr": 0.5, "opt.name": "adam"}
    found = rows(run)
    assert [row["_step"] for row in found] == list(range(8))
    assert [row["loss"] for row in found[:3]] == [1.0, 0.5, pytest.approx(1 / 3, rel=1e-7)]
    assert (found[4]["val/acc"], found[4]["nest.b"]) == (4, 4)
    assert (math.isnan(found[5]["nan"]), found[5]["inf"], found[5]["text"]) == (True, math.inf, "hello")
    assert Path(run.dir, found[6]["picture"]["path"]).read_bytes() == PNG
    assert sum(found[6]["h"]["values"]) == 3


def test_mlflow_has_metrics_parameters_tags_and_files(tracker: Tracker, recorded: str) -> None:
    assert tracker("export", recorded, "--mlflow", "-o", "mlruns").status == 0
    run = back(tracker, "mlflow", "mlruns")

    assert (run.name, run.notes, run.state) == ("calm", "about it", "finished")
    assert set(run.tags) >= {"team=vision", "short"}
    assert run.config == {"lr": 0.5, "opt.name": "adam"}
    found = rows(run)
    assert [row["loss"] for row in found[:5]] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    # A key that would be a file and a folder has dots below it.
    assert (found[4]["val.acc"], found[-1]["val"]) == (4.0, 1.5)
    assert math.isnan(found[5]["nan"])
    (files,) = run.logged_artifacts()
    assert any(path.startswith("media/images/") for path in files.manifest.entries)


def test_wandb_has_everything_but_versions(tracker: Tracker, recorded: str) -> None:
    assert tracker("export", recorded, "--wandb", "-o", "wandb").status == 0
    run = back(tracker, "wandb", "wandb")
    original = Api().run(f"p/{recorded}")

    assert (run.id, run.name, run.notes, run.tags) == (recorded, "calm", "about it", ["team=vision", "short"])
    assert run.config == original.config
    found, wanted = rows(run), rows(original)
    assert [row["_step"] for row in found] == [row["_step"] for row in wanted]
    assert [{k: v for k, v in r.items() if k != "nan"} for r in found[:6]] == [
        {k: v for k, v in r.items() if k != "nan"} for r in wanted[:6]
    ]
    assert found[6]["picture"]["digest"] == wanted[6]["picture"]["digest"]
    assert (run.summary["best"], run.state) == (0.25, "finished")


@pytest.mark.parametrize("kind", ["tensorboard", "mlflow", "wandb"])
def test_a_second_export_replaces_the_first_and_leaves_nothing_behind(
    tracker: Tracker, recorded: str, kind: str
) -> None:
    first = tracker("export", recorded, f"--{kind}", "-o", "out").out
    assert tracker("export", recorded, f"--{kind}", "-o", "out").out == first
    hidden = [name for _, folders, files in os.walk("out") for name in (*folders, *files) if name[0] == "."]
    assert hidden == []


def test_what_does_not_go_together_is_said(tracker: Tracker, recorded: str) -> None:
    Path("file").write_text("")
    Path("folder").mkdir()
    assert tracker("export", recorded, "--wandb", "-o", "file").status == 2
    assert tracker("export", recorded, "--csv", "-o", "folder").status == 2
    assert tracker("export", recorded, "--csv", "--lang", "zh").status == 2
    assert tracker("export", recorded, "--mlflow", "--system").status == 2
    assert tracker("export", recorded, "--mlflow", "--wandb").status == 2


def test_a_page_is_in_the_language_asked_for(recorded: str, tracker: Tracker) -> None:
    """Else it follows the browser."""
    assert tracker("export", recorded, "--html", "--lang", "zh", "-o", "page.html").status == 0
    assert '<html lang="zh-CN">' in Path("page.html").read_text(encoding="utf-8")
