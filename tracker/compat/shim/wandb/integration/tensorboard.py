from tracker.integrations.tensorboard import *  # noqa: F403
