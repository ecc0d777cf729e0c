"""The Lightning Trainer of a run: precision, logger, checkpoints, progress."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from unetlite.data.loader import SegmentationData
from unetlite.device import available_memory, fast_precision
from unetlite.errors import UsageError
from unetlite.files import atomic_path
from unetlite.network.complexity import training_memory
from unetlite.run_directory import RunDirectory
from unetlite.settings.schema import TrainerOptions, UNetConfig
from unetlite.training import callbacks
from unetlite.training.duration import TimeLeft
from unetlite.training.tables import ValidationCounts

BFLOAT16_MEMORY = 0.6  # of the memory of a step in float32, measured

VALIDATION_LOSSES = ("loss", "cross_entropy", "dice_loss")

HIDDEN_WARNINGS = (
    ".*does not have many workers.*",  # the data are in memory
    "Precision .* is not supported by the model summary",
    "Checkpoint directory .* exists and is not empty",
    "The number of training batches .* is smaller than the logging interval",
    "You're resuming from a checkpoint that ended before the epoch ended",  # the crops go on
)
"""Lightning's advice to people who write trainers."""


class ProgressBar(RichProgressBar):
    """Counts epochs from one, as the log does."""

    def _get_train_description(self, current_epoch: int) -> str:
        return f"epoch {current_epoch + 1}/{self.trainer.max_epochs}"


class OneEventFile(TensorBoardLogger):
    """Keeps one file from training to test, without epochs.

    Validation scores are named so that they come first. Test scores are left out: a chart of them
    would be one dot; HPARAMS has them.
    """

    @property
    def log_dir(self) -> str:
        """The directory as it is called: Lightning would expand a $ in its name."""
        return str(self.root_dir)

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        kept = {}
        for name, value in metrics.items():
            if name != "epoch" and not name.startswith("test/"):
                kept[board_tag(name)] = value
        super().log_metrics(kept, step)

    def finalize(self, status: str) -> None:
        self.experiment.flush()


def board_tag(name: str) -> str:
    """The tag of a metric in TensorBoard, which sorts them.

    >>> board_tag("val/miou"), board_tag("val/iou/sky"), board_tag("val/loss")
    ('score/miou', 'scores/iou/sky', 'val/loss')
    """
    stage, _, metric = name.partition("/")
    if stage != "val" or metric in VALIDATION_LOSSES:
        return name
    return "score/miou" if metric == "miou" else f"scores/{metric}"


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes beside the checkpoint and renames, so that there is a whole one at any time."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        with atomic_path(Path(path)) as partial, partial.open("wb") as file:
            torch.save(checkpoint, file)


def make_trainer(options: TrainerOptions, run: RunDirectory, clock: Callback) -> Trainer:
    """A Trainer that writes into the directory of `run`."""
    quieten_lightning()
    accelerator = find_accelerator(options)
    precision: Any = options.precision
    if precision == "auto":
        precision = fast_precision(accelerator)
    loggers = [make_logger(run)]
    for logger in options.loggers.values():
        loggers.append(instantiate(logger))
    at_terminal = sys.stdout.isatty()
    return Trainer(
        accelerator=options.accelerator,
        devices=1,
        precision=precision,
        max_epochs=options.max_epochs,
        logger=loggers,
        callbacks=make_callbacks(options, run, clock),
        plugins=[AtomicCheckpoints()],
        log_every_n_steps=5,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=at_terminal,
    )


def find_accelerator(options: TrainerOptions) -> Accelerator:
    """The accelerator that Lightning chooses. Raises UsageError if this machine has none such."""
    name = options.accelerator
    try:
        trainer = Trainer(accelerator=name, logger=False, enable_checkpointing=False)
    except MisconfigurationException:
        raise UsageError(f"trainer.accelerator={name}: this machine has none; take auto.") from None
    return trainer.accelerator


def make_logger(run: RunDirectory) -> TensorBoardLogger:
    """TensorBoard's logger of a run."""
    options: dict[str, Any] = {}
    if run.resume_from is not None:
        # What was logged between the checkpoint and a kill comes again, and is hidden.
        options["purge_step"] = run.steps
    logger = OneEventFile(
        run.path,
        name="",
        version="",
        default_hp_metric=False,
        **options,
    )
    # This file is there already, so that no empty hparams.yaml is added.
    logger.NAME_HPARAMS_FILE = run.config_file.name
    return logger


def make_callbacks(options: TrainerOptions, run: RunDirectory, clock: Callback) -> list[Callback]:
    """The callbacks of a run, in the order in which they are called."""
    best = ModelCheckpoint(
        run.path,
        run.best.stem,
        monitor="val/miou",
        mode="max",
        enable_version_counter=False,
    )
    last = ModelCheckpoint(run.path, run.last.stem, enable_version_counter=False)
    chosen: list[Callback] = [
        clock,
        callbacks.ScoreCurve(run.curve),
        ValidationCounts(run.val_counts, options.test_checkpoint == "best"),
        callbacks.OnlyFinite(run.last),
        callbacks.EpochLoss(),
        callbacks.RunLog(),
        TimeLeft(),
        callbacks.ValidationPictures(),
        callbacks.RippleProbe(),
        LearningRateMonitor(logging_interval="step"),
        best,
        last,
        callbacks.StopOnSignal(run.last),
    ]
    if options.max_steps > 0:
        chosen.append(callbacks.EndAfterSteps(options.max_steps))
    for callback in options.callbacks.values():
        chosen.append(instantiate(callback))
    if sys.stdout.isatty():
        chosen.append(ProgressBar(refresh_rate=1))
    return chosen


def check_step(config: UNetConfig, data: SegmentationData, trainer: Trainer) -> None:
    """Raises UsageError for a training step that cannot be: for lack of memory, or of numbers."""
    train = data.dataset.splits["train"]
    side = data.options.crop_size
    images = min(data.options.batch_size, len(train) * data.options.crops_per_image)
    largest = max(max(size) for size in train.sizes)
    if side > 16 * largest:
        raise UsageError(
            f"data.crop_size={side}: no image is larger than {largest}; all else would be padding."
        )
    trains_norms = config.encoder is not None and not config.frozen
    if (config.norm == "batch" or trains_norms) and images == 1 and side <= config.stride:
        raise UsageError(
            f"data.crop_size={side}: halved {config.depth} times, one crop leaves one number a "
            "channel, which model.norm=batch cannot normalise; take a larger crop, more of them, "
            "or model.norm=group."
        )
    needed = float(training_memory(config, images, side))
    if trainer.precision == "bf16-mixed":
        needed *= BFLOAT16_MEMORY
    available = available_memory(trainer.accelerator)
    if needed > available:
        raise UsageError(
            f"a training step of {images} crops of {side} x {side} pixels takes about "
            f"{needed / 2**30:.0f} GiB, and there are {available / 2**30:.0f}; "
            "take a smaller data.batch_size, data.crop_size or model.widths."
        )


def quieten_lightning() -> None:
    """Leaves out Lightning's advice."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
    for message in HIDDEN_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
