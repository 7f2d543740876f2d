"""wandb.integration: callbacks of frameworks, those of tracker.integrations."""
