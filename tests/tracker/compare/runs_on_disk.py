"""Runs written as plain records, so that a test says exactly what is recorded of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.tracker.storage.build import row, write
from tracker.storage import records
from tracker.storage.catalog import RunEntry
from tracker.storage.records import RunRecord, Session
from vcs.layout import Layout
from vcs.yaml_io import dump_yaml


def make_run(
    layout: Layout,
    run_id: str,
    rows: Sequence[Mapping[str, Any]] = (),
    *,
    config: Mapping[str, Any] | None = None,
    packages: Sequence[str] = ("torch==2.1.0", "numpy==1.26.0"),
    session: Mapping[str, Any] | None = None,
    state: str = "finished",
    **fields: Any,
) -> RunEntry:
    """Write a run of one session whose rows have the steps 0, 1, …; return it as the catalog would."""
    files = layout.run("p", run_id)
    facts = {"python": "3.11.7", "platform": "Linux", "code_commit": None, **(session or {})}
    record = RunRecord(
        id=run_id,
        project="p",
        name=f"name-{run_id}",
        created=fields.pop("created", "2026-01-01T00:00:00.000Z"),
        state=state,
        sessions=[Session(number=0, started="2026-01-01T00:00:00.000Z", state=state, **facts)],
        **fields,
    )
    records.create(files, record)
    write(files, 0, [row(step, step / 10, **values) for step, values in enumerate(rows)])
    files.config.write_text(dump_yaml(dict(config or {})))
    files.requirements.write_text("".join(f"{line}\n" for line in packages))
    return RunEntry(files, records.load(files))


def store_texts(folder: Path, texts: Mapping[str, str]) -> Path:
    """Write small files below a folder."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
