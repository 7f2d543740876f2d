"""Promises of whole runs, broken on purpose: full disks, kills, cleaned working trees."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import git
from tests.tracker.live.conftest import run_python, written
from vcs.repo import Repo


def test_an_end_that_the_ledger_refused_is_made_up_for_by_the_next_run(git_repo: Path) -> None:
    """The disk was full when the run ended; later there is room again, and then comes a clean."""
    run_python(
        git_repo,
        """
        import tracker
        from tracker.errors import StoreError
        from vcs.records.ledger import Ledger

        run = tracker.init(project="p", id="first")
        run.log({"loss": 0.5})

        def full(*_, **__):
            raise StoreError("the disk is full")

        Ledger.commit = full
        run.finish()
        """,
    )
    run_python(git_repo, "import tracker; tracker.init(project='p', id='second').finish()")
    git(git_repo, "clean", "-q", "-fdx")
    Repo.open(git_repo)

    first = written(git_repo, "first")
    assert first.record.state == "finished"
    assert first.rows() == [{"_step": 0, "loss": 0.5}]
