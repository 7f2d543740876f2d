"""XGBoost as written for wandb."""

import numpy
import wandb
import xgboost
from wandb.integration.xgboost import WandbCallback

random = numpy.random.default_rng(0)
x = random.normal(size=(200, 3))
y = x[:, 0] * 2
wandb.init(project="trees", name="xgboost")
model = xgboost.XGBRegressor(n_estimators=5, max_depth=2, callbacks=[WandbCallback(log_model=True)])
model.fit(x, y, eval_set=[(x, y)], verbose=False)
