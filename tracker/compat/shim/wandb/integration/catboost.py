from tracker.integrations.catboost import *  # noqa: F403
