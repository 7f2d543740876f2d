"""A Lightning training as written for wandb: metrics, watch, checkpoints, images, a table, an artifact."""

import lightning as L
import torch
import wandb
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from torch.utils.data import DataLoader, TensorDataset


class Line(L.LightningModule):
    def __init__(self, width: int = 4, lr: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 1)

    def forward(self, x):
        return self.layer(x)

    def training_step(self, batch, index):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self(x), y)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, index):
        x, y = batch
        self.log("val/loss", torch.nn.functional.mse_loss(self(x), y))

    def on_validation_epoch_end(self):
        if not self.trainer.sanity_checking:
            self.logger.log_image("samples", [torch.rand(3, 8, 8), torch.rand(3, 8, 8)], caption=["a", "b"])
            self.logger.log_table("guesses", columns=["x", "y"], data=[[1, 2.0], [3, 4.0]])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


torch.manual_seed(0)
x = torch.randn(64, 4)
data = TensorDataset(x, x.sum(dim=1, keepdim=True))
logger = WandbLogger(project="lines", name="first", log_model="all", tags=["small"])
model = Line()
logger.watch(model, log="all", log_freq=2)
trainer = L.Trainer(
    max_epochs=3,
    logger=logger,
    log_every_n_steps=2,
    callbacks=[ModelCheckpoint(monitor="val/loss", dirpath="checkpoints", save_top_k=2)],
    enable_progress_bar=False,
    accelerator="cpu",
)
trainer.fit(model, DataLoader(data, batch_size=8), DataLoader(data, batch_size=32))
assert logger.experiment is wandb.run
print("version", logger.version, "name", logger.name)
run_id = logger.experiment.id
wandb.finish()

with wandb.init(project="lines", name="second") as run:
    folder = WandbLogger(experiment=run).use_artifact(f"model-{run_id}:best").download()
    other = WandbLogger.download_artifact(f"model-{run_id}:latest", save_dir="restored")
    restored = Line.load_from_checkpoint(f"{folder}/model.ckpt", map_location="cpu")
    wandb.log({"restored": float(restored(x).mean())})
