"""What timm's train.py does about wandb: its arguments as config, its own summary each epoch."""

import argparse
import runpy
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import torch
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="small")
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--log-wandb", action="store_true")
args = parser.parse_args()

folder = find_spec("timm").submodule_search_locations[0]
update_summary = runpy.run_path(str(Path(folder, "utils", "summary.py")))["update_summary"]

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2))
images, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 2
model(images)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
if args.log_wandb:
    wandb.init(project="timm", name="first", config=args)
for epoch in range(args.epochs):
    output = model(images)
    loss = torch.nn.functional.cross_entropy(output, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    top1 = (output.argmax(1) == labels).float().mean().item() * 100
    metrics = OrderedDict([("loss", loss.item()), ("top1", top1)])
    update_summary(
        epoch,
        metrics,
        metrics,
        "summary.csv",
        lr=args.lr,
        write_header=epoch == 0,
        log_wandb=args.log_wandb,
    )
torch.save(model.state_dict(), "model_best.pth.tar")
if args.log_wandb:
    wandb.save("model_best.pth.tar")
