"""wandb.sdk.data_types."""
