"""A piece of HTML, from text, a file object or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from tracker.values.content import Content, Media, Record, file_record
from tracker.values.sink import MediaSink


class Html(Media):
    """A page or a fragment, kept byte for byte."""

    record_type: ClassVar[str] = "html-file"
    group_type: ClassVar[str] = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        """Take HTML.

        Args:
            data: Text; or a path, which a string is if it ends in `.html` or `.htm`
                and names a file; or an object with `read`.
            inject: Accepted as wandb does. Nothing is added to the page: wandb's style
                sheet is fetched from its server, and records are kept as they are.
            data_is_not_path: A string is HTML whatever it looks like.

        Raises:
            TypeError: None of these.
            NotFoundError: No such file.
        """
        self._content = self._take(data, data_is_not_path)

    @property
    def html(self) -> str:
        """The text."""
        return self._content.read().decode("utf-8", "replace")

    def to_record(self, sink: MediaSink) -> Record:
        """Put the page into the sink; see `Media.to_record`."""
        return file_record(self.record_type, self._content.put(sink, folder="html", suffix=".html"))

    @staticmethod
    def _take(data: Any, data_is_not_path: bool) -> Content:
        if isinstance(data, os.PathLike):
            return Content.of_file(Path(data))
        if isinstance(data, str):
            looks_like_path = (
                data.lower().endswith((".html", ".htm")) and "\n" not in data and "<" not in data
            )
            if looks_like_path and not data_is_not_path and os.path.isfile(data):
                return Content.of_file(data)
            return Content(data.encode())
        if isinstance(data, (bytes, bytearray)):
            return Content(bytes(data))
        if hasattr(data, "read"):
            if hasattr(data, "seek"):
                data.seek(0)
            text = data.read()
            return Content(text.encode() if isinstance(text, str) else bytes(text))
        raise TypeError(f"HTML is text, a path or a file object, not {type(data).__name__}")
