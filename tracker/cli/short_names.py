"""`tracker add` and `tracker get`: two verbs of `tracker artifact`, under the names that people try first.

Apart from the verbs of tracked paths, which git calls often: these load all that compares versions.
"""

from __future__ import annotations

import click

from tracker.cli import artifact


def _alias(name: str, command: click.Command, line: str, body: str, examples: str) -> click.Command:
    """Return a command under another name: one implementation, its own words."""
    return click.Command(
        name,
        callback=command.callback,
        params=command.params,
        help=f"{line}\n\n{body}",
        epilog=f"\b\nExamples:\n{examples}",
    )


add = _alias(
    "add",
    artifact.put,
    "Store files and folders as a version",
    "For versions of files without runs and pointers; the same as tracker artifact put. "
    "Equal contents make no new version.",
    "  tracker add data/mnist --name mnist --type dataset\n  tracker add weights.pt --alias best",
)
get = _alias(
    "get",
    artifact.get,
    "Bring the files of a version to a folder",
    "The same as tracker artifact get. The folder is ./artifacts/NAME:VERSION unless given.",
    "  tracker get mnist:v2\n  tracker get mnist:v2 data/mnist --dry-run",
)
