"""The Lightning Trainer of a run: precision, logger, checkpoints, progress."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from rich.logging import RichHandler

from unetlite.data.batches import SegmentationData
from unetlite.errors import UsageError
from unetlite.hardware import fast_precision
from unetlite.settings import TrainerOptions
from unetlite.training.callbacks import Clock, RippleProbe, RunLog, ValidateLastStep, ValidationPictures
from unetlite.training.run import RunDirectory

MONITOR = "val/miou"  # what the best checkpoint is best in


class ProgressBar(RichProgressBar):
    """Counts epochs from one, as the log does."""

    def _get_train_description(self, current_epoch: int) -> str:
        return f"epoch {current_epoch + 1}/{self.trainer.max_epochs}"


class OneEventFile(TensorBoardLogger):
    """Keeps its file open from training to test; otherwise each phase would start another.

    Leaves out the number of the epoch, and the test scores, which are written with the hyperparameters.
    """

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch" and not k.startswith("test/")}, step)

    def finalize(self, status: str) -> None:
        self.experiment.flush()


def make_trainer(options: TrainerOptions, run: RunDirectory, data: SegmentationData, clock: Clock) -> Trainer:
    """A Trainer that writes into `run`."""
    quieten_lightning()
    callbacks: list[Callback] = [
        clock,
        RunLog(data),
        ValidationPictures(data),
        RippleProbe(),
        ValidateLastStep(),
        LearningRateMonitor(logging_interval="step"),
        ModelCheckpoint(run.path, run.best.stem, monitor=MONITOR, mode="max", enable_version_counter=False),
        ModelCheckpoint(run.path, run.last.stem, enable_version_counter=False),
    ]
    if sys.stdout.isatty():
        callbacks.append(ProgressBar(refresh_rate=1))
    try:
        accelerator = Trainer(accelerator=options.accelerator, logger=False, enable_checkpointing=False).accelerator
    except MisconfigurationException:
        raise UsageError(f"trainer.accelerator={options.accelerator}: this machine has none; take auto.") from None
    precision: Any = fast_precision(accelerator) if options.precision == "auto" else options.precision
    logger = OneEventFile(run.path, name="", version="", default_hp_metric=False)
    logger.NAME_HPARAMS_FILE = run.config_file.name  # is there already, so that no empty hparams.yaml is added
    return Trainer(
        accelerator=options.accelerator,
        devices=1,
        precision=precision,
        max_epochs=options.max_epochs,
        max_steps=options.max_steps,
        gradient_clip_val=options.gradient_clip or None,
        logger=logger,
        callbacks=callbacks,
        log_every_n_steps=5,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=sys.stdout.isatty(),
    )


def quieten_lightning() -> None:
    """Leaves out the advice that Lightning gives to people who write trainers."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
    for message in (
        ".*does not have many workers.*",  # the data are in memory
        "Precision .* is not supported by the model summary",
        "Checkpoint directory .* exists and is not empty",
        "The number of training batches .* is smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", message=message)


def log_to(file: Path) -> None:
    """Sends the project's log to the terminal and, with times, to a file."""
    logger = logging.getLogger("unetlite")
    for handler in logger.handlers:  # of an earlier run of a sweep
        handler.close()
    to_file = logging.FileHandler(file)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    to_terminal = RichHandler(show_time=False, show_level=False, show_path=False, highlighter=None)
    logger.handlers = [to_terminal, to_file]
    logger.setLevel(logging.INFO)
    logger.disabled = False  # as Hydra leaves it before each run of a sweep but the first
    logger.propagate = False
