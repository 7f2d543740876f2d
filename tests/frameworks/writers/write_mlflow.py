"""Writes runs with MLflow, and what its own client says of them."""

import json
import os
import sys

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("digits")
os.makedirs("exported")
for number in range(2):
    with mlflow.start_run(run_name=f"run {number}", tags={"team": "vision"}, description="about it"):
        mlflow.log_params({"lr": 0.1 * (number + 1), "opt": "adam", "layers": 3, "flag": True})
        for step in range(30):
            mlflow.log_metrics({"loss": 1 / (step + 3), "val/acc": step / 7}, step=step)
        mlflow.log_metric("odd", float("nan"), step=30)
        mlflow.log_metric("odd", float("-inf"), step=31)
        mlflow.log_text(f"text {number}", "deep/note.txt")
        for name, text in (("MLmodel", "flavors: {}\n"), ("weights.bin", f"weights {number}")):
            with open(f"exported/{name}", "w") as file:
                file.write(text)
        mlflow.log_artifacts("exported", "model")
try:
    with mlflow.start_run(run_name="broken"):
        raise RuntimeError("on purpose")
except RuntimeError:
    pass

client = mlflow.MlflowClient()
found = {}
for run in client.search_runs([client.get_experiment_by_name("digits").experiment_id]):
    found[run.info.run_id] = {
        "name": run.info.run_name,
        "status": run.info.status,
        "start": run.info.start_time,
        "params": run.data.params,
        "metrics": {
            key: [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, key)]
            for key in run.data.metrics
        },
    }
print(json.dumps(found))
