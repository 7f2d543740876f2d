"""The command `tracker`: finds the command, runs it, turns errors into words.

A command is imported when it is called, so `tracker --help` and the fast commands
do not pay for the others.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Sequence

import click

from tracker._version import __version__
from tracker.cli import errors
from vcs.errors import Error

# name -> (module, attribute, first line of its help). The line stands here too, so that
# `tracker --help` imports nothing; a test holds it against the command's own.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("tracker.cli.project", "init", "Prepare this folder and say what will be kept"),
    "run": ("tracker.cli.run_script", "run", "Run a script in which `import wandb` means tracker"),
    "runs": ("tracker.cli.runs", "runs", "List runs"),
    "show": ("tracker.cli.show", "show", "Show a run, an artifact or a commit"),
    "ui": ("tracker.cli.ui", "ui", "Open the page: runs, curves, artifacts, lineage"),
    "plot": ("tracker.cli.plot", "plot", "Draw curves of runs, on the terminal or as a picture"),
    "watch": (
        "tracker.cli.watch",
        "watch",
        "Watch a run until it ends: its curves and state, in the terminal",
    ),
    "export": (
        "tracker.cli.export",
        "export",
        "Write runs as tables, as one page to send, or for another tool",
    ),
    "diff": ("tracker.cli.diff", "diff", "Say why two runs differ, or what differs between two versions"),
    "reproduce": ("tracker.cli.revive", "reproduce", "Run a run again and say whether it came out the same"),
    "resume": ("tracker.cli.revive", "resume", "Go on with a run: its code, inputs, checkpoint and step"),
    "blame": ("tracker.cli.blame", "blame", "Show which commits moved a metric"),
    "bisect": ("tracker.cli.bisect", "bisect", "Find the commit that moved a metric between two runs"),
    "sweep": ("tracker.cli.sweep", "sweep", "Try many values: create a sweep, work on it, look at it"),
    "import": ("tracker.cli.import_runs", "import_group", "Take over runs and versions of other tools"),
    "log": ("tracker.cli.diary", "log", "Print what happened, the newest first"),
    "artifact": ("tracker.cli.artifact", "artifact", "Store, fetch and inspect versions of files"),
    "track": ("tracker.cli.tracked", "track", "Let a folder or file follow git's commits"),
    "status": ("tracker.cli.tracked", "status", "Show how tracked paths stand to their pointers"),
    "checkout": ("tracker.cli.tracked", "checkout", "Bring tracked paths to what their pointers name"),
    "commit": ("tracker.cli.tracked", "commit", "Make new versions of tracked paths that were changed"),
    "untrack": ("tracker.cli.tracked", "untrack", "Make a tracked path a plain one again"),
    "add": ("tracker.cli.short_names", "add", "Store files and folders as a version"),
    "get": ("tracker.cli.short_names", "get", "Bring the files of a version to a folder"),
    "clone": ("tracker.cli.share", "clone", "Clone a repository with its records and tracked data"),
    "push": ("tracker.cli.share", "push", "Send contents that the remote lacks, and the records"),
    "pull": ("tracker.cli.share", "pull", "Bring the records of others, and merge them with yours"),
    "fetch": ("tracker.cli.share", "fetch", "Fetch contents that the records here name"),
    "remote": (
        "tracker.cli.remote",
        "remote",
        "Say where contents are shared",
    ),
    "login": ("tracker.cli.remote", "login", "Keep a key for a remote"),
    "logout": ("tracker.cli.remote", "logout", "Forget the key for a remote"),
    "hooks": ("tracker.cli.hooks", "hooks", "Let git store data, name runs and follow pointers by itself"),
    "gc": ("tracker.cli.garbage", "gc", "Remove contents that nothing names any more"),
    "why": (
        "tracker.cli.garbage",
        "why",
        "Say what keeps an object, a tracked path or a version from being garbage",
    ),
    "verify": (
        "tracker.cli.verify",
        "verify",
        "Read all contents and records again and name what is damaged",
    ),
    "merge-pointer": ("tracker.cli.tracked", "merge_pointer", "Merge pointers for git"),
    "config": ("tracker.cli.project", "config", "Print the settings and where each comes from"),
    "doctor": ("tracker.cli.doctor", "doctor", "Check this project and say what to mend"),
    "completion": ("tracker.cli.project", "completion", "Print the completion script for a shell"),
}

# How `tracker --help` orders them: what a newcomer needs first. A command that stands in no
# theme is not shown; that one is for git.
THEMES: dict[str, tuple[str, ...]] = {
    "Every day": ("run", "runs", "show", "ui", "watch", "log", "diff", "resume"),
    "Results": ("plot", "export", "reproduce", "bisect", "blame"),
    "Versions of files": ("artifact", "add", "get"),
    "Data that follows commits": ("track", "status", "commit", "checkout", "untrack", "hooks"),
    "Sharing": ("remote", "login", "logout", "push", "pull", "fetch", "clone"),
    "Sweeps, and other tools": ("sweep", "import"),
    "Making room, and checks": ("gc", "why", "verify", "doctor"),
    "Setup": ("init", "config", "completion"),
}
HIDDEN = COMMANDS.keys() - {name for names in THEMES.values() for name in names}
_WIDEST = max(map(len, COMMANDS.keys() - HIDDEN))


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in THEMES.values() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the nearest ones when there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            hint = f" Did you mean: {', '.join(near)}?" if near else ""
            ctx.fail(f"no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for theme, names in THEMES.items():
            with formatter.section(theme):
                # One column for all themes.
                spacing = 2 + _WIDEST - max(map(len, names))
                formatter.write_dl([(name, COMMANDS[name][2]) for name in names], col_spacing=spacing)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  tracker run train.py         a script that imports wandb, unchanged
  tracker runs                 what ran, and how it ended
  tracker show calm-otter-12
  tracker COMMAND --help       more about a command, with examples""",
)
@click.version_option(__version__, message="tracker %(version)s")
@click.option(
    "-C",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    help="Work as if started in this folder.",
)
def cli(folder: str | None) -> None:
    """Track experiments and version artifacts, on plain files and git."""
    if folder:
        os.chdir(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; never with a traceback for a failure that is the user's to mend."""
    if arguments is None:
        # The process ends with the command: its last search for garbage, 20 ms, would free nothing of use.
        atexit.register(gc.freeze)
    words = list(sys.argv[1:] if arguments is None else arguments)
    wants_json = "--json" in words
    try:
        status = cli.main(args=words, prog_name="tracker", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status if isinstance(status, int) else 0)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        _leave_transfers()
        sys.exit(errors.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Point stdout elsewhere, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        _leave_transfers()
        sys.exit(errors.INTERRUPTED)
    except Error as error:
        _report(error, wants_json)
    except OSError as error:
        _report(errors.from_os_error(error), wants_json)


def _leave_transfers() -> None:
    """End at once if requests to a remote are still on their way: Python would wait for them."""
    import threading

    from vcs.workers import NAME

    if any(thread.name.startswith(NAME) for thread in threading.enumerate()):
        sys.stdout.flush()
        os._exit(errors.INTERRUPTED)


def _report(error: Error, wants_json: bool) -> None:
    if wants_json:
        click.echo(errors.render_json(error))
    click.echo(errors.render(error), err=True)
    sys.exit(errors.exit_status(error))


if __name__ == "__main__":
    main()
