"""Groups of commands: their help says of each command its whole first line."""

from __future__ import annotations

import click


class CommandGroup(click.Group):
    """A group whose help breaks long lines; click would cut them in the middle of a sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with the first line of their help."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, first_line(command)) for name, command in sorted(self.commands.items())]
            )


def first_line(command: click.Command) -> str:
    """Return what a command says that it does."""
    return " ".join((command.help or "").split("\n\n")[0].split())
