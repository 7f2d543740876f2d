"""Which version an alias names, and which it named before."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcs.artifacts.alias_log import AliasMove, append_moves, read_alias_log


def move(alias: str, version: str | None, previous: str | None = None, time: str = "t") -> AliasMove:
    """A move without a run."""
    return AliasMove(alias, version, previous, time)


def test_the_last_line_of_an_alias_wins(tmp_path: Path) -> None:
    """A removal is a line too."""
    path = tmp_path / "aliases.yaml"
    append_moves(path, [move("latest", "v0"), move("best", "v0"), move("latest", "v1"), move("best", None)])
    assert read_alias_log(path).current == {"latest": "v1"}


def test_every_move_says_what_the_alias_named_before(tmp_path: Path) -> None:
    """So any move can be undone; the log need not repeat it."""
    path = tmp_path / "aliases.yaml"
    append_moves(path, [move("a", "v0"), move("a", "v1"), move("a", None), move("a", "v0")])
    assert [step.previous for step in read_alias_log(path).moves] == [None, "v0", "v1", None]


def test_a_run_is_kept(tmp_path: Path) -> None:
    """Who moved it."""
    path = tmp_path / "aliases.yaml"
    append_moves(path, [AliasMove("a", "v0", None, "t", run="if8bjzd0")])
    assert read_alias_log(path).moves[0].run == "if8bjzd0"


def test_past_versions_come_newest_first(tmp_path: Path) -> None:
    """Each once."""
    path = tmp_path / "aliases.yaml"
    append_moves(path, [move("a", "v0"), move("a", "v1"), move("b", "v9"), move("a", "v0"), move("a", "v2")])
    assert read_alias_log(path).last_of("a") == ["v2", "v0", "v1"]


def test_the_highest_number_counts_removed_aliases_too(tmp_path: Path) -> None:
    """Numbers are never used again."""
    path = tmp_path / "aliases.yaml"
    append_moves(path, [move("a", "v10"), move("a", None), move("b", "v9")])
    assert read_alias_log(path).highest == 10
    assert read_alias_log(tmp_path / "none").highest == -1


@pytest.mark.parametrize(
    "line",
    [
        "- {}",
        '- {"alias": "best"}x',
        '- {"alias": 1, "version": "v0"}',
        '- {"alias": "a/b", "version": "v0"}',
        '- {"alias": "v3", "version": "v0"}',
        '- {"alias": "best", "version": "../v0"}',
        '- {"alias": "best", "version": 3}',
        '- {"alias": "best", "version": true}',
    ],
)
def test_lines_that_we_never_write_count_for_nothing(tmp_path: Path, line: str) -> None:
    """They are numbered, and the others stay."""
    path = tmp_path / "aliases.yaml"
    path.write_text(f'- {{"time": "t", "alias": "latest", "version": "v0"}}\n{line}\n')
    log = read_alias_log(path)
    assert log.current == {"latest": "v0"}
    assert log.damaged == (2,)
