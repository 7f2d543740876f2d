"""config: read by attribute, extended and overwritten by update."""

import wandb

wandb.init(project="demo", name="run-config", config={"learning_rate": 0.02, "epochs": 10})
print(wandb.config.learning_rate)
print(wandb.config.epochs)
wandb.config.update({"batch_size": 64})
wandb.config.update({"epochs": 12})
print(wandb.config.batch_size, wandb.config["epochs"])
wandb.finish()
