"""What the commands for tracked paths print: states, plans and the next command."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import click

from tracker.cli.output import count_text, printable, size_text
from vcs.elsewhere import FETCH_RECORDS
from vcs.tracked.checkout import PathPlan
from vcs.tracked.pointer import Pointer
from vcs.tracked.status import PathStatus

_NAMED = 5
_COLORS = {"unchanged": "green", "changed": "yellow", "broken": "red", "unmerged": "red", "unknown": "red"}
_CHECKOUT = ("missing", "outdated", "unfinished")


def shown(worktree: Path, path: str) -> str:
    """Return a path of the working tree as seen from the current folder, as git prints it."""
    return printable(os.path.relpath(worktree / path))


def pointer_json(pointer: Pointer | None) -> dict[str, Any]:
    """Return what a pointer says, for a program."""
    if pointer is None:
        return {"artifact": None, "version": None}
    return {
        "artifact": pointer.artifact,
        "version": pointer.version,
        "type": pointer.type,
        "digest": pointer.digest,
        "size_bytes": pointer.size_bytes,
        "files": pointer.file_count,
    }


def status_json(one: PathStatus) -> dict[str, Any]:
    """Return the status of a path, for a program; paths are those of the working tree."""
    return {
        "path": one.path,
        "state": one.state,
        **pointer_json(one.pointer),
        "here": one.here,
        "newer": one.newer,
        "known": one.known,
        "in_git": one.in_git,
        "added": list(one.added),
        "removed": list(one.removed),
        "modified": list(one.modified),
        "conflicts": [str(conflict) for conflict in one.conflicts],
        "reason": one.reason,
        "hint": one.hint,
    }


def print_status(found: Sequence[PathStatus], worktree: Path) -> None:
    """Print a line for each path, with the first few files that differ, and what to do next."""
    if not found:
        click.echo("Nothing is tracked yet. Begin: tracker track data/PATH --name NAME", err=True)
        return
    paths = [shown(worktree, one.path) for one in found]
    names = [one.pointer.short_name if one.pointer is not None else "-" for one in found]
    wide, wider = max(map(len, paths)), max(map(len, names))
    for one, path, name in zip(found, paths, names, strict=True):
        state = click.style(_state_text(one), fg=_COLORS.get(one.state, "cyan"))
        click.echo(f"{path:<{wide}}  {name:<{wider}}  {state}")
        _print_files(one)
        if one.state in ("broken", "unknown", "unmerged") and one.reason:
            click.echo(f"    {printable(one.reason)}")
        elif not one.known:
            click.echo("    the records here do not have this version")
    commands = next_commands(found, worktree)
    if commands:
        click.echo("\nNext:")
        wide = max(len(command) for command, _ in commands)
        for command, why in commands:
            click.echo(f"  {command:<{wide}}  {why}")


def next_commands(found: Iterable[PathStatus], worktree: Path) -> list[tuple[str, str]]:
    """Return what one would do next, each command with its reason; the most urgent first."""
    by_state: dict[str, list[PathStatus]] = {}
    for one in found:
        by_state.setdefault(one.state, []).append(one)
    every = [one for states in by_state.values() for one in states]
    lines: list[tuple[str, str]] = []
    for one in by_state.get("broken", []):
        if one.in_git:
            pointer = quote(shown(worktree, one.pointer_path))
            lines.append((f"git checkout HEAD -- {pointer}", "bring back the pointer committed last"))
        lines.append((f"tracker untrack {quote(shown(worktree, one.path))}", "or remove the pointer"))
    for one in by_state.get("unmerged", []):
        path, pointer = quote(shown(worktree, one.path)), quote(shown(worktree, one.pointer_path))
        flag = " --ours|--theirs" if one.conflicts else ""
        lines.append((f"tracker checkout{flag} {path}", f"merge it by its files; then git add {pointer}"))
    if "unknown" in by_state or not all(one.known for one in every):
        lines.append((FETCH_RECORDS, "bring the versions that the records here lack"))
    behind = [one for state in _CHECKOUT for one in by_state.get(state, [])]
    if behind:
        lines.append(("tracker checkout", f"bring {count_text(len(behind), 'path')} to the pointers"))
    for one in by_state.get("diverged", []):
        path = quote(shown(worktree, one.path))
        lines.append((f"tracker commit --force {path}", "make a version of what is there"))
        lines.append((f"tracker checkout --force {path}", "or bring it to its pointer, keeping a copy"))
    if "changed" in by_state:
        count = count_text(len(by_state["changed"]), "path")
        lines.append(("tracker commit", f"store what changed in {count} as new versions"))
        first = quote(shown(worktree, by_state["changed"][0].path))
        lines.append((f"tracker checkout --force {first}", "or undo it, keeping a copy"))
    lines += [
        (f"tracker checkout {quote(shown(worktree, one.path))} --to {one.newer}", "go to the newer version")
        for one in every
        if one.newer and one.state == "unchanged"
    ]
    new = [shown(worktree, one.pointer_path) for one in every if not one.in_git and one.state != "broken"]
    if new:
        lines.append((f"git add {' '.join(map(quote, new[:_NAMED]))}", "let git carry the new pointers"))
    return lines


def plan_json(plan: PathPlan, *, done: bool) -> dict[str, Any]:
    """Return what a checkout would do, or did, to a path."""
    placing, problem = plan.placing, plan.problem
    lists = {name: list(getattr(placing, name)) if placing else [] for name in ("add", "replace", "remove")}
    return {
        "path": plan.path,
        **pointer_json(plan.pointer),
        "was": plan.was,
        "done": done,
        **lists,
        "write_bytes": placing.write_bytes if placing else 0,
        "kept": list(placing.kept) if placing else [],
        "saves": list(placing.saves) if placing else [],
        "conflicts": list(plan.conflicts),
        "error": {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
        if problem
        else None,
    }


def plan_text(plan: PathPlan, worktree: Path) -> str:
    """Return where a path goes and what changes: `data/x to x:v3 (2 added, 1 replaced; 3.4 MB)`."""
    placing = plan.placing
    path = shown(worktree, plan.path)
    where = (
        f"{path} to {plan.pointer.short_name}"
        if plan.pointer is not None
        else f"{path}, which has no pointer now"
    )
    if placing is None:
        return where
    counts = [
        (len(placing.add), "added"),
        (len(placing.replace), "replaced"),
        (len(placing.remove), "removed"),
    ]
    words = ", ".join(f"{count} {word}" for count, word in counts if count)
    size = f"; {size_text(placing.write_bytes)}" if placing.write_bytes else ""
    return f"{where} ({words or 'files as they are'}{size})"


def changes_text(one: PathStatus) -> str:
    """Return `1 added, 2 modified`."""
    counts = [(len(one.added), "added"), (len(one.removed), "removed"), (len(one.modified), "modified")]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def files_text(paths: Sequence[str]) -> str:
    """Return the first few paths as one phrase."""
    named = ", ".join(printable(path) for path in paths[:_NAMED])
    return f"{named} and {len(paths) - _NAMED} more" if len(paths) > _NAMED else named


def _state_text(one: PathStatus) -> str:
    text: str = one.state
    if one.state == "changed":
        text = f"changed: {changes_text(one)}"
    elif one.state == "outdated":
        text = f"outdated: holds {one.here or 'an earlier version'}"
    elif one.state == "diverged":
        text = f"diverged: holds {one.here} with changes: {changes_text(one)}"
    elif one.state == "unfinished":
        text = "unfinished: a checkout was interrupted"
    elif one.state == "unmerged":
        text = "unmerged: both sides changed it"
    elif one.state == "unknown":
        text = "unknown: differs, and its version is not here"
    return f"{text}; {one.newer} is newer" if one.newer and one.state in ("unchanged", "changed") else text


def _print_files(one: PathStatus) -> None:
    lines = [
        *(f"+ {printable(path)}" for path in one.added),
        *(f"- {printable(path)}" for path in one.removed),
        *(f"~ {printable(path)}" for path in one.modified),
        *(f"! {printable(str(conflict))}" for conflict in one.conflicts),
    ]
    for line in lines[:_NAMED]:
        click.echo(f"    {line}")
    if len(lines) > _NAMED:
        click.echo(f"    … and {len(lines) - _NAMED} more")
