"""What the shims in git's hooks folder start: `python -P -m tracker.cli.hook_entry HOOK ARGUMENT…`.

A module of its own, without click: its start is a part of every commit. `-P` keeps Python
from importing what lies in the repository, which may be anybody's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from hooks.auto_run import AutoRun
from hooks.call import Outside
from hooks.dispatch import REFUSED, WITH_INPUT, run_hook
from vcs.progress import Progress

_INDEX = "--index="


def main(arguments: Sequence[str]) -> int:
    """Run a hook and return the exit status that the shim understands."""
    words = list(arguments)
    index = None
    if words and words[0].startswith(_INDEX):
        given = words.pop(0).removeprefix(_INDEX)
        index = Path(os.path.abspath(given)) if given else None
    if not words:
        _say("no hook was named")
        return 2
    try:
        return run_hook(
            words[0],
            words[1:],
            folder=Path.cwd(),
            index=index,
            input=sys.stdin.read() if words[0] in WITH_INPUT else "",
            outside=Outside(_say, _show_progress, _write_run),
        )
    except KeyboardInterrupt:
        # git got it too; where it asks us for leave, it shall not go on for want of an answer.
        _say(f"{words[0]} was interrupted")
        return REFUSED if words[0].startswith("pre-") else 0


def _show_progress(title: str) -> AbstractContextManager[Progress | None]:
    if not sys.stderr.isatty():
        return nullcontext()
    from tracker.live.progress_bar import ProgressBar

    return ProgressBar(title)


def _write_run(made: AutoRun) -> tuple[str, str]:
    from tracker import auto_run

    return auto_run.record(made)


def _say(text: str) -> None:
    plain = "".join(ch if ch.isprintable() else "�" for ch in text)
    sys.stderr.write(f"tracker: {plain}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
