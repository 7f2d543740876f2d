"""wandb.sdk: the inner modules that frameworks and scripts import."""

from wandb.sdk import (  # noqa: F401, I001 - found as attributes of this package
    artifacts,
    data_types,
    lib,
    wandb_config,
    wandb_init,
    wandb_login,
    wandb_metric,
    wandb_run,
    wandb_settings,
    wandb_setup,
    wandb_summary,
)
from tracker import (  # noqa: F401
    Artifact,
    Config,
    Settings,
    Summary,
    finish,
    init,
    login,
    require,
    setup,
    teardown,
    unwatch,
    watch,
)
