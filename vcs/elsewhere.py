"""How to bring what another clone has, for hints."""

from __future__ import annotations

FETCH_RECORDS = "tracker pull"
"""Brings the records and the code of runs."""

BRING_RECORDS = f"bring the records here: {FETCH_RECORDS}"
BRING_OBJECTS = "if another clone has it: tracker push there, then tracker fetch here"
