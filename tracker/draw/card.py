"""A run as a notebook shows it: what it is, config, results, and its first curves."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from tracker.draw.curves import metrics_of, panels_of
from tracker.draw.svg import Format, render_svg
from tracker.read.frames import flatten
from tracker.read.run_view import RunView
from tracker.read.words import WATCHED, cut_text, duration_text, number_text, printable

_MOST_CURVES = 4
_MOST_VALUES = 12
_LONGEST = 80
_FORMAT = Format(width=400, height=230, columns=2, standing_alone=False)


def run_card(run: RunView) -> str:
    """Return HTML without scripts; everything that a record says is escaped.

    Reads the history. What is damaged is left out: a notebook shows what there is.
    """
    panels = panels_of([run], metrics_of([run])[:_MOST_CURVES])
    facts = [f"{run.project}/{run.id}", run.state, duration_text(run.duration), *run.tags]
    summary = {
        key: value
        for key, value in flatten(run.summary_values()).items()
        if not key.startswith(("_", *WATCHED))
    }
    return "".join(
        [
            '<div style="font-family:system-ui,sans-serif;max-width:820px">',
            f'<div style="font-size:1.15em"><b>{_text(run.name)}</b> {_text(" · ".join(facts))}</div>',
            f'<div style="overflow-x:auto">{render_svg(panels, _FORMAT)}</div>' if panels else "",
            '<div style="display:flex;flex-wrap:wrap;gap:2em">',
            _table("config", flatten(run.config)),
            _table("summary", summary),
            "</div></div>",
        ]
    )


def _table(title: str, values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    rows = "".join(
        f'<tr><td style="text-align:left">{_text(key)}</td>'
        f'<td style="text-align:left">{_text(cut_text(_value(value), _LONGEST))}</td></tr>'
        for key, value in list(values.items())[:_MOST_VALUES]
    )
    more = f"<div>{len(values) - _MOST_VALUES} more</div>" if len(values) > _MOST_VALUES else ""
    return f"<div><b>{title}</b><table>{rows}</table>{more}</div>"


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and "_type" in value:
        return f"<{value['_type']}>"
    return number_text(value)


def _text(text: str) -> str:
    return escape(printable(text))
