"""IPython's cells: what they print is kept, although IPython puts the streams back after each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.live.conftest import run_python, written
from tracker.collect.cells import in_each_cell, shell


def test_every_cell_of_a_run_is_in_its_output_and_no_other(git_repo: Path) -> None:
    """Also cells after the one that began the run; the program prints each line once."""
    pytest.importorskip("IPython")
    done = run_python(
        git_repo,
        """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        for cell in (
            "import sys, tracker; print('before')",
            "run = tracker.init(project='p', settings={'silent': True}); print('first')",
            "print('second')",
            "print('third', file=sys.stderr); 1 / 0",
            "print('fourth'); run.finish(); print('after')",
            "print('later')",
        ):
            shell.run_cell(cell)
        """,
    )
    said = [line for line in done.stdout.splitlines() if line.isalpha()]
    assert said == ["before", "first", "second", "fourth", "after", "later"]
    kept = written(git_repo).files.output.read_text().splitlines()
    assert [line for line in kept if line.isalpha()] == ["first", "second", "third", "fourth"]


def test_outside_of_ipython_there_are_no_cells() -> None:
    called: list[int] = []
    in_each_cell(lambda: called.append(1))()
    assert (shell(), called) == (None, [])
