"""wandb.integration.torch."""
