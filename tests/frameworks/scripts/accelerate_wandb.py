"""An Accelerate training as written for wandb: log_with="wandb"."""

import sys

import numpy
import torch
from accelerate import Accelerator

log_with = sys.argv[1] if len(sys.argv) > 1 else "wandb"
if log_with == "tracker":
    import tracker.integrations.accelerate
accelerator = Accelerator(log_with=log_with, cpu=True)
options = {log_with: {"name": "first", "tags": ["small"]}}
accelerator.init_trackers("squares", config={"lr": 0.1}, init_kwargs=options)

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
torch.manual_seed(0)
x = torch.randn(32, 2)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
step = 0
for epoch in range(2):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        accelerator.log({"loss": loss.item(), "epoch": epoch}, step=step)
        step += 1
tracker = accelerator.get_tracker(log_with)
tracker.log_images({"seen": [numpy.zeros((4, 4, 3), dtype="uint8")]}, step=step)
tracker.log_table("guesses", columns=["x", "y"], data=[[1, 2.0]], step=step)
accelerator.end_training()
