"""Our surface against that of the installed wandb: names, parameters, defaults."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.frameworks import surface
from tests.frameworks.environments import NotInstallable, environment
from tracker.compat.wandb_command import answer

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def found() -> list[surface.Found]:
    try:
        return surface.compare(*surface.dumps())
    except NotInstallable as error:
        pytest.skip(f"wandb cannot be installed: {error}")


def test_every_difference_from_the_installed_wandb_has_a_reason_and_every_reason_a_difference(
    found: list[surface.Found],
) -> None:
    _, wrong = surface.explained(found, yaml.safe_load(surface.REASONS.read_text()))
    assert not wrong, "\n".join(wrong)


def test_the_table_in_docs_says_what_was_found(found: list[surface.Found]) -> None:
    why, _ = surface.explained(found, yaml.safe_load(surface.REASONS.read_text()))
    assert surface.TABLE.read_text() == surface.render(found, why), "python -m tests.frameworks.surface"


def test_every_command_of_the_installed_wandb_is_answered() -> None:
    try:
        wandb = environment("wandb") / "bin" / "wandb"
    except NotInstallable as error:
        pytest.skip(f"wandb cannot be installed: {error}")
    told = subprocess.run([str(wandb), "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z-]+)  ", told.partition("Commands:")[2], re.MULTILINE)

    assert {"artifact", "login", "sync", "sweep"} <= set(commands)
    assert [name for name in commands if "unknown" in answer([name])[1]] == []


def test_a_lost_parameter_and_another_default_are_differences() -> None:
    theirs = {"f": [["a", "required"], ["b", "1"], ["c", "None"]], "g": None, "h": None}
    ours = {"f": [["a", "None"], ["b", "2"]], "g": None}
    verdicts = {one.name: (one.verdict, one.how) for one in surface.compare(theirs, ours)}
    assert verdicts["f"] == ("different", "`b` is 2 unless given, not 1; `c` is not taken")
    assert verdicts["g"] == ("yes", "")
    assert verdicts["h"] == ("no", "")
