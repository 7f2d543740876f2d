"""A Transformers training as written for wandb: report_to="wandb", checkpoints as artifacts."""

import sys

import torch
from tiny_llama import WORDS, tiny_model
from transformers import Trainer, TrainingArguments


class Sentences(torch.utils.data.Dataset):
    def __len__(self):
        return 32

    def __getitem__(self, index):
        tokens = torch.arange(index, index + 8) % len(WORDS)
        return {"input_ids": tokens, "labels": tokens}


report_to = sys.argv[1] if len(sys.argv) > 1 else "wandb"
if report_to == "tracker":
    import tracker.integrations.transformers  # noqa: F401

arguments = TrainingArguments(
    output_dir="out",
    run_name="first",
    report_to=report_to,
    max_steps=8,
    per_device_train_batch_size=4,
    logging_steps=2,
    eval_strategy="steps",
    eval_steps=4,
    save_steps=4,
    learning_rate=1e-2,
    use_cpu=True,
    disable_tqdm=True,
)
trainer = Trainer(model=tiny_model(), args=arguments, train_dataset=Sentences(), eval_dataset=Sentences())
trainer.train()
