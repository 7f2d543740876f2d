"""The colours of a terminal: which are in force after a sequence, and the sequence that says so.

What is in force is a value, so that each line of a file can begin with its own colours
and end them, whoever reads it from wherever.
"""

from __future__ import annotations

import re

# What is in force: by kind (weight, text, ground, …) the parameter that says so.
Style = dict[str, str]
PLAIN: Style = {}
RESET = "\x1b[0m"
SEQUENCE = re.compile(r"\x1b\[[0-9;]{0,60}m")

_ON = {
    1: "weight",
    2: "faint",
    3: "slant",
    4: "line",
    5: "blink",
    7: "inverse",
    8: "hidden",
    9: "struck",
    21: "line",
}
_OFF = {
    22: ("weight", "faint"),
    23: ("slant",),
    24: ("line",),
    25: ("blink",),
    27: ("inverse",),
    28: ("hidden",),
    29: ("struck",),
    39: ("text",),
    49: ("ground",),
}


def changed(style: Style, parameters: str) -> Style:
    """Return the style after a sequence with such parameters as `1;31`; unknown ones are passed over."""
    if "?" in parameters:
        return style
    codes = [int(code[:6] or 0) for code in re.split("[;:]", parameters)]
    found = dict(style)
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in (38, 48):
            length = {5: 3, 2: 5}.get(codes[at + 1] if at + 1 < len(codes) else -1, len(codes))
            chosen = codes[at : at + length]
            if len(chosen) == length:
                found["text" if code == 38 else "ground"] = ";".join(map(str, chosen))
            at += length
            continue
        if code == 0:
            found = {}
        elif code in _ON:
            found[_ON[code]] = str(code)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            found["text"] = str(code)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            found["ground"] = str(code)
        else:
            for kind in _OFF.get(code, ()):
                found.pop(kind, None)
        at += 1
    return found


def written(style: Style) -> str:
    """Return the one sequence that puts a style in force after plain text; nothing for plain text."""
    return f"\x1b[{';'.join(style.values())}m" if style else ""


def without_last(row: str) -> str:
    """Return a row without its last character; sequences stay."""
    end = len(row)
    while row.endswith("m", 0, end) and SEQUENCE.fullmatch(row, start := row.rfind("\x1b", 0, end), end):
        end = start
    return row[: max(end - 1, 0)] + row[end:]


def without_colors(text: str) -> str:
    """Return a text as it is without its sequences."""
    return SEQUENCE.sub("", text)
