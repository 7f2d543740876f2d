"""How to bring what another repository has: commands that work with git and a copy alone."""

from __future__ import annotations

FETCH_RECORDS = "git fetch origin 'refs/tracker/*:refs/tracker/*'"
"""Brings the records and the code of runs; names `origin`, as git's own hints do."""

BRING_RECORDS = f"bring the records here: {FETCH_RECORDS}"
BRING_OBJECTS = "copy .git/tracker/objects from the repository that has it, into this one's"
