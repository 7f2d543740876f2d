"""Check that imports point down: tracker -> hooks -> vcs, and floor by floor within each.

Run by `make lint`; prints each arrow that points up and exits with 1.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# From the top down. A module belongs to the longest name that it starts with; it may
# import its own floor's other names and every floor below.
FLOORS: list[list[str]] = [
    [
        "tracker.cli",
        "tracker.compat",
        "tracker.revive",
        "tracker.importers",
        "tracker.integrations",
        "tracker.sweeps",
    ],
    ["tracker"],
    ["tracker.web", "tracker.exports"],
    ["tracker.draw", "tracker.read", "tracker.compare"],
    ["tracker.live.session", "tracker.live.handle", "tracker.live.calls"],
    ["tracker.live"],
    ["tracker.artifact", "tracker.artifacts"],
    ["tracker.plot"],
    ["tracker.collect", "tracker.values", "tracker.storage"],
    ["tracker.live.term", "tracker.live.progress_bar"],
    ["tracker.settings", "tracker.errors", "tracker._version", "tracker.wire"],
    ["hooks"],
    ["vcs.tracked"],
    ["vcs.repo"],
    ["vcs.sharing"],
    ["vcs.retention"],
    ["vcs.records", "vcs.code"],
    ["vcs.discover", "vcs.settings"],
    ["vcs.artifacts"],
    ["vcs.files"],
    ["vcs.stores", "vcs.remotes"],
    ["vcs.buckets"],
    ["vcs"],
    [
        "vcs.paths",
        "vcs.digest",
        "vcs.atomic",
        "vcs.lock",
        "vcs.progress",
        "vcs.secrets",
        "vcs.workers",
        "vcs.pools",
    ],
    ["vcs.errors"],
]


def floor_of(module: str) -> int | None:
    """Return the floor of a module, 0 at the top; None for what is not ours."""
    best: tuple[int, int] | None = None
    for number, names in enumerate(FLOORS):
        for name in names:
            if (module == name or module.startswith(name + ".")) and (best is None or len(name) > best[0]):
                best = (len(name), number)
    return None if best is None else best[1]


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Return (line, module) for each import of a file, except those for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = ROOT.joinpath(*node.module.split("."), f"{alias.name}.py").is_file()
                found.append((node.lineno, f"{node.module}.{alias.name}" if inner else node.module))
    return found


def main() -> int:
    """Print each arrow that points up; return 1 if there is one."""
    wrong = 0
    for package in ("vcs", "hooks", "tracker"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            mine = floor_of(module)
            if mine is None or "shim" in parts:
                continue
            for line, target in imports_of(path):
                theirs = floor_of(target)
                if theirs is not None and theirs < mine:
                    print(f"{path.relative_to(ROOT)}:{line}: {module} (below) imports {target} (above)")
                    wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
