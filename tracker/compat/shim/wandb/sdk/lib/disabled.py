from wandb.sdk.lib import RunDisabled  # noqa: F401
