"""The stand-in for wandb: how `tracker run` puts ours in its place."""
