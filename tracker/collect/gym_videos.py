"""Videos that recorders of gymnasium and Stable-Baselines3 write, as values of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tracker.values.video import Video

Sink = Callable[[Mapping[str, Any]], None]
KEY = "videos"


def _of_gymnasium(recorder: Any) -> Path:
    return Path(recorder.video_folder, f"{recorder._video_name}.mp4")


def _of_stable_baselines(recorder: Any) -> Path:
    return Path(recorder.video_path)


# Module and class of a recorder, the method that writes the file, and where it will lie.
_RECORDERS = (
    ("gymnasium.wrappers", "RecordVideo", "stop_recording", _of_gymnasium),
    (
        "stable_baselines3.common.vec_env.vec_video_recorder",
        "VecVideoRecorder",
        "_stop_recording",
        _of_stable_baselines,
    ),
)


class VideoWatch:
    """Logs each video under `videos`, once it is written."""

    def __init__(self, sink: Sink) -> None:
        """Watch nothing yet."""
        self._sink = sink
        self._patched: list[tuple[Any, str, Any]] = []

    def start(self) -> bool:
        """Watch the recorders that are installed; return whether there are any."""
        for module, name, method, path_of in _RECORDERS:
            package = module.partition(".")[0]
            if package not in sys.modules and find_spec(package) is None:
                continue
            recorder = getattr(import_module(module), name, None)
            if recorder is not None and hasattr(recorder, method):
                self._patch(recorder, method, path_of)
        return bool(self._patched)

    def stop(self) -> None:
        """Give the recorders back as they were."""
        while self._patched:
            recorder, method, original = self._patched.pop()
            setattr(recorder, method, original)

    def _patch(self, recorder: Any, method: str, path_of: Callable[[Any], Path]) -> None:
        original, sink = getattr(recorder, method), self._sink

        @wraps(original)
        def stop_recording(self: Any, *arguments: Any, **options: Any) -> Any:
            path = path_of(self)
            result = original(self, *arguments, **options)
            if path.is_file():
                sink({KEY: Video(str(path))})
            return result

        setattr(recorder, method, stop_recording)
        self._patched.append((recorder, method, original))
