"""A report as one HTML file: no script, nothing from outside, dark where the reader's system is.

All text is escaped, and a policy in the page itself forbids scripts and connections, so a
hostile file name, commit or line stays text.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tracker.compare.render import Block, Patch, Report, Section, Sentences, Table

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --dim: #667; --line: #ddd; --add: #e6ffec; --del: #ffebe9; --hunk: #eef4ff }
@media (prefers-color-scheme: dark) {
  :root { --dim: #99a; --line: #444; --add: #12361f; --del: #47201f; --hunk: #1c2a44 }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 75rem }
h1 { font-size: 1.3rem; overflow-wrap: anywhere }
summary { cursor: pointer; padding: .3rem 0 }
summary b { overflow-wrap: anywhere }
summary span, .dim { color: var(--dim) }
details { border-top: 1px solid var(--line) }
.wide { overflow-x: auto; margin: .5rem 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; white-space: pre-wrap }
td { border-top: 1px solid var(--line); overflow-wrap: anywhere; min-width: 2rem }
.right { text-align: right; white-space: nowrap }
pre { margin: 0; font: 13px/1.45 ui-monospace, monospace; min-width: max-content }
pre span { display: block; padding: 0 .5rem }
.add { background: var(--add) } .del { background: var(--del) } .hunk { background: var(--hunk) }
"""


def to_html(report: Report, *, made: str = "") -> str:
    """Return the page; `made` says when and by what it was made."""
    title = _text(f"{report.old} → {report.new}")
    verdict = "The same." if report.same else "They differ."
    return "".join(
        [
            "<!doctype html>\n",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head>\n",
            f'<body><h1>{title}</h1>\n<p>{verdict} <span class="dim">{_text(made)}</span></p>\n',
            *(_section(section) for section in report.sections),
            "</body></html>\n",
        ]
    )


def _section(section: Section) -> str:
    head = f"<b>{_text(section.title)}</b> <span>{_text(section.summary)}</span>"
    if not section.blocks:
        return f"<details><summary>{head}</summary></details>\n"
    return f"<details open><summary>{head}</summary>\n{''.join(map(_block, section.blocks))}</details>\n"


def _block(block: Block) -> str:
    match block:
        case Table():
            return f'<div class="wide"><table>{"".join(_table(block))}</table></div>{_more(block.left_out)}\n'
        case Patch(lines, left_out, rest):
            shown = "".join(f'<span class="{_kind(line)}">{_text(line) or " "}</span>' for line in lines)
            return f'<div class="wide"><pre>{shown}</pre></div>{_more(left_out, rest)}\n'
        case Sentences(lines):
            return "".join(f"<p>{_text(line)}</p>\n" for line in lines)


def _table(table: Table) -> Iterator[str]:
    sides = ["right" if name in table.right else "" for name in table.head]
    for tag, rows in (("th", (table.head,)), ("td", table.rows)):
        for row in rows:
            cells = (
                f'<{tag} class="{side}">{_text(cell)}</{tag}>' for side, cell in zip(sides, row, strict=True)
            )
            yield f"<tr>{''.join(cells)}</tr>\n"


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "dim"
    return {"+": "add", "-": "del", "@": "hunk"}.get(line[:1], "")


def _more(left_out: int, rest: str = "") -> str:
    if not left_out:
        return ""
    return f'<p class="dim">{left_out} more{_text(f": {rest}") if rest else ""}</p>'


def _text(text: str) -> str:
    """Escape, and show what would turn or hide the text around it."""
    shown = "".join(ch if ch.isprintable() or ch in "\n\t" else "\N{REPLACEMENT CHARACTER}" for ch in text)
    return escape(shown)
