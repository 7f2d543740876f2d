"""An Ignite training as written for wandb."""

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import ModelCheckpoint
from ignite.handlers.wandb_logger import WandBLogger
from ignite.metrics import MeanSquaredError

torch.manual_seed(0)
x = torch.randn(32, 2)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
trainer = create_supervised_trainer(model, optimizer, torch.nn.MSELoss())
evaluator = create_supervised_evaluator(model, {"mse": MeanSquaredError()})
logger = WandBLogger(project="ignite", name="first", config={"lr": 0.1}, tags=["small"])
logger.attach_output_handler(
    trainer, Events.ITERATION_COMPLETED, tag="training", output_transform=lambda loss: {"loss": loss}
)
logger.attach_output_handler(
    evaluator,
    Events.EPOCH_COMPLETED,
    tag="validation",
    metric_names=["mse"],
    global_step_transform=lambda *_: trainer.state.iteration,
)
logger.attach_opt_params_handler(trainer, Events.ITERATION_STARTED(every=4), optimizer)
logger.watch(model, log="all", log_freq=2)
saver = ModelCheckpoint(
    logger.run.dir,
    n_saved=1,
    filename_prefix="best",
    score_name="mse",
    score_function=lambda engine: -engine.state.metrics["mse"],
)
evaluator.add_event_handler(Events.COMPLETED, saver, {"model": model})
trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: evaluator.run(loader))
trainer.run(loader, max_epochs=2)
logger.close()
