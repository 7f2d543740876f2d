"""`tracker run`: start a script in which `import wandb` means tracker."""

from __future__ import annotations

import os

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="""\b
Examples:
  tracker run train.py --lr 0.1
  tracker run -m package.train
  tracker run torchrun --nproc-per-node 2 train.py
  tracker run rm calm-otter-12""",
)
@click.option("--project", help="Project of the runs (sets TRACKER_PROJECT).")
@click.option("--name", help="Name of the run (sets TRACKER_NAME).")
@click.option("--mode", type=click.Choice(["offline", "disabled"]), help="`disabled` records nothing.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT [ARGUMENT]...")
def run(project: str | None, name: str | None, mode: str | None, words: tuple[str, ...]) -> None:
    """Run a script in which `import wandb` means tracker

    The script, the modules that it imports and the processes that it starts are used
    unchanged; an installed wandb is not imported. WANDB_* variables are honoured.
    The exit status is the script's.

    `tracker run rm RUN` deletes the records of a run; see its --help.
    """
    if words[:1] == ("rm",):
        from tracker.cli.remove_run import rm

        rm.main(args=list(words[1:]), prog_name="tracker run rm", standalone_mode=False)
        return
    from tracker.compat.launcher import launch

    given = {"TRACKER_PROJECT": project, "TRACKER_NAME": name, "TRACKER_MODE": mode}
    launch(words, {**os.environ, **{key: value for key, value in given.items() if value is not None}})
