"""Our surface held against that of the installed wandb: what is there, what differs, and why.

`python -m tests.frameworks.surface` writes the table of `docs/wandb-surface.md` anew. The
reasons are in `docs/wandb-differences.yaml`; a difference without a reason, and a reason
without a difference, are errors.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.frameworks.environments import ROOT, environment

DUMP = Path(__file__).with_name("scripts") / "surface_dump.py"
REASONS = ROOT / "docs" / "wandb-differences.yaml"
TABLE = ROOT / "docs" / "wandb-surface.md"
VERSION = "0.31.0"

Verdict = Literal["yes", "different", "no"]
# In YAML a bare `no` is no word.
PARTS = {"different": "different", "no": "missing"}
Surface = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """How one name of wandb's stands here."""

    name: str
    verdict: Verdict
    how: str = ""


def dumps() -> tuple[Surface, Surface]:
    """Return the surfaces of the installed wandb and of ours, both out of one environment."""
    binaries = environment("wandb") / "bin"
    commands = ([binaries / "python", DUMP], [binaries / "tracker", "run", DUMP])
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    found = [
        subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=True, env=surroundings
        ).stdout
        for command in commands
    ]
    return json.loads(found[0]), json.loads(found[1])


def compare(theirs: Surface, ours: Surface) -> list[Found]:
    """Say of each name of theirs how it stands here.

    What takes every call that theirs takes, and means the same, is `yes`; it may take more.
    """
    return [
        Found(name, "no") if name not in ours else _compared(name, parameters, ours[name])
        for name, parameters in theirs.items()
    ]


def _compared(name: str, theirs: list[list[Any]] | None, ours: list[list[Any]] | None) -> Found:
    if theirs is None or ours is None:
        return Found(name, "yes")
    here = dict(ours)
    takes_rest = any(one.startswith("**") for one in here)
    told = []
    for one, default in theirs:
        if one not in here:
            if not one.startswith("*") and not takes_rest:
                told.append(f"`{one}` is not taken")
        elif default not in ("required", here[one]):
            told.append(f"`{one}` is {here[one]} unless given, not {default}")
    shared = [one for one, _ in theirs if one in here]
    if shared != [one for one, _ in ours if one in dict(theirs)]:
        told.append("another order")
    return Found(name, "different" if told else "yes", "; ".join(told))


def explained(
    found: list[Found], reasons: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, str], list[str]]:
    """Return the reason of each name that is not `yes`, and what is wrong with the reasons."""
    why: dict[str, str] = {}
    used: set[tuple[str, str]] = set()
    wrong = []
    for one in found:
        if one.verdict == "yes":
            continue
        part = PARTS[one.verdict]
        patterns = [key for key in reasons[part] if fnmatchcase(one.name, key)]
        if not patterns:
            wrong.append(f"{one.verdict} without a reason: {one.name} ({one.how})")
            continue
        # The longest pattern says the most about this name.
        best = max(patterns, key=len)
        used |= {(part, key) for key in patterns}
        why[one.name] = reasons[part][best]
    for part, entries in reasons.items():
        wrong += [f"a reason for nothing: {part}: {key}" for key in entries if (part, key) not in used]
    return why, wrong


def render(found: list[Found], why: Mapping[str, str]) -> str:
    """Return the document: a section for each class or module, with what is there in one line."""
    sections: dict[str, list[Found]] = {}
    # A class stands at the head of its own section.
    heads = {one.name.rpartition(".")[0] for one in found}
    for one in found:
        sections.setdefault(one.name if one.name in heads else one.name.rpartition(".")[0], []).append(one)
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("yes", "different", "no")}
    lines = [
        "# wandb's surface, and ours",
        "",
        f"Made by `python -m tests.frameworks.surface` from wandb {VERSION} as it is installed;",
        "`make test-frameworks` holds it against that.",
        "Under `tracker run`, `wandb` is ours; `import tracker as wandb` has the same names.",
        "*yes*: takes every call that wandb's takes, and means the same.",
        "*different*: said how, and why.",
        "*no*: not there; asking for it raises an error with its name.",
        "",
        f"{counts['yes']} names yes, {counts['different']} different, {counts['no']} no.",
    ]
    for section in sorted(sections, key=lambda name: (name.count("."), name)):
        lines += ["", f"## {section}", "", "| name | here | why |", "|---|---|---|"]
        yes = [_short(one, section) for one in sections[section] if one.verdict == "yes"]
        if yes:
            lines.append(f"| {', '.join(yes)} | yes | |")
        rows: dict[tuple[Verdict, str], list[str]] = {}
        for one in sections[section]:
            if one.verdict != "yes":
                text = f"{one.how}: {why[one.name]}" if one.how else why[one.name]
                rows.setdefault((one.verdict, text), []).append(_short(one, section))
        lines += [f"| {', '.join(names)} | {verdict} | {text} |" for (verdict, text), names in rows.items()]
    return "\n".join(lines) + "\n"


def _short(one: Found, section: str) -> str:
    return f"`{one.name.removeprefix(section + '.').rpartition('.')[2] if one.name != section else section}`"


def main() -> None:
    """Write the table, or say which reasons are missing."""
    found = compare(*dumps())
    why, wrong = explained(found, yaml.safe_load(REASONS.read_text()))
    if wrong:
        raise SystemExit("\n".join(wrong))
    TABLE.write_text(render(found, why))
    print(TABLE)


if __name__ == "__main__":
    main()
