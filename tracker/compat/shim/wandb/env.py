"""wandb.env: names of variables, and the setters that integrations call."""

import os

PROJECT = "WANDB_PROJECT"
ENTITY = "WANDB_ENTITY"
RUN_ID = "WANDB_RUN_ID"
MODE = "WANDB_MODE"
DIR = "WANDB_DIR"
API_KEY = "WANDB_API_KEY"
RESUME = "WANDB_RESUME"


def set_project(value, env=None):
    (os.environ if env is None else env)[PROJECT] = value or "uncategorized"


def set_entity(value, env=None):
    (os.environ if env is None else env)[ENTITY] = value


def get_project(default=None, env=None):
    return (os.environ if env is None else env).get(PROJECT, default)


def get_entity(default=None, env=None):
    return (os.environ if env is None else env).get(ENTITY, default)
