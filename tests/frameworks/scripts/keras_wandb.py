"""A Keras training (torch backend) as written for wandb."""

import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy
import wandb
from wandb.integration.keras import WandbEvalCallback, WandbMetricsLogger, WandbModelCheckpoint

keras.utils.set_random_seed(0)
x = numpy.random.default_rng(0).normal(size=(64, 3)).astype("float32")
y = x.sum(axis=1, keepdims=True)


class Predictions(WandbEvalCallback):
    def __init__(self):
        super().__init__(["row", "truth"], ["epoch", "row", "truth", "guess"])

    def add_ground_truth(self, logs=None):
        for row in range(4):
            self.data_table.add_data(row, float(y[row, 0]))

    def add_model_predictions(self, epoch, logs=None):
        guesses = self.model.predict(x[:4], verbose=0)
        for row in self.data_table_ref.get_index():
            known = self.data_table_ref.data[row]
            self.pred_table.add_data(epoch, known[0], known[1], float(guesses[row, 0]))


run = wandb.init(project="keras", name="first", config={"width": 4})
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
callbacks = [
    WandbMetricsLogger(log_freq=2),
    WandbModelCheckpoint("models/{epoch:02d}.keras", monitor="val_loss", save_best_only=True),
    Predictions(),
]
model.fit(x, y, epochs=3, batch_size=16, validation_split=0.25, verbose=0, callbacks=callbacks)
wandb.log({"graph": wandb.Graph.from_keras(model)})
wandb.finish()
