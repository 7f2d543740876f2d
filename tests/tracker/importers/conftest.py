"""The command line in a project of its own, and small files as other tools write them."""

from __future__ import annotations

from tests.cli.conftest import tracker

__all__ = ["tracker"]
