"""The list of packages is found anew only when something was installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracker.live.package_list import requirements


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "scripts"), str(folder)])
    return folder


def install(site: Path, name: str, version: str) -> None:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_packages_are_listed_and_the_list_is_kept(site: Path, tmp_path: Path) -> None:
    install(site, "one", "1.0")
    cache = tmp_path / "cache.json"
    assert requirements(cache) == "one==1.0\n"
    assert requirements(cache) == "one==1.0\n"
    cache.write_text(cache.read_text().replace("1.0", "9.9"))
    assert requirements(cache) == "one==9.9\n"


def test_an_installation_is_noticed(site: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.json"
    install(site, "one", "1.0")
    requirements(cache)
    install(site, "two", "2.0")
    assert requirements(cache) == "one==1.0\ntwo==2.0\n"


def test_a_package_beside_the_script_is_noticed(site: Path, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    cache = tmp_path / "cache.json"
    assert requirements(cache) == ""
    install(tmp_path / "scripts", "local", "0.1")
    assert requirements(cache) == "local==0.1\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1}'])
def test_a_damaged_cache_is_made_anew(site: Path, tmp_path: Path, text: str) -> None:
    install(site, "one", "1.0")
    cache = tmp_path / "cache.json"
    cache.write_text(text)
    assert requirements(cache) == "one==1.0\n"
