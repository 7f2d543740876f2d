"""3D objects, molecules and plotly figures."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tracker.values.conftest import Place
from tracker.values.objects import Molecule, Object3D, Plotly, box3d


def test_files_are_kept_as_they_are(place: Place, tmp_path: Path) -> None:
    """Under the suffix that viewers know them by."""
    (tmp_path / "bunny.obj").write_text("v 0 0 0")
    (tmp_path / "water.pdb").write_text("ATOM")
    bunny = Object3D(tmp_path / "bunny.obj", caption="bunny").to_record(place.sink)
    water = Molecule(str(tmp_path / "water.pdb")).to_record(place.sink)
    assert (place.object(bunny), bunny["caption"], bunny["_type"]) == (b"v 0 0 0", "bunny", "object3D-file")
    assert (place.object(water), water["_type"], water["path"][-4:]) == (b"ATOM", "molecule-file", ".pdb")


def test_file_objects_need_their_type(place: Place) -> None:
    """There is no name to see it from."""
    record = Molecule(io.StringIO("ATOM"), file_type="pdb").to_record(place.sink)
    assert place.object(record) == b"ATOM"
    with pytest.raises(ValueError, match="file_type"):
        Object3D(io.StringIO("v"))


@pytest.mark.parametrize("columns", [3, 4, 6])
def test_points_become_a_cloud(place: Place, columns: int) -> None:
    """Plain, with categories, with colours."""
    points = np.arange(2.0 * columns).reshape(2, columns)
    record = Object3D(points).to_record(place.sink)
    assert place.json(record) == points.tolist()
    assert record["path"].endswith(".pts.json")


def test_a_scene_is_kept_with_its_boxes(place: Place) -> None:
    """Arrays in it are made plain."""
    scene = {"type": "lidar/beta", "points": np.zeros((1, 3)), "boxes": [{"label": "car"}]}
    record = Object3D(scene).to_record(place.sink)
    assert place.json(record) == {"type": "lidar/beta", "points": [[0.0] * 3], "boxes": [{"label": "car"}]}


def test_points_of_another_shape_are_refused() -> None:
    """With the shape."""
    with pytest.raises(ValueError, match="shape"):
        Object3D(np.zeros((4, 5)))
    with pytest.raises(TypeError, match="int"):
        Object3D(3)
    with pytest.raises(TypeError, match="int"):
        Molecule(3)


class Figure:
    """What a plotly figure is to us."""

    def __init__(self) -> None:
        self.data = [1, 2]

    def to_json(self) -> str:
        return json.dumps({"data": self.data})


def test_a_plotly_figure_is_its_json_when_it_was_given(place: Place) -> None:
    """Later changes do not reach it."""
    figure = Figure()
    plotly = Plotly(figure)
    figure.data.append(3)
    record = plotly.to_record(place.sink)
    assert place.json(record) == {"data": [1, 2]}
    assert record["_type"] == "plotly-file"
    with pytest.raises(TypeError, match="plotly"):
        Plotly(3)


def test_a_box_has_the_corners_of_its_place_size_and_turn() -> None:
    """Turned by 90 degrees around z, what was long in x is long in y."""
    half = 0.5**0.5
    box = box3d(
        center=(1, 2, 3), size=(4, 2, 2), orientation=(half, 0, 0, half), color=(1, 0, 0), label="car"
    )

    assert np.allclose(np.min(box["corners"], axis=0), (0, 0, 2))
    assert np.allclose(np.max(box["corners"], axis=0), (2, 4, 4))
    assert (box["color"], box["label"]) == ([255, 0, 0], "car")
    scene = Object3D.from_point_cloud(points=np.zeros((1, 3)), boxes=[box])
    assert isinstance(scene, Object3D)


@pytest.mark.parametrize(
    "wrong", [{"size": (1, 2)}, {"orientation": (0, 0, 0, 0)}, {"orientation": (1, 0, 0)}]
)
def test_a_box_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    whole = {"center": (0, 0, 0), "size": (1, 1, 1), "orientation": (1, 0, 0, 0), "color": (0, 0, 0)}
    with pytest.raises(ValueError, match="box"):
        box3d(**{**whole, **wrong})
