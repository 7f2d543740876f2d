"""wandb.sdk.lib."""


class RunDisabled:
    """What wandb's init returned for mode="disabled" in old versions; never made here."""


from wandb.sdk.lib import config_util, disabled, ipython, paths, printer, runid, telemetry  # noqa: E402, F401
