"""Prints what MLflow's own client says of a store."""

import json
import sys

import mlflow

mlflow.set_tracking_uri(f"file:{sys.argv[1]}")
client = mlflow.MlflowClient()
(experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
(run,) = client.search_runs([experiment.experiment_id])
metrics = {
    key: [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, key)]
    for key in run.data.metrics
}
files = [file.path for file in client.list_artifacts(run.info.run_id)]
about = {"name": run.info.run_name, "status": run.info.status, "params": run.data.params, "files": files}
print(json.dumps({**about, "experiment": experiment.name, "metrics": metrics}))
