"""Media in wandb's rows name files of the run's folder; here they name objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracker.importers.found import Notes
from tracker.values.sink import MediaSink
from vcs.errors import FormatError, UsageError
from vcs.paths import check_entry_path

# What only means something in wandb's own store.
_FOREIGN = frozenset({"sha256", "artifact_path", "_latest_artifact_path", "log_mode"})


class MediaFiles:
    """Carries the media of one folder."""

    def __init__(self, folder: Path, sink: MediaSink, notes: Notes) -> None:
        self._folder = folder
        self._sink = sink
        self._notes = notes

    def carry(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values whose media, at any depth, are put into the sink."""
        return {key: self._value(value) for key, value in values.items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value] if any(map(_may_hold, value)) else value
        if not isinstance(value, dict):
            return value
        if "_type" not in value:
            return self.carry(value)
        if isinstance(value.get("filenames"), list):
            return self._group(value)
        made = {key: self._value(item) for key, item in value.items() if key not in _FOREIGN}
        if isinstance(value.get("path"), str):
            made |= self._stored(value["path"])
        return made

    def _group(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the record of several pictures; wandb lists only the names of their files."""
        captions = value.get("captions")
        items = []
        for place, name in enumerate(value["filenames"]):
            item: dict[str, Any] = {key: value[key] for key in ("format", "width", "height") if key in value}
            item |= {"_type": "image-file", "path": name} | self._stored(name)
            if isinstance(captions, list) and place < len(captions):
                item["caption"] = captions[place]
            for kind in ("boxes", "masks"):
                found = value.get(f"all_{kind}")
                if isinstance(found, list) and place < len(found) and found[place]:
                    item[kind] = self._value(found[place])
            items.append(item)
        kept = {key: v for key, v in value.items() if key not in (*_FOREIGN, "all_boxes", "all_masks")}
        return kept | {"filenames": [item["path"] for item in items], "items": items}

    def _stored(self, name: str) -> dict[str, Any]:
        try:
            path = self._folder / check_entry_path(name)
        except (FormatError, UsageError):
            self._notes.add(f"a medium with the impossible path {name!r} is left out")
            return {}
        if not path.is_file():
            self._notes.add(f"the medium {name} is not in the run's folder")
            return {}
        folder = Path(name).parent.as_posix().removeprefix("media/")
        suffix = "".join(Path(name).suffixes[-2:]) if name.endswith(".json") else Path(name).suffix
        stored = self._sink.put_file(path, folder=folder, suffix=suffix)
        return {"digest": stored.digest, "size": stored.size, "path": stored.path}


def _may_hold(value: Any) -> bool:
    return isinstance(value, (dict, list))
