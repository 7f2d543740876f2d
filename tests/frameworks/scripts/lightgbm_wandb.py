"""LightGBM as written for wandb."""

import lightgbm
import numpy
import wandb
from wandb.integration.lightgbm import log_summary, wandb_callback

random = numpy.random.default_rng(0)
x = random.normal(size=(200, 3))
data = lightgbm.Dataset(x, label=(x[:, 0] > 0).astype(int), feature_name=["a", "b", "c"])
wandb.init(project="trees", name="lightgbm")
params = {"objective": "binary", "metric": ["binary_logloss", "auc"], "num_leaves": 4, "verbose": -1}
model = lightgbm.train(
    params, data, num_boost_round=5, valid_sets=[data], valid_names=["train"], callbacks=[wandb_callback()]
)
log_summary(model, save_model_checkpoint=True)
wandb.finish()
wandb.init(project="trees", name="lightgbm-cv")
lightgbm.cv(params, data, num_boost_round=2, nfold=2, callbacks=[wandb_callback(log_params=False)])
