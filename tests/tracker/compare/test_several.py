"""Runs side by side."""

from __future__ import annotations

from pathlib import Path

from tests.tracker.compare.runs_on_disk import make_run
from tracker.compare.runs import ComparedRun
from tracker.compare.several import side_by_side
from tracker.compare.values import ABSENT
from vcs.repo import Repo


def test_each_key_is_a_line_and_says_whether_it_differs(git_repo: Path) -> None:
    layout = Repo.open(git_repo).layout
    runs = [
        make_run(layout, "a", [{"loss": 1.0, "nan": float("nan")}], config={"lr": 0.1, "net": {"width": 3}}),
        make_run(layout, "b", [{"loss": 0.5, "nan": float("nan")}], config={"lr": 0.1, "net": {"width": 4}}),
        make_run(
            layout,
            "c",
            [{"loss": 1.0}],
            config={"lr": 0.1, "extra": None},
            session={"python": "3.12.1"},
            packages=["torch==2.2.0"],
        ),
    ]
    found = side_by_side([ComparedRun(run) for run in runs])
    config = {line.key: (line.values, line.differs) for line in found.config}
    assert config == {
        "lr": ((0.1, 0.1, 0.1), False),
        "net.width": ((3, 4, ABSENT), True),
        "extra": ((ABSENT, ABSENT, None), True),
    }
    assert {line.key for line in found.environment if line.differs} == {"python"}
    assert {line.key: line.values for line in found.packages if line.differs} == {
        "torch": ("2.1.0", "2.1.0", "2.2.0"),
        "numpy": ("1.26.0", "1.26.0", ABSENT),
    }
    assert [(line.key, line.differs) for line in found.results] == [("loss", True), ("nan", True)]
