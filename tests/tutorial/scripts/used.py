"""Fetch a version by entity, project, name and number."""

import os

import wandb

run = wandb.init()
artifact = run.use_artifact("somebody/LeNet5/lenet5-mnist:v0", type="project")
folder = artifact.download()
print(sorted(os.listdir(folder)))
