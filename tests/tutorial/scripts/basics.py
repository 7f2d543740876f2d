"""The shortest whole script: init with a config, a few rows, finish."""

import math

import wandb

wandb.init(
    project="demo",
    name="run-basics",
    config={"learning_rate": 0.02, "architecture": "CNN", "epochs": 10},
)
for epoch in range(2, 10):
    wandb.log({"acc": 1 - 2**-epoch, "loss": math.exp(-epoch)})
wandb.finish()
