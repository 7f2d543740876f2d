"""A run is looked at while it is live: as a data frame, and in a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracker
from vcs.errors import UsageError


def test_a_live_run_has_every_row_so_far(project: Path) -> None:
    """Also those that the writer had not written yet; and after its end."""
    pytest.importorskip("pandas")
    with tracker.init(project="p") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 0.5, "acc": 1})
        assert run.to_pandas()["loss"].tolist() == [1.0, 0.5]
        assert run.to_pandas(["acc"])["_step"].tolist() == [1]
    assert len(run.to_pandas()) == 2


def test_a_live_run_shows_itself_in_a_notebook(project: Path) -> None:
    with tracker.init(project="p", name="shown", config={"lr": 0.1}) as run:
        run.log({"loss": 1.0})
        run.log({"loss": 0.5})
        shown = run._repr_html_() or ""
    assert "shown" in shown
    assert "running" in shown
    assert "<path" in shown


def test_a_run_that_records_nothing_has_nothing_to_show(project: Path) -> None:
    """A notebook then shows its usual text."""
    run = tracker.init(project="p", mode="disabled")
    assert run._repr_html_() is None
    with pytest.raises(UsageError, match="disabled"):
        run.to_pandas()
