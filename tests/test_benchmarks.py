"""What keeps the figures of benchmarks, and what ends a peer that hangs."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from benchmarks import peer_commands
from benchmarks.figures import Figure
from benchmarks.results import BEGIN, END, Measured, keep


def measured(name: str, value: float) -> Measured:
    """A module with one figure, and one peer."""
    return Measured(name, "small", [Figure("a work", value, "s", key="it")], "Quiet.", {"it": "peer 2 | 3 s"})


def test_a_module_that_was_measured_replaces_its_own_table(tmp_path: Path) -> None:
    """The words around, and the tables of others, stay to the byte."""
    path = tmp_path / "RESULTS.md"
    path.write_text(f"# Results\n\n{BEGIN}\n{END}\n\n## Why\n\n### log\n")

    keep([measured("log", 1.5), measured("files", 2.5)], path)
    first = path.read_text()
    keep([measured("log", 3.5)], path)
    second = path.read_text()

    assert first.startswith(f"# Results\n\n{BEGIN}\n### files\n\n")
    assert first.endswith(f"\n\n{END}\n\n## Why\n\n### log\n")
    assert second.replace("3.5 s", "1.5 s").splitlines()[:9] == first.splitlines()[:9]
    assert "| a work | 2.5 s |  |  |  |  | peer 2 \\| 3 s |" in second
    assert "| a work | 3.5 s |" in second
    assert "1.5 s" not in second
    assert second.count("### ") == 3


def test_a_peer_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what would keep its output open for ever."""
    monkeypatch.setattr(peer_commands, "LIMIT_S", 0.2)
    began = time.monotonic()

    with pytest.raises(subprocess.TimeoutExpired):
        peer_commands.run(["bash", "-c", "sleep 600 & sleep 600"], tmp_path)

    assert time.monotonic() - began < 300
