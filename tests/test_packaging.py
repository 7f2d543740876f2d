"""What is installed is what the repository holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tracker", "vcs", "hooks")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files that git knows, apart from what building leaves beside them."""
    if not (ROOT / ".git").exists():
        pytest.skip("not in a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    kept = (*PACKAGES, "pyproject.toml", "README.md")
    for name in listed.decode().rstrip("\0").split("\0"):
        if name.split("/")[0] in kept and (ROOT / name).exists():
            target = tmp_path / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    return tmp_path / "source"


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_packages(source: Path, tmp_path: Path) -> None:
    """The page, the stand-in for wandb, and git's hooks too; programs stay programs."""
    pytest.importorskip("setuptools", minversion="77")
    code = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=source, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        modes = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
    wanted = {
        str(path.relative_to(source)): path.stat().st_mode
        for name in PACKAGES
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    held = {name for name in modes if name.split("/")[0] in PACKAGES}
    assert held == wanted.keys()
    assert {n for n, mode in wanted.items() if mode & 0o100} == {n for n in held if modes[n] & 0o100}
