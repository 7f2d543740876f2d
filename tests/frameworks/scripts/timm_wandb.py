"""A training in the manner of timm's train.py: its models, data, schedule, checkpoints and summary."""

import argparse
import os
import re
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import wandb
from PIL import Image

# The torchvision of the registry is built for another torch, and its operators do not load. Its
# Python, which is all that timm needs, runs when they are declared.
kept = torch.library.Library("torchvision", "FRAGMENT")
registrations = Path(find_spec("torchvision").submodule_search_locations[0], "_meta_registrations.py")
for name in dict.fromkeys(re.findall(r'"torchvision::(\w+)"', registrations.read_text())):
    if not hasattr(torch.ops.torchvision, name):
        kept.define(f"{name}(Tensor x) -> Tensor")

from timm import utils  # noqa: E402
from timm.data import create_dataset, create_loader  # noqa: E402
from timm.models import create_model, resume_checkpoint  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.scheduler import create_scheduler_v2  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="resnet10t")
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--experiment", default="first")
parser.add_argument("--resume", default="")
parser.add_argument("--log-wandb", action="store_true")
parser.add_argument("--wandb-project", default="timm")
parser.add_argument("--wandb-tags", nargs="+", default=["small"])
parser.add_argument("--wandb-resume-id", default="")
args = parser.parse_args()

utils.random_seed(0, 0)
numbers = np.random.default_rng(0)
for split in ("train", "validation"):
    for label, shade in (("dark", 40), ("light", 200)):
        folder = Path("images", split, label)
        folder.mkdir(parents=True, exist_ok=True)
        for place in range(8):
            pixels = numbers.normal(shade, 20, (32, 32, 3)).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / f"{place}.png")


def loader(split):
    training = split == "train"
    dataset = create_dataset("", root="images", split=split, is_training=training)
    return create_loader(
        dataset,
        (3, 32, 32),
        batch_size=8,
        is_training=training,
        use_prefetcher=False,
        num_workers=0,
        device=torch.device("cpu"),
    )


model = create_model(args.model, num_classes=2)
optimizer = create_optimizer_v2(model, opt="sgd", lr=args.lr, momentum=0.9)
start_epoch = resume_checkpoint(model, args.resume, optimizer) if args.resume else 0
scheduler, _ = create_scheduler_v2(optimizer, sched="cosine", num_epochs=args.epochs)
loss_fn = torch.nn.CrossEntropyLoss()
output_dir = utils.get_outdir("output", args.experiment)
saver = utils.CheckpointSaver(model, optimizer, args=args, checkpoint_dir=output_dir, max_history=2)
if args.log_wandb:
    wandb.init(
        project=args.wandb_project,
        name=args.experiment,
        config=args,
        tags=args.wandb_tags,
        resume="must" if args.wandb_resume_id else None,
        id=args.wandb_resume_id if args.wandb_resume_id else None,
    )


def run_epoch(batches, training):
    losses, top1 = utils.AverageMeter(), utils.AverageMeter()
    model.train(training)
    with torch.set_grad_enabled(training):
        for images, labels in batches:
            output = model(images)
            loss = loss_fn(output, labels)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            (correct,) = utils.accuracy(output, labels)
            losses.update(loss.item(), len(labels))
            top1.update(correct.item(), len(labels))
    return OrderedDict([("loss", losses.avg), ("top1", top1.avg)])


best_metric = None
for epoch in range(start_epoch, args.epochs):
    train_metrics = run_epoch(loader("train"), True)
    eval_metrics = run_epoch(loader("validation"), False)
    rates = [group["lr"] for group in optimizer.param_groups]
    utils.update_summary(
        epoch,
        train_metrics,
        eval_metrics,
        filename=os.path.join(output_dir, "summary.csv"),
        lr=sum(rates) / len(rates),
        write_header=best_metric is None,
        log_wandb=args.log_wandb,
    )
    best_metric, _ = saver.save_checkpoint(epoch, metric=eval_metrics["top1"])
    scheduler.step(epoch + 1, eval_metrics["top1"])
if args.log_wandb:
    wandb.save(os.path.join(output_dir, "model_best.pth.tar"))
