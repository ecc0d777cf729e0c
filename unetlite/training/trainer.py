"""The Lightning Trainer of a run: precision, logger, checkpoints, progress."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from rich.logging import RichHandler

from unetlite.data.batches import SegmentationData
from unetlite.errors import UsageError
from unetlite.files import whole
from unetlite.hardware import fast_precision, memory
from unetlite.network.measures import training_memory
from unetlite.settings import TrainerOptions, UNetConfig
from unetlite.training import callbacks
from unetlite.training.run import RunDirectory


class ProgressBar(RichProgressBar):
    """Counts epochs from one, as the log does."""

    def _get_train_description(self, current_epoch: int) -> str:
        return f"epoch {current_epoch + 1}/{self.trainer.max_epochs}"


class OneEventFile(TensorBoardLogger):
    """Keeps a file from training to test; without epochs, and test scores, which are written with hyperparameters."""

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch" and not k.startswith("test/")}, step)

    def finalize(self, status: str) -> None:
        self.experiment.flush()


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the checkpoint and renames, so that there is a whole one at any time."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        try:
            with whole(Path(path)) as partial, partial.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # PyTorch's archive hides what the disk said
            cause = error.__context__ if isinstance(error, RuntimeError) else error
            if isinstance(cause, OSError):
                raise OSError(cause.errno, cause.strerror, str(path)) from None
            raise


def make_trainer(options: TrainerOptions, run: RunDirectory, clock: Callback) -> Trainer:
    """A Trainer that writes into `run`."""
    quieten_lightning()
    called: list[Callback] = [
        clock,
        callbacks.OnlyFinite(run.last),
        callbacks.RunLog(),
        callbacks.ValidationPictures(),
        callbacks.RippleProbe(),
        LearningRateMonitor(logging_interval="step"),
        ModelCheckpoint(run.path, run.best.stem, monitor="val/miou", mode="max", enable_version_counter=False),
        ModelCheckpoint(run.path, run.last.stem, enable_version_counter=False),
        callbacks.StopOnSignal(run.last),
    ]
    if options.max_steps > 0:
        called.append(callbacks.EndAfterSteps(options.max_steps))
    called += map(instantiate, options.callbacks.values())
    if sys.stdout.isatty():
        called.append(ProgressBar(refresh_rate=1))
    try:
        accelerator = Trainer(accelerator=options.accelerator, logger=False, enable_checkpointing=False).accelerator
    except MisconfigurationException:
        raise UsageError(f"trainer.accelerator={options.accelerator}: this machine has none; take auto.") from None
    precision: Any = fast_precision(accelerator) if options.precision == "auto" else options.precision
    # What was logged after the checkpoint, before a kill, is hidden: it comes again.
    purge: dict[str, Any] = {} if run.resume_from is None else {"purge_step": run.steps}
    logger = OneEventFile(run.path, name="", version="", default_hp_metric=False, **purge)
    loggers = map(instantiate, options.loggers.values())
    logger.NAME_HPARAMS_FILE = run.config_file.name  # is there already, so that no empty hparams.yaml is added
    return Trainer(
        accelerator=options.accelerator, devices=1, precision=precision, max_epochs=options.max_epochs,
        logger=[logger, *loggers], callbacks=called, plugins=[WholeCheckpoints()], log_every_n_steps=5,
        num_sanity_val_steps=0, enable_model_summary=False, enable_progress_bar=sys.stdout.isatty(),
    )  # fmt: skip


def check_step(config: UNetConfig, data: SegmentationData, trainer: Trainer) -> None:
    """Raises UsageError for a training step that cannot be: for lack of memory, or of numbers to normalise."""
    loader, split = data.loader, data.store.splits["train"]
    images, side = min(loader.batch_size, len(split) * loader.crops_per_image), loader.crop_size
    if side > 16 * (largest := max(max(size) for size in split.sizes)):
        raise UsageError(f"data.crop_size={side}: no image is larger than {largest}; all else would be padding.")
    if config.norm == "batch" and images == 1 and side <= 2**config.depth:
        left = f"halved {config.depth} times, one window leaves one number a channel"
        remedy = "take a larger window, more of them, or model.norm=group"
        raise UsageError(f"data.crop_size={side}: {left}, which model.norm=batch cannot normalise; {remedy}.")
    needed = training_memory(config, images, side) * (0.6 if trainer.precision == "bf16-mixed" else 1)  # measured
    if needed > (there := memory(trainer.accelerator)):
        taken = f"{images} windows of {side} x {side} pixels takes about {needed / 2**30:.0f} GiB"
        remedy = "take a smaller data.batch_size, data.crop_size or model.widths"
        raise UsageError(f"a training step of {taken}, and there are {there / 2**30:.0f}; {remedy}.")


def quieten_lightning() -> None:
    """Leaves out the advice that Lightning gives to people who write trainers."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
    for message in (
        ".*does not have many workers.*",  # the data are in memory
        "Precision .* is not supported by the model summary",
        "Checkpoint directory .* exists and is not empty",
        "The number of training batches .* is smaller than the logging interval",
        "You're resuming from a checkpoint that ended before the epoch ended",  # the windows go on where they were
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
