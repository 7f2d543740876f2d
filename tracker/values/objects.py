"""Media that viewers of their own draw: 3D objects, molecules, plotly figures."""

from __future__ import annotations

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

    def to_record(self, sink: MediaSink) -> Record:
        """Put the figure into the sink; see `Media.to_record`."""
        stored = self._content.put(sink, folder="plotly", suffix=".plotly.json")
        return file_record(self.record_type, stored)


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
