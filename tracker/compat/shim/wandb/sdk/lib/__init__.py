"""wandb.sdk.lib."""


class RunDisabled:
    """What wandb's init returned for mode="disabled" in old versions; never made here."""
