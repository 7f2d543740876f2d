"""cleanrl's way: everything goes to a SummaryWriter, and wandb is told to look on."""

import sys

import numpy
import wandb

if sys.argv[1] == "tensorboardX":
    from tensorboardX import SummaryWriter
else:
    from torch.utils.tensorboard import SummaryWriter

wandb.init(project="events", name=sys.argv[1], sync_tensorboard=True, save_code=True)
writer = SummaryWriter("runs/one")
writer.add_text("hyperparameters", "|param|value|")
for step in range(3):
    writer.add_scalar("losses/td_loss", 1.0 / (step + 1), step * 10)
    writer.add_scalar("charts/SPS", 100 + step, step * 10)
writer.add_histogram("weights", numpy.arange(100.0), 30)
writer.add_image("seen", numpy.zeros((3, 4, 5), dtype="uint8"), 30)
other = SummaryWriter("runs/one/test")
other.add_scalar("return", 7.0, 40)
other.close()
writer.close()
