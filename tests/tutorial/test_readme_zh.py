"""The programs of README.zh-CN.md run as they stand there, in order, in one project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tracker

pytestmark = [pytest.mark.torch, pytest.mark.slow]
README = Path(__file__).parents[2] / "README.zh-CN.md"


def programs() -> list[str]:
    """Return the Python blocks that are whole: they import what they use."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    return [block for block in blocks if re.match(r"import ", block)]


def test_every_program_of_the_chinese_tutorial_runs(git_repo: Path) -> None:
    pytest.importorskip("torch")
    found = programs()
    assert len(found) == 5
    for number, text in enumerate(found):
        script = git_repo / f"program{number}.py"
        script.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, script.name],
            cwd=git_repo,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(README.parent)},
        )
        assert done.returncode == 0, done.stderr
    api = tracker.Api(root=git_repo)
    assert len(api.run("demo/first").history(pandas=False)) == 8
    assert api.run("LeNet5/night").summary["epoch"] == 2
    assert api.artifact("LeNet5/lenet5-mnist:best").version == "v0"


def test_its_pictures_and_pages_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(((?!#)[^)]+)\)", text):
        assert (README.parent / target).is_file(), target
    headings = {
        re.sub(r"[^\w-]", "", line.lstrip("# ").replace(" ", "-")).lower()
        for line in text.splitlines()
        if line.startswith("#")
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert anchor in headings, anchor
