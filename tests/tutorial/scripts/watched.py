"""watch on LeNet-5, and the weights, the script and the data as one artifact."""

from pathlib import Path

import torch
import wandb
from lenet import LeNet5

torch.manual_seed(0)
wandb.init(project="LeNet5")
model = LeNet5()
wandb.watch(model, log="all", log_freq=2, log_graph=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.8)
images, labels = torch.randn(64, 1, 28, 28), torch.randint(10, (64,))
for i in range(8):
    batch = slice(8 * i, 8 * i + 8)
    loss = nn_loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    wandb.log({"loss": loss.item(), "step_loss": nn_loss})

torch.save(model.state_dict(), "lenet5.pth")
Path("MNIST").mkdir(exist_ok=True)
torch.save(images, "MNIST/images.pt")
torch.save(labels, "MNIST/labels.pt")
artifact = wandb.Artifact(name="lenet5-mnist", type="project")
artifact.add_dir("./MNIST")
artifact.add_file("./watched.py")
artifact.add_file("./lenet5.pth")
wandb.log_artifact(artifact)
wandb.finish()
