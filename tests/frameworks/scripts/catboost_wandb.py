"""CatBoost as written for wandb."""

import catboost
import numpy
import wandb
from wandb.integration.catboost import WandbCallback, log_summary

random = numpy.random.default_rng(0)
x = random.normal(size=(200, 3))
y = x[:, 0] * 2
wandb.init(project="trees", name="catboost")
model = catboost.CatBoostRegressor(iterations=5, depth=2, verbose=False, train_dir="trained")
train, test = (
    catboost.Pool(x[part], y[part], feature_names=["a", "b", "c"]) for part in (slice(150), slice(150, 200))
)
model.fit(train, eval_set=test, callbacks=[WandbCallback()])
log_summary(model, save_model_checkpoint=True)
