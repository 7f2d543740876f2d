"""Optuna's studies as written for wandb: one run for all trials, and one run for each."""

import optuna
import wandb
from optuna_integration.wandb import WeightsAndBiasesCallback

optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial):
    return (trial.suggest_float("x", -10, 10) - 2) ** 2


callback = WeightsAndBiasesCallback(metric_name="square", wandb_kwargs={"project": "study", "name": "one"})
study = optuna.create_study(study_name="one", sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective, n_trials=3, callbacks=[callback])
wandb.finish()

many = WeightsAndBiasesCallback(wandb_kwargs={"project": "studies"}, as_multirun=True)


@many.track_in_wandb()
def tracked(trial):
    x = trial.suggest_float("x", -10, 10)
    wandb.log({"double": 2 * x})
    return x**2


study = optuna.create_study(study_name="many", sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(tracked, n_trials=2, callbacks=[many])
