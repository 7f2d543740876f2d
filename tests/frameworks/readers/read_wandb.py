"""Prints what wandb's own protocol says of a run folder."""

import json
import struct
import sys
from pathlib import Path

from wandb.proto import wandb_internal_pb2

(path,) = Path(sys.argv[1]).rglob("*.wandb")
data, place, part, rows, found = path.read_bytes(), 7, b"", [], {}
while place + 7 <= len(data):
    left = 32768 - place % 32768
    if left < 7:
        place += left
        continue
    _, length, kind = struct.unpack_from("<IHB", data, place)
    part += data[place + 7 : place + 7 + length]
    place += 7 + length
    if kind in (1, 4):
        record = wandb_internal_pb2.Record.FromString(part)
        part = b""
        if record.HasField("history"):
            rows.append({"/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item})
        if record.HasField("run"):
            found["run"] = [record.run.run_id, record.run.project, record.run.display_name]
            found["config"] = {i.key: json.loads(i.value_json) for i in record.run.config.update}
        if record.HasField("exit"):
            found["exit"] = record.exit.exit_code
print(json.dumps({**found, "losses": [row["loss"] for row in rows if "loss" in row]}))
