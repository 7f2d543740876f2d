"""A training in the manner of small GPT scripts: globals as config, ranks by torchrun, resumable."""

import gc
import math
import os

import torch

wandb_log = True
wandb_project = "nano"
wandb_run_name = "gpt"
max_iters = 6
eval_interval = 2
block_size = 8
batch_size = 4
learning_rate = 1e-2
config_keys = [
    k for k, v in globals().items() if not k.startswith("_") and isinstance(v, int | float | bool | str)
]
config = {k: globals()[k] for k in config_keys}

ddp = int(os.environ.get("RANK", -1)) != -1
if ddp:
    torch.distributed.init_process_group(backend="gloo")
    rank = int(os.environ["RANK"])
    master_process = rank == 0
else:
    rank, master_process = 0, True
torch.manual_seed(1337)
text = "to be or not to be that is the question " * 20
letters = sorted(set(text))
data = torch.tensor([letters.index(letter) for letter in text])


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(len(letters), 16)
        self.mix = torch.nn.GRU(16, 16, batch_first=True)
        self.head = torch.nn.Linear(16, len(letters))

    def forward(self, x, y):
        return torch.nn.functional.cross_entropy(
            self.head(self.mix(self.embed(x))[0]).flatten(0, 1), y.flatten()
        )


def batch():
    starts = torch.randint(len(data) - block_size, (batch_size,))
    x = torch.stack([data[i : i + block_size] for i in starts])
    return x, torch.stack([data[i + 1 : i + 1 + block_size] for i in starts])


model = Tiny()
if ddp:
    model = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
if wandb_log and master_process:
    import wandb

    wandb.init(project=wandb_project, name=wandb_run_name, config=config)
for iteration in range(max_iters + 1):
    lr = learning_rate * 0.5 * (1 + math.cos(math.pi * iteration / max_iters))
    for group in optimizer.param_groups:
        group["lr"] = lr
    loss = model(*batch())
    if iteration % eval_interval == 0 and master_process and wandb_log:
        wandb.log({"iter": iteration, "train/loss": loss, "lr": lr, "mfu": -1.0 * 100})
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
if ddp:
    # A group that the model still holds leaves its threads to the exit, which sometimes aborts.
    del model, loss
    gc.collect()
    torch.distributed.destroy_process_group()
