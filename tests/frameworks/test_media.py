"""Media of every kind, made by the real libraries in a script for wandb, and read through the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.frameworks.conftest import Train, Trained

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


@pytest.fixture
def trained(train: Train) -> Trained:
    return train("media", "media_wandb.py", variables={"SDL_VIDEODRIVER": "dummy"})


def test_every_kind_of_media_is_logged_and_read_back(trained: Trained) -> None:
    run = trained.run("media")
    rows = run.history(pandas=False)
    logged: dict[str, Any] = {key: value for row in rows for key, value in row.items() if key[0] != "_"}

    def data_of(record: dict[str, Any]) -> bytes:
        return Path(trained.folder, run.dir, record["path"]).read_bytes()

    assert "warning" not in trained.output
    picture = logged["picture"]
    assert (picture["caption"], picture["width"], picture["height"]) == ("seen", 6, 8)
    boxes = json.loads(data_of(picture["boxes"]["found"]))["box_data"]
    assert (boxes[0]["box_caption"], boxes[0]["scores"]) == ("a car", {"sure": 0.9})
    assert picture["masks"]["truth"]["class_labels"] == {"0": "road", "1": "car"}
    assert data_of(picture["masks"]["truth"]).startswith(b"\x89PNG")
    assert logged["pictures"]["captions"] == ["0", "1"]
    for key in ("plotly", "also_plotly"):
        assert json.loads(data_of(logged[key]))["data"][0]["type"] == "scatter"
    assert data_of(logged["drawn"]).startswith(b"\x89PNG")
    assert data_of(logged["pyplot"])
    assert (data_of(logged["sound"])[:4], logged["sound"]["caption"]) == (b"RIFF", "hum")
    assert data_of(logged["gif"]).startswith(b"GIF8")
    assert data_of(logged["mp4"])[4:8] == b"ftyp"
    assert len(json.loads(data_of(logged["points"]))) == 10
    assert len(json.loads(data_of(logged["scene"]))["points"]) == 10
    # Ethanol has nine atoms with its hydrogens, benzene twelve.
    atoms = [data_of(logged[key]).count(b"HETATM") for key in ("molecule", "benzene")]
    assert (atoms, logged["molecule"]["caption"]) == ([9, 12], "ethanol")
    assert data_of(logged["page"]) == b"<b>bold</b>"
    assert sum(logged["spread"]["values"]) == 100
    assert (logged["graph"]["nodes"], logged["graph"]["edges"]) == (2, 1)
    assert (logged["table"]["ncols"], logged["table"]["nrows"]) == (5, 2)
    cells = json.loads(data_of(logged["table"]))["data"][1]
    assert [cell["_type"] for cell in cells[1:]] == [
        "image-file",
        "audio-file",
        "plotly-file",
        "molecule-file",
    ]
    assert all(data_of(cell) for cell in cells[1:])
    kinds = ("line", "scatter", "bar", "histogram", "lines", "confusion", "roc", "pr", "custom")
    assert [logged[key]["_type"] for key in kinds] == ["plot"] * len(kinds)
    counts = json.loads(data_of(logged["confusion"]["table"]))["data"]
    assert sum(row[2] for row in counts) == 4
    assert data_of(logged["videos"])[4:8] == b"ftyp"


def test_tables_and_pictures_come_back_out_of_their_artifact(trained: Trained) -> None:
    shown = trained.api.artifact("media/shown:v0")

    cells = shown.get("cells")
    assert [row[0] for row in cells.data] == [0, 1]
    assert cells.data[0][1].width == 6
    assert [type(cell).__name__ for cell in cells.data[0][1:]] == ["Image", "Audio", "Plotly", "Molecule"]
    joined = shown.get("joined").join()
    assert joined.columns == ["id", "truth", "guess"]
    assert joined.data == [[0, "cat", "dog"], [1, "dog", "dog"]]
    assert [row for _, row in shown.get("partitioned").iterrows()] == [[0], [1]]
    picture = shown.get("picture")
    assert (picture.caption, picture.width, picture.height) == ("seen", 6, 8)
