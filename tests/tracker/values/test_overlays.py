"""Classes, masks and boxes over images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import pytest

from tests.tracker.values.conftest import Place
from tracker.values.image import Image
from tracker.values.overlays import BoundingBoxes2D, Classes, ImageMask

LABELS = {0: "sky", 7: "road"}
BOX = {"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 7}


def test_a_mask_keeps_the_class_of_each_pixel(place: Place) -> None:
    """As the grey values of a PNG, without loss, with the names beside."""
    mask = np.array([[0, 7], [7, 0]])
    image = Image(np.zeros((2, 2)), masks={"truth": {"mask_data": mask, "class_labels": LABELS}})

    record = image.to_record(place.sink)["masks"]["truth"]

    assert record["class_labels"] == {"0": "sky", "7": "road"}
    assert record["path"].startswith("media/images/mask/")
    assert np.asarray(PIL.Image.open(io.BytesIO(place.object(record)))).tolist() == mask.tolist()


def test_more_than_256_classes_fit(place: Place) -> None:
    """In sixteen bits."""
    record = ImageMask({"mask_data": np.array([[0, 300]])}, "m").to_record(place.sink)
    assert np.asarray(PIL.Image.open(io.BytesIO(place.object(record)))).tolist() == [[0, 300]]


@pytest.mark.parametrize(
    "data",
    [np.array([[-1, 0]]), np.array([[70_000]]), np.zeros((2, 2, 3)), np.array([[np.nan]]), np.zeros((0, 2))],
)
def test_a_mask_of_something_else_is_refused(data: np.ndarray) -> None:
    """By name, on the caller's line."""
    with pytest.raises(ValueError, match="'truth'"):
        ImageMask({"mask_data": data}, "truth")


def test_a_mask_needs_its_data() -> None:
    """Or a path, not both and not none."""
    with pytest.raises(ValueError, match="mask_data"):
        ImageMask({}, "truth")


def test_boxes_are_a_file_of_their_own(place: Place) -> None:
    """With numpy numbers made plain and the names of the classes."""
    box = BOX | {"scores": {"p": np.float32(0.5)}, "box_caption": "a road"}
    image = Image(np.zeros((2, 2)), boxes={"found": {"box_data": [box], "class_labels": LABELS}})

    record = image.to_record(place.sink)["boxes"]["found"]

    assert record["count"] == 1
    assert place.json(record)["box_data"] == [BOX | {"scores": {"p": 0.5}, "box_caption": "a road"}]


def test_a_score_that_is_no_number_survives(place: Place) -> None:
    """A diverged model has NaN for a score."""
    box = BOX | {"scores": {"p": float("nan")}}
    record = BoundingBoxes2D({"box_data": [box]}, "found").to_record(place.sink)
    assert place.json(record)["box_data"][0]["scores"] == {"p": {"float": "nan"}}


@pytest.mark.parametrize(
    "box",
    [
        {},
        {"position": {"minX": 0.1}},
        {"position": BOX["position"], "scores": [1]},
        {"position": {"middle": [0, "x"], "width": 1, "height": 1}},
        "box",
    ],
)
def test_a_malformed_box_is_named(box: Any) -> None:
    """With its number."""
    with pytest.raises((ValueError, TypeError), match="box 1 of 'found'"):
        BoundingBoxes2D({"box_data": [BOX, box]}, "found")


def test_a_box_may_be_given_by_its_middle(place: Place) -> None:
    """In pixels too."""
    box = {"position": {"middle": [5, 6], "width": 3, "height": 4}, "domain": "pixel", "class_id": 0}
    record = BoundingBoxes2D({"box_data": [box]}, "found").to_record(place.sink)
    assert place.json(record)["box_data"] == [box]


def test_classes_of_the_image_name_those_of_its_masks(place: Place) -> None:
    """Given once for all."""
    classes = Classes([{"id": 0, "name": "sky"}, {"id": 7, "name": "road"}])
    image = Image(np.zeros((2, 2)), classes=classes, masks={"m": {"mask_data": np.zeros((2, 2))}})
    record = image.to_record(place.sink)
    assert record["masks"]["m"]["class_labels"] == {"0": "sky", "7": "road"}
    assert record["classes"] == [{"id": 0, "name": "sky"}, {"id": 7, "name": "road"}]


def test_classes_need_id_and_name() -> None:
    """And ids that differ."""
    with pytest.raises(ValueError, match="id"):
        Classes([{"id": 0}])
    with pytest.raises(ValueError, match="same id"):
        Classes([{"id": 0, "name": "a"}, {"id": 0, "name": "b"}])
