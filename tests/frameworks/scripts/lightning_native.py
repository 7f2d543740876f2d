"""A Lightning training of two processes with tracker's own logger."""

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

import tracker
from tracker.integrations.lightning import TrackerLogger


class Line(L.LightningModule):
    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, index):
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]), sync_dist=True)

    def on_train_end(self):
        # Rank 0 has the logger's run already; another rank joins it.
        tracker.init(project="native").log({"seen": self.global_rank})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


if __name__ == "__main__":
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    data = TensorDataset(x, x.sum(dim=1, keepdim=True))
    trainer = L.Trainer(
        max_epochs=2,
        logger=TrackerLogger("native", "first", log_model="all"),
        log_every_n_steps=1,
        callbacks=[ModelCheckpoint(monitor="val", dirpath="checkpoints")],
        enable_progress_bar=False,
        accelerator="cpu",
        strategy="ddp",
        devices=2,
    )
    trainer.fit(Line(), DataLoader(data, batch_size=8), DataLoader(data, batch_size=32))
