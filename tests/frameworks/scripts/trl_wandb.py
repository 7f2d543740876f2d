"""A TRL fine-tuning as written for wandb."""

from datasets import Dataset
from tiny_llama import tiny_model, tiny_tokenizer
from trl import SFTConfig, SFTTrainer

rows = Dataset.from_dict({"text": ["the cat sat on the mat", "the dog ran under the log"] * 8})
arguments = SFTConfig(
    output_dir="out",
    report_to="wandb",
    run_name="tuned",
    max_steps=4,
    logging_steps=1,
    per_device_train_batch_size=4,
    max_length=16,
    save_strategy="no",
    use_cpu=True,
    bf16=False,
    gradient_checkpointing=False,
    disable_tqdm=True,
)
trainer = SFTTrainer(
    model=tiny_model(), args=arguments, train_dataset=rows, processing_class=tiny_tokenizer()
)
trainer.train()
