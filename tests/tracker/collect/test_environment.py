"""What a session runs on."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.collect import environment
from tracker.collect.environment import collect_environment


def test_it_says_what_python_and_machine_these_are() -> None:
    """With the machine's memory and processors as this process may use them."""
    facts = collect_environment()

    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["executable"] == sys.executable
    assert facts["platform"].startswith(("Linux-", "Darwin-", "Windows-"))
    assert facts["argv"][0] == sys.orig_argv[0]
    assert 0 < facts["cpu"]["available"] <= facts["cpu"]["count"]
    assert facts["memory_bytes"] > 1 << 20
    assert isinstance(facts["gpus"], list)


def test_secrets_in_command_line_and_variables_are_masked() -> None:
    """They never reach a record."""
    facts = collect_environment(
        {"CUDA_VISIBLE_DEVICES": "0", "WANDB_API_KEY": "0123456789abcdef"},
        ["python", "train.py", "--lr", "0.1", "--api-key", "0123456789abcdef"],
    )

    assert facts["environment"]["CUDA_VISIBLE_DEVICES"] == "0"
    assert facts["argv"][:4] == ["python", "train.py", "--lr", "0.1"]
    assert "0123456789abcdef" not in str(facts)


def test_without_variables_none_are_recorded() -> None:
    """The collector does not read the environment itself."""
    assert collect_environment()["environment"] == {}


def test_a_container_is_as_large_as_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a processor and 64 MiB, whatever the host has."""
    (tmp_path / "cpu").write_text("50000 100000\n")
    (tmp_path / "memory").write_text("67108864\n")
    monkeypatch.setattr(environment, "_CPU_LIMIT", tmp_path / "cpu")
    monkeypatch.setattr(environment, "_MEMORY_LIMIT", tmp_path / "memory")

    facts = collect_environment()

    assert (facts["cpu"]["available"], facts["memory_bytes"]) == (0.5, 64 << 20)


@pytest.mark.parametrize("text", ["max 100000\n", "max\n", "", "rubbish", "5 0"])
def test_a_container_without_limits_is_as_large_as_its_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Also where the files are missing or say something odd."""
    (tmp_path / "limit").write_text(text)
    monkeypatch.setattr(environment, "_CPU_LIMIT", tmp_path / "limit")
    monkeypatch.setattr(environment, "_MEMORY_LIMIT", tmp_path / "missing")

    assert collect_environment()["cpu"]["available"] >= 1


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers that run under any number."""

    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)

    assert collect_environment()["user"] == str(os.getuid())


def test_nothing_heavy_is_imported_and_no_process_is_started() -> None:
    """It is part of the start of every run."""
    script = """
import subprocess, sys
subprocess.Popen = None
from tracker.collect.environment import collect_environment
collect_environment()
print([name for name in ("torch", "numpy", "psutil", "yaml") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
