"""The training of a run: data, network, trainer, then fit, test, and the files that are left."""

import logging
from pathlib import Path

import torch
from rich.logging import RichHandler

from unetlite.data.cache import DecodedDataset
from unetlite.data.loader import SegmentationData
from unetlite.device import environment, keep_memory
from unetlite.files import name_full_disk
from unetlite.network.budget import match_budget
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.run_directory import RunDirectory
from unetlite.settings.schema import Settings, UNetConfig
from unetlite.training.callbacks import Clock, writer
from unetlite.training.results import (
    Metrics,
    collect_metrics,
    log_hyperparameters,
    print_results,
    write_tables,
)
from unetlite.training.segmenter import Segmenter
from unetlite.training.trainer import check_step, make_trainer

log = logging.getLogger("unetlite")


def fit_and_test(settings: Settings, run: RunDirectory) -> Metrics:
    """Trains a network, or goes on from a checkpoint, and tests it. Returns scores and times."""
    keep_memory()
    directory = Path(settings.data_dir)
    data = SegmentationData(settings.data, directory, seed=settings.seed, steps=run.steps)
    config = make_config(settings, data.dataset)
    clock = Clock()
    trainer = make_trainer(settings.trainer, run, clock)
    check_step(config, data, trainer)
    network = make_network(config, settings.seed, data.dataset)
    segmenter = Segmenter(network, data.dataset, settings)

    with name_full_disk(run.path), run.open(environment()):
        log_to(run.log)
        for remark in data.remarks:
            log.info(remark)
        trainer.fit(segmenter, data, ckpt_path=run.resume_from, weights_only=True)
        checkpoint = run.test_checkpoint
        trainer.test(segmenter, data, ckpt_path=checkpoint, weights_only=True, verbose=False)

        metrics = collect_metrics(run, segmenter, clock)
        write_tables(run, segmenter, data.tested)
        log_hyperparameters(trainer, settings, metrics)
        writer(trainer).close()
        run.finish(metrics)
    print_results(run, metrics, segmenter.classes)
    return metrics


def make_config(settings: Settings, dataset: DecodedDataset) -> UNetConfig:
    """The network for a data set, with the budget of `model.match`."""
    config = settings.unet_config(dataset.channels, len(dataset.classes), dataset.pixel_type)
    return match_budget(config, settings.model.match, settings.model.match_to)


def make_network(config: UNetConfig, seed: int, dataset: DecodedDataset) -> UNet:
    """A new network, with the weights of a seed and the normalisation of the training images."""
    network = UNet(config)
    initialise(network, seed)
    network.set_normalisation(dataset.mean, dataset.std)
    network.to(memory_format=torch.channels_last)  # faster convolutions on CPUs and GPUs alike
    return network


class LogFile(logging.FileHandler):
    """A log whose errors, such as a full disk, end the run; else each prints a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:
        raise


def log_to(file: Path) -> None:
    """Sends the project's log to the terminal and, with times, to a file."""
    logger = logging.getLogger("unetlite")
    for handler in logger.handlers:  # of an earlier run in this process
        handler.close()
    to_file = LogFile(file)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    to_terminal = RichHandler(
        show_time=False,
        show_level=False,
        show_path=False,
        highlighter=None,
    )
    logger.handlers = [to_terminal, to_file]
    logger.setLevel(logging.INFO)
    logger.disabled = False  # Hydra disables it before each run of a sweep but the first
    logger.propagate = False
