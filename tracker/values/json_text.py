"""JSON that is exact for numbers that JSON lacks: for the files of media, and for people's programs."""

from __future__ import annotations

import json
import math
from typing import Any

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def json_bytes(value: Any) -> bytes:
    """Return `value`, plain data, as UTF-8 JSON; NaN and the infinities as `{"float":"nan"}`."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        # Rare, so the common case pays nothing for it.
        text = json.dumps(_spelled(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Text may hold lone surrogates (file names that are no UTF-8); JSON escapes say the same.
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(_spelled(value), separators=(",", ":"), allow_nan=False).encode()


def from_json(data: bytes | str) -> Any:
    """Return what `json_bytes` was given.

    Raises:
        ValueError: Not JSON.
    """
    return json.loads(data, object_hook=_read_special)


def jsonable(value: Any) -> Any:
    """Return plain data for other programs: NaN and infinity are the strings "nan", "inf", "-inf"."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, dict):
        return {name: _spelled(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(part) for part in value]
    return value


def _read_special(found: dict[str, Any]) -> Any:
    if len(found) == 1 and found.get("float") in _SPECIAL:
        return _SPECIAL[found["float"]]
    return found
