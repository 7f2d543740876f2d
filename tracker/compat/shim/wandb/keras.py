from tracker.integrations.keras import *  # noqa: F403
