"""Media that viewers of their own draw: 3D objects, molecules, plotly figures."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tracker.values.arrays import TakenArray, is_array
from tracker.values.content import Content, Media, Record, existing_suffix, file_record, is_path
from tracker.values.json_text import json_bytes
from tracker.values.sink import MediaSink

OBJECT_TYPES = ("obj", "gltf", "glb", "babylon", "stl", "ply", "pts.json")
MOLECULE_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf", "xyz")


class Object3D(Media):
    """A 3D object from a file, or a cloud of points from an array."""

    record_type: ClassVar[str] = "object3D-file"
    group_type: ClassVar[str] = "object3D"

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: Any) -> None:
        """Take a file; a file object with `file_type=`; points; or a scene of points.

        Args:
            data_or_path: Points are an array of rows (x, y, z), (x, y, z, category) or
                (x, y, z, r, g, b). A scene is wandb's dictionary with `type`
                ("lidar/beta"), `points`, and maybe `boxes` and `vectors`.
            caption: Shown below it.
            kwargs: `file_type`: what a file object contains.

        Raises:
            ValueError: An unknown type of file, or points of another shape.
            TypeError: Something no object can be made from.
            NotFoundError: No such file.
        """
        self.caption = None if caption is None else str(caption)
        if is_path(data_or_path):
            self._suffix = existing_suffix(data_or_path, OBJECT_TYPES, "a 3D object")
            self._content = Content.of_file(Path(data_or_path))
        elif hasattr(data_or_path, "read"):
            self._suffix = _type_of_stream(kwargs.get("file_type"), OBJECT_TYPES)
            self._content = _read(data_or_path)
        else:
            self._suffix = ".pts.json"
            self._content = Content(_scene(data_or_path))

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Take a path, or a file object with what it contains."""
        return cls(data_or_path) if file_type is None else cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Take points: rows of 3, 4 or 6 numbers."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Sequence[Mapping[str, Any]],
        vectors: Sequence[Mapping[str, Any]] | None = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Object3D:
        """Take a scene of points with boxes (see `box3d`) and vectors among them."""
        scene = {"type": point_cloud_type, "points": points, "boxes": list(boxes)}
        return cls(scene | {"vectors": list(vectors or [])})

    def to_record(self, sink: MediaSink) -> Record:
        """Put the object into the sink; see `Media.to_record`."""
        stored = self._content.put(sink, folder="object3D", suffix=self._suffix)
        return file_record(self.record_type, stored, caption=self.caption)


class Molecule(Media):
    """A molecule from a file of one of the usual formats."""

    record_type: ClassVar[str] = "molecule-file"
    group_type: ClassVar[str] = "molecule"

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: Any) -> None:
        """Take a file, or a file object with `file_type=`.

        Raises:
            ValueError: An unknown type of file.
            TypeError: Something that is neither.
            NotFoundError: No such file.
        """
        self.caption = None if caption is None else str(caption)
        if is_path(data_or_path):
            self._suffix = existing_suffix(data_or_path, MOLECULE_TYPES, "a molecule")
            self._content = Content.of_file(Path(data_or_path))
        elif hasattr(data_or_path, "read"):
            self._suffix = _type_of_stream(kwargs.get("file_type"), MOLECULE_TYPES)
            self._content = _read(data_or_path)
        else:
            raise TypeError(f"a molecule is a path or a file object, not {type(data_or_path).__name__}")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Take a molecule of RDKit, or a file that RDKit reads (.mol, .mol2, .sdf, .pdb).

        Args:
            data_or_path: The molecule, or a path.
            caption: Shown below it.
            convert_to_3d_and_optimize: Find places in space for the atoms.
            mmff_optimize_molecule_max_iterations: How long to look for good ones.

        Raises:
            UsageError: RDKit is not installed.
            ValueError: RDKit makes no molecule of it.
        """
        from tracker.values import rdkit_molecule

        block = rdkit_molecule.pdb_block(
            data_or_path,
            optimize=convert_to_3d_and_optimize,
            iterations=mmff_optimize_molecule_max_iterations,
        )
        return cls(io.StringIO(block), caption=caption, file_type="pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Take a molecule written as SMILES; see `from_rdkit`."""
        from tracker.values import rdkit_molecule

        return cls.from_rdkit(
            rdkit_molecule.from_smiles(data, sanitize=sanitize),
            caption,
            convert_to_3d_and_optimize,
            mmff_optimize_molecule_max_iterations,
        )

    def to_record(self, sink: MediaSink) -> Record:
        """Put the molecule into the sink; see `Media.to_record`."""
        stored = self._content.put(sink, folder="molecule", suffix=self._suffix)
        return file_record(self.record_type, stored, caption=self.caption)


