"""Files of other tools, byte by byte, without these tools."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tracker.wire.protobuf import (
    bytes_field,
    double_field,
    float_field,
    packed_doubles,
    varint_field,
)
from tracker.wire.tfrecord import frame

# The smallest picture: one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def scalar(tag: str, value: float) -> bytes:
    """A Summary.Value as torch writes it."""
    return bytes_field(1, bytes_field(1, tag) + float_field(2, value))


def histogram(tag: str, counts: list[float], limits: list[float], low: float, high: float) -> bytes:
    """A Summary.Value with a histogram."""
    proto = double_field(1, low) + double_field(2, high) + double_field(3, sum(counts)) + double_field(4, 6.0)
    proto += packed_doubles(6, limits) + packed_doubles(7, counts)
    return bytes_field(1, bytes_field(1, tag) + bytes_field(5, proto))


def image(tag: str, data: bytes) -> bytes:
    """A Summary.Value with a picture."""
    return bytes_field(1, bytes_field(1, tag) + bytes_field(4, varint_field(1, 1) + bytes_field(4, data)))


def tensor(tag: str, plugin: str, proto: bytes) -> bytes:
    """A Summary.Value as TensorFlow 2 writes it."""
    metadata = bytes_field(1, bytes_field(1, plugin))
    return bytes_field(1, bytes_field(1, tag) + bytes_field(8, proto) + bytes_field(9, metadata))


def event(time_s: float, step: int, *values: bytes) -> bytes:
    """An Event, framed."""
    return frame(double_field(1, time_s) + varint_field(2, step) + bytes_field(5, b"".join(values)))


def restart(time_s: float, step: int) -> bytes:
    """An Event that says that the training begins again at a step."""
    return frame(double_field(1, time_s) + varint_field(2, step) + bytes_field(7, varint_field(1, 1)))


def event_file(folder: Path, *events: bytes, name: str = "events.out.tfevents.100.box.1.0") -> Path:
    """Write an event file."""
    folder.mkdir(parents=True, exist_ok=True)
    version = frame(double_field(1, 99.5) + bytes_field(3, "brain.Event:2"))
    (folder / name).write_bytes(version + b"".join(events))
    return folder / name


def items(values: Mapping[str, Any]) -> bytes:
    """wandb's items with a key and JSON; a key that is a tuple is a path."""
    made = b""
    for key, value in values.items():
        path = b"".join(bytes_field(2, part) for part in ((key,) if isinstance(key, str) else key))
        made += bytes_field(1, path + bytes_field(16, json.dumps(value)))
    return made


def wandb_run(
    run_id: str, *, started: int = 1_700_000_000, config: Mapping[str, Any] = {}, **more: str
) -> bytes:
    """wandb's record of a run."""
    numbers = {"entity": 2, "run_group": 6, "job_type": 7, "name": 8, "notes": 9}
    proto = bytes_field(1, run_id) + bytes_field(3, "proj") + bytes_field(4, items(config))
    for name, text in more.items():
        proto += bytes_field(numbers[name], text)
    proto += bytes_field(10, "tag one") + bytes_field(17, varint_field(1, started))
    return bytes_field(17, proto)


def wandb_row(step: int, values: Mapping[str, Any], time_s: float = 1_700_000_001.5) -> bytes:
    """wandb's record of a row."""
    own = {"_step": step, "_timestamp": time_s, "_runtime": 1.0}
    return bytes_field(2, items({**values, **own}) + bytes_field(2, varint_field(1, step)))


def wandb_exit(code: int) -> bytes:
    """wandb's record of the end."""
    return bytes_field(18, varint_field(1, code) + varint_field(2, 5))


def wandb_log(folder: Path, run_id: str, records: Iterable[bytes]) -> Path:
    """Write a run folder of wandb."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    path = folder / f"run-{run_id}.wandb"
    path.write_bytes(wandb_framed(records))
    return path


def wandb_framed(records: Iterable[bytes]) -> bytes:
    """Return the bytes of a `.wandb` file."""
    block, out = 32 << 10, bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        rest, is_first = record, True
        while True:
            room = block - len(out) % block
            if room < 7:
                out += bytes(room)
                room = block
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if is_first else 4) if not rest else (2 if is_first else 3)
            out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            is_first = False
            if not rest:
                break
    return bytes(out)


def mlflow_folder(root: Path, run_id: str = "a" * 32, *, status: int = 3) -> Path:
    """Write a file store of MLflow with one run; return the folder of the run."""
    experiment = root / "7"
    run = experiment / run_id
    for name in ("metrics/val", "params", "tags", "artifacts/model"):
        (run / name).mkdir(parents=True, exist_ok=True)
    (experiment / "meta.yaml").write_text("experiment_id: '7'\nname: digits\nlifecycle_stage: active\n")
    end = "null" if status == 1 else "1700000009000"
    (run / "meta.yaml").write_text(
        f"run_id: {run_id}\nrun_name: calm\nstatus: {status}\nstart_time: 1700000000000\nend_time: {end}\n"
        f"lifecycle_stage: active\nuser_id: ann\nartifact_uri: file:///elsewhere/artifacts\n"
    )
    (run / "metrics" / "loss").write_text("1700000001000 0.5 0\n1700000002000 0.25 1\n")
    (run / "metrics" / "val" / "acc").write_text("1700000001000 nan 0\n")
    (run / "params" / "lr").write_text("0.1")
    (run / "params" / "name").write_text("1e-3")
    (run / "tags" / "team").write_text("vision")
    (run / "tags" / "mlflow.source.git.commit").write_text("9fceb02")
    (run / "artifacts" / "model" / "MLmodel").write_text("flavors: {}\n")
    (run / "artifacts" / "notes.txt").write_text("notes\n")
    return run


def mlflow_database(path: Path) -> None:
    """Write a database of MLflow with one run."""
    with sqlite3.connect(path) as db:
        db.executescript(
            """
            create table experiments (experiment_id integer, name text, lifecycle_stage text);
            create table runs (run_uuid text, name text, user_id text, status text, start_time bigint,
                end_time bigint, lifecycle_stage text, artifact_uri text, experiment_id integer);
            create table metrics (key text, value double, timestamp bigint, run_uuid text, step bigint,
                is_nan boolean);
            create table params (key text, value text, run_uuid text);
            create table tags (key text, value text, run_uuid text);
            insert into experiments values (1, 'digits', 'active');
            insert into runs values ('r1', 'calm', 'ann', 'FAILED', 1700000000000, 1700000009000, 'active',
                's3://bucket/1', 1);
            insert into runs values ('r2', 'gone', 'ann', 'FINISHED', 1, 2, 'deleted', '', 1);
            insert into metrics values ('loss', 0.5, 1700000001000, 'r1', 0, 0);
            insert into metrics values ('odd', 0, 1700000001000, 'r1', 1, 1);
            insert into metrics values ('odd', 1.7976931348623157e308, 1700000001000, 'r1', 2, 0);
            insert into metrics values ('system/cpu', 12.5, 1700000001000, 'r1', 0, 0);
            insert into params values ('lr', '0.1', 'r1');
            insert into tags values ('mlflow.runName', 'renamed', 'r1');
            """
        )
    db.close()
