"""Sizes, numbers, ages and tables as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tracker.cli import output
from tracker.read.words import text_width

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1000, "1 kB"), (1536, "1.54 kB"), (999_900, "1 MB"), (3_400_000_000, "3.4 GB")],
)
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert output.size_text(size) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-01-02T11:59:30.000Z", "30 s ago"),
        ("2026-01-02T09:00:00.000Z", "3 h ago"),
        ("2025-12-31T12:00:00.000Z", "2 d ago"),
        ("2026-01-02T12:00:01.000Z", "in the future"),
        ("whenever", "whenever"),
    ],
)
def test_ages(time: str, text: str) -> None:
    assert output.age_text(time, now=NOW) == text


def test_durations() -> None:
    assert [output.duration_text(s) for s in (4.5, 123, 3723)] == ["4.5 s", "2:03", "1:02:03"]


def test_a_table_aligns_wide_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["name", "n"], [["实验", 1], ["abcd", 22]], right=["n"])
    assert capsys.readouterr().out.splitlines() == ["name   n", "实验   1", "abcd  22"]


def test_colors_go_around_the_text_and_not_its_padding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column that is a word wide stays so."""
    monkeypatch.setattr(output.click, "style", lambda text, **style: f"<{text}>" if "fg" in style else text)
    output.print_table(["s", "n"], [["ok", 1], ["failed", 2], ["实", 3]], colors={"ok": "green"})
    assert capsys.readouterr().out.splitlines() == ["s       n", "<ok>      1", "failed  2", "实      3"]


def test_a_table_is_cut_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The widest column gives way, wide characters count twice."""
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    output.print_table(["name", "n"], [["a" * 40, 1], ["实" * 20, 22]], right=["n"])
    assert [text_width(line) for line in capsys.readouterr().out.splitlines()[1:]] == [20, 20]


@pytest.mark.parametrize("width", [20, 34, 60, 80])
def test_a_table_of_many_columns_fits_and_says_what_it_leaves_out(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers stay whole as long as a text can be cut instead."""
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    head = ["name", "state", "loss", "accuracy of the test", "epoch"]
    rows = [["a long name of a run", "finished", 0.038165, 0.93266, 7]]
    output.print_table(head, rows, right=head[2:], optional=head[2:])
    said = capsys.readouterr()
    lines = [line.removeprefix("\x1b[1m").removesuffix("\x1b[0m") for line in said.out.splitlines()]
    assert max(map(text_width, lines)) <= width
    shown = lines[1].split()
    assert ("0.038165" in shown) == (width >= 34)
    assert ("epoch" in said.err) == (width < 60)


def test_an_empty_table_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["a", "b"], [])
    assert capsys.readouterr().out == "a  b\n"


def test_control_characters_of_a_record_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["name"], [["\x1b[2Jgone"]])
    assert "\x1b[2J" not in capsys.readouterr().out


def test_json_keeps_nan_readable(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"loss": float("nan"), "best": [float("inf")]})
    assert capsys.readouterr().out == '{\n  "loss": "nan",\n  "best": [\n    "inf"\n  ]\n}\n'
