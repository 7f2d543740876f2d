"""Files of parameters and metrics, in every format."""

from __future__ import annotations

from typing import Any

import pytest

from hooks.auto_files import LARGEST_BYTES, read_metrics, read_params
from vcs.errors import FormatError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "lr: 0.1\nnet: {layers: 3}\n"),
        ("params.yml", "{lr: 0.1, net: {layers: 3}}"),
        ("params.json", '{"lr": 0.1, "net": {"layers": 3}}'),
        ("PARAMS.JSON", '\ufeff{"lr": 0.1, "net": {"layers": 3}}'),
        ("params.toml", "lr = 0.1\n[net]\nlayers = 3\n"),
    ],
)
def test_parameters_are_read_in_every_format(name: str, text: str) -> None:
    """All say the same."""
    assert read_params(name, text.encode()) == {"lr": 0.1, "net": {"layers": 3}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", "step,loss,note\n10,0.5,a\n20,0.25,\n"),
        ("m.tsv", "step\tloss\tnote\n10\t0.5\ta\n20\t0.25\t\n"),
        ("m.jsonl", '{"step": 10, "loss": 0.5, "note": "a"}\n\n{"step": 20, "loss": 0.25}\n'),
        ("m.json", '[{"step": 10, "loss": 0.5, "note": "a"}, {"step": 20, "loss": 0.25}]'),
        ("m.yaml", "- {step: 10, loss: 0.5, note: a}\n- {step: 20, loss: 0.25}\n"),
    ],
)
def test_rows_are_read_in_every_format(name: str, text: str) -> None:
    """With their steps; an empty cell is no value."""
    summary, rows = read_metrics(name, text.encode())
    assert summary == {}
    assert rows == [(10, {"step": 10, "loss": 0.5, "note": "a"}), (20, {"step": 20, "loss": 0.25})]


def test_a_mapping_of_metrics_is_a_summary() -> None:
    """There is one value of each."""
    assert read_metrics("metrics.json", b'{"acc": 0.9}') == ({"acc": 0.9}, [])


@pytest.mark.parametrize("steps", ["1,1", "2,1", "0.5,1", "-1,0"])
def test_steps_that_do_not_grow_are_counted_instead(steps: str) -> None:
    """A row must not hide another one."""
    one, other = steps.split(",")
    _, rows = read_metrics("m.csv", f"epoch,loss\n{one},1\n{other},2\n".encode())
    assert [step for step, _ in rows] == [0, 1]


def test_epochs_serve_as_steps() -> None:
    """Where there is no better column."""
    _, rows = read_metrics("m.csv", b"epoch, loss\n1, 0.5\n2, 0.25\n")
    assert [step for step, _ in rows] == [1, 2]


def test_cells_have_types() -> None:
    """Numbers where they are numbers."""
    _, rows = read_metrics("m.csv", b"a,b,c,d\n1,0.5,nan,x y\n")
    values: dict[str, Any] = dict(rows[0][1])
    assert (values["a"], values["b"], values["d"]) == (1, 0.5, "x y")
    assert values["c"] != values["c"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("params.ini", b"[a]", "its ending says none of yaml"),
        ("params", b"", "its ending says none of"),
        ("p.json", b"{", "cannot be read"),
        ("p.toml", b"a = ", "cannot be read"),
        ("p.yaml", b"a: [", "p.yaml"),
        ("p.yaml", b"a: !!python/object:os.system {}", "p.yaml"),
        ("p.yaml", b"- 1", "no mapping"),
        ("p.json", b"\xff", "not UTF-8"),
        ("p.json", b" " * (LARGEST_BYTES + 1), "larger than 16 MiB"),
        ("p.json", b"[" * 100_000, "cannot be read"),
    ],
)
def test_what_cannot_be_parameters_is_refused_by_name(name: str, data: bytes, reason: str) -> None:
    """With the reason."""
    with pytest.raises(FormatError, match=reason):
        read_params(name, data)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("m.json", b"3", "neither a mapping nor rows"),
        ("m.json", b"[1, 2]", "neither a mapping nor rows"),
        ("m.csv", b"a,b\n1,2,3\n", "more values than columns in line 2"),
    ],
)
def test_what_cannot_be_metrics_is_refused_by_name(name: str, data: bytes, reason: str) -> None:
    """With the reason."""
    with pytest.raises(FormatError, match=reason):
        read_metrics(name, data)
