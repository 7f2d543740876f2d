"""What is written for TensorBoard, as rows of a run.

The writers of torch, tensorboardX and tensorboard itself hand each event to a class
`EventFileWriter`; its `add_event` is replaced by one that tells the mirrors first. So
writers made before count too, nothing has to be read from event files, and closing
them early loses nothing. TensorFlow writes its events in C++ and is not seen.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tracker.values.histogram import MAX_BINS, Histogram
from tracker.values.image import Image

Sink = Callable[[Mapping[str, Any]], None]
STEP = "global_step"
_WRITERS = {
    "tensorboard": "tensorboard.summary.writer.event_file_writer",
    "tensorboardX": "tensorboardX.event_file_writer",
}
# Who holds the lock for longer was interrupted by the signal that ends the process, and waits for us.
_STOP_WAIT_S = 1.0
_mirrors: list[EventMirror] = []
_patched: list[tuple[Any, Any]] = []


class EventMirror:
    """Makes one row of the values that have one step; the row is logged when the next step comes.

    A key is the tag. Of several folders the first gives no prefix; those below it and
    beside it put their relative path in front. Scalars, images and histograms are taken.
    """

    def __init__(
        self, sink: Sink, *, root: str | os.PathLike[str] | None = None, warn: Callable[[str], None]
    ) -> None:
        """`root` is the folder to which prefixes are relative, from the first writer on."""
        self._sink = sink
        self._warn = warn
        self._root = None if root is None else Path(root).absolute()
        self._row: dict[str, Any] = {}
        self._step = 0
        self._pid = os.getpid()
        self._lock = threading.RLock()

    def see(self, folder: str, event: Any) -> None:
        """Take an event that is about to be written below `folder`."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            prefix = self._prefix(Path(folder).absolute()) if event.summary.value else ""
            for value in event.summary.value:
                found = self._value_of(value)
                if found is not None:
                    self._add(int(event.step), f"{prefix}{value.tag}", found)

    def stop(self) -> None:
        """Log the row that is not complete yet, and take no more; wait a second for one in the making."""
        if self in _mirrors:
            _mirrors.remove(self)
        if os.getpid() != self._pid:
            return
        is_mine = self._lock.acquire(timeout=_STOP_WAIT_S)
        try:
            self._flush()
        finally:
            if is_mine:
                self._lock.release()

    def _add(self, step: int, key: str, value: Any) -> None:
        if step != self._step or key in self._row:
            self._flush()
        self._step = step
        self._row[key] = value

    def _flush(self) -> None:
        row, self._row = self._row, {}
        if row:
            self._sink({**row, STEP: self._step})

    def _prefix(self, folder: Path) -> str:
        if self._root is None:
            self._root = folder
        try:
            relative = folder.relative_to(self._root).as_posix()
        except ValueError:
            relative = os.path.relpath(folder, os.path.commonpath([folder, self._root]))
        return "" if relative == "." else f"{relative}/"

    def _value_of(self, value: Any) -> Any:
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            return value.simple_value
        if kind == "image":
            return _image(value.image.encoded_image_string)
        if kind == "histo":
            return _histogram(value.histo)
        plugin = value.metadata.plugin_data.plugin_name
        if kind == "tensor" and plugin == "scalars":
            return _scalar(value.tensor)
        if plugin not in ("hparams", "custom_scalars"):
            self._warn(
                f"of TensorBoard {plugin or kind} is not recorded, only scalars, images and histograms"
            )
        return None


def start(mirror: EventMirror) -> bool:
    """Let a mirror see events from now on; return whether there is a writer that could make any."""
    found = False
    for package, module in _WRITERS.items():
        if find_spec(package) is not None:
            _patch(import_module(module).EventFileWriter)
            found = True
    if mirror not in _mirrors:
        _mirrors.append(mirror)
    return found


def unpatch() -> None:
    """Give the writers back as they were; mirrors see nothing any more."""
    while _patched:
        writer, original = _patched.pop()
        writer.add_event = original
    _mirrors.clear()


def _patch(writer: Any) -> None:
    if any(known is writer for known, _ in _patched):
        return
    original = writer.add_event

    def add_event(self: Any, event: Any) -> None:
        for mirror in _mirrors:
            mirror.see(str(self.get_logdir()), event)
        original(self, event)

    writer.add_event = add_event
    _patched.append((writer, original))


def _scalar(tensor: Any) -> float | None:
    for values in (tensor.float_val, tensor.double_val, tensor.int_val, tensor.int64_val):
        if len(values) == 1:
            return float(values[0])
    if tensor.tensor_content:
        from tensorboard.util.tensor_util import make_ndarray

        return float(make_ndarray(tensor))
    return None


def _image(data: bytes) -> Image:
    from PIL import Image as Pil

    with Pil.open(io.BytesIO(data)) as opened:
        return Image(opened.copy())


def _histogram(histogram: Any) -> Histogram | None:
    """Return counts and edges; the outermost edges, often infinite, are the extremes of the values."""
    limits, counts = list(histogram.bucket_limit), list(histogram.bucket)
    if not counts:
        return None
    inner = [min(limit, histogram.max) for limit in limits[:-1]]
    last = min(limits[-1], histogram.max)
    edges = [min(histogram.min, *inner, last), *inner, last]
    # As many neighbours are put together as it takes to have no more bins than a histogram may.
    together = -(-len(counts) // MAX_BINS)
    grouped = [sum(counts[i : i + together]) for i in range(0, len(counts), together)]
    kept = [*edges[:-1:together], edges[-1]]
    return Histogram(np_histogram=(grouped, kept))
