from tracker.integrations.xgboost import *  # noqa: F403
