"""Go on with a run of a given id from the weights of an artifact."""

import os

import torch
import wandb
from lenet import LeNet5

wandb.init(project="LeNet5", id="if8bjzd0", resume=True)
model = LeNet5()
wandb.watch(model, log="all", log_graph=True)
artifact = wandb.use_artifact("lenet5-mnist:v0")
folder = artifact.download()
model.load_state_dict(torch.load(os.path.join(folder, "lenet5.pth")))
for _step in range(3):
    loss = model(torch.randn(4, 1, 28, 28)).square().mean()
    loss.backward()
    wandb.log({"epoch": 0, "loss": loss.item()})
wandb.finish()