class Plotly(Media):
    """A plotly figure, as its JSON."""

    record_type: ClassVar[str] = "plotly-file"
    group_type: ClassVar[str] = "plotly"

    def __init__(self, val: Any) -> None:
        """Take a figure: anything with plotly's `to_json`.

        Raises:
            TypeError: It has none.
        """
        if not callable(getattr(val, "to_json", None)):
            raise TypeError(f"not a plotly figure: {type(val).__name__}")
        self._content = Content(str(val.to_json()).encode())

    @classmethod
    def of_json(cls, kept: Any) -> Plotly:
        """Return the figure that was kept as JSON; `plotly.io.from_json` makes a figure of plotly's of it."""
        figure = cls.__new__(cls)
        figure._content = Content(json_bytes(kept))
        return figure

    def to_json(self) -> str:
        """Return the figure as JSON."""
        return self._content.read().decode()

    def to_record(self, sink: MediaSink) -> Record:
        """Put the figure into the sink; see `Media.to_record`."""
        stored = self._content.put(sink, folder="plotly", suffix=".plotly.json")
        return file_record(self.record_type, stored)


def box3d(
    *,
    center: Sequence[float],
    size: Sequence[float],
    orientation: Sequence[float],
    color: Sequence[float],
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """Return a box for `Object3D.from_point_cloud`.

    Args:
        center, size: x, y, z.
        orientation: The turn from the axes of the world to those of the box, as a
            quaternion r, x, y, z.
        color: Red, green and blue, 0 to 1.
        label, score: Shown beside it.

    Raises:
        ValueError: A part has another number of numbers, or the quaternion is zero.
    """
    for name, part, count in (("center", center, 3), ("size", size, 3), ("color", color, 3)):
        if len(part) != count:
            raise ValueError(f"{name} of a box has {count} numbers, not {len(part)}")
    turn = [float(number) for number in orientation]
    length = math.sqrt(sum(number * number for number in turn))
    if len(turn) != 4 or not length:
        raise ValueError("orientation of a box is a quaternion of 4 numbers that are not all 0")
    real, *imaginary = (number / length for number in turn)
    corners = [
        [c + t for c, t in zip(map(float, center), _turned(corner, real, imaginary), strict=True)]
        for corner in itertools.product(*((-float(edge) / 2, float(edge) / 2) for edge in size))
    ]
    box: dict[str, Any] = {"corners": corners, "color": [round(255 * float(part)) for part in color]}
    return box | {name: value for name, value in (("label", label), ("score", score)) if value is not None}


def _turned(point: Sequence[float], real: float, imaginary: Sequence[float]) -> list[float]:
    """Turn a point p by a quaternion r, v of length 1: p + 2r v^p + 2 v^(v^p), with ^ for cross."""
    once = _cross(imaginary, point)
    twice = _cross(imaginary, once)
    return [p + 2 * (real * a + b) for p, a, b in zip(point, once, twice, strict=True)]


def _cross(a: Sequence[float], b: Sequence[float]) -> list[float]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _scene(data: Any) -> bytes:
    if isinstance(data, dict):
        if "points" not in data or "type" not in data:
            raise ValueError('a scene is a dictionary with "type" and "points"')
        scene = {name: _plain(value) for name, value in data.items()}
    elif is_array(data) or isinstance(data, (list, tuple, set)):
        scene = _points(TakenArray(list(data) if isinstance(data, set) else data))
    else:
        raise TypeError(f"a 3D object cannot be made from {type(data).__name__}")
    return json_bytes(scene)


def _points(taken: TakenArray) -> Any:
    if len(taken.shape) != 2 or taken.shape[1] not in (3, 4, 6):
        raise ValueError(f"points are rows of 3, 4 or 6 numbers, not an array of the shape {taken.shape}")
    return taken.numpy().tolist()


def _plain(value: Any) -> Any:
    if is_array(value):
        return TakenArray(value).numpy().tolist()
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.item() if hasattr(value, "item") else value


def _type_of_stream(file_type: Any, allowed: tuple[str, ...]) -> str:
    if file_type not in allowed:
        raise ValueError(f"a file object needs file_type=, one of {', '.join(allowed)}")
    return f".{file_type}"


def _read(stream: Any) -> Content:
    if hasattr(stream, "seek"):
        stream.seek(0)
    data = stream.read()
    return Content(data.encode() if isinstance(data, str) else bytes(data))
