"""The training of a run: data, network, trainer, then fit, test, and the files that are left."""

import logging
from pathlib import Path
from typing import cast

import torch
from rich.logging import RichHandler

from unetlite.checkpoint import hash_weights
from unetlite.data.cache import DecodedDataset
from unetlite.data.loader import SegmentationData
from unetlite.data.provenance import check_content
from unetlite.device import code_version, keep_memory
from unetlite.files import name_full_disk, relative_path
from unetlite.network.budget import match_budget
from unetlite.network.checkpoint import load_network
from unetlite.network.encoders.timm import TimmEncoder, inspect_encoder
from unetlite.network.encoders.weights import load_pretrained
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
)
from unetlite.training.segmenter import Segmenter
from unetlite.training.tables import write_test_tables
from unetlite.training.trainer import check_step, make_trainer

log = logging.getLogger("unetlite")


def fit_and_test(settings: Settings, run: RunDirectory) -> Metrics:
    """Trains a network, or goes on from a checkpoint, and tests it. Returns scores and times.

    With test=false it is not tested.
    """
    keep_memory()
    data = open_data(settings, run.steps)
    check_data(run, data)
    config = make_config(settings, data.dataset)
    clock = Clock()
    trainer = make_trainer(settings.trainer, run, clock)
    check_step(config, data, trainer)
    network = make_network(config, settings.seed, data.dataset)
    weights_hash = run.recorded.get("encoder_weights")
    if settings.model.encoder is not None and run.resume_from is None:
        weights_hash = load_encoder(network, settings.model.encoder.weights)
    segmenter = Segmenter(network, data.dataset, settings)
    if weights_hash is not None:
        segmenter.environment["encoder_weights"] = weights_hash
    if run.resume_from is not None:
        load_network(run.resume_from)  # raises UsageError if this version builds another one

    with name_full_disk(run.path), run.open(segmenter.environment):
        log_to(run.log)
        for remark in data.remarks:
            log.info(remark)
        before = run.recorded.get("code_version", code_version())
        if before != code_version():
            log.info(f"warning: {before} began this run, {code_version()} goes on with it")
        trainer.fit(segmenter, data, ckpt_path=run.resume_from, weights_only=True)
        if settings.test:
            checkpoint = run.test_checkpoint
            trainer.test(segmenter, data, ckpt_path=checkpoint, weights_only=True, verbose=False)
            write_test_tables(run, segmenter, data.tested)
        metrics = collect_metrics(run, segmenter, clock)
        log_hyperparameters(trainer, settings, metrics)
        writer(trainer).close()
        run.finish(metrics)
    print_results(run, metrics, segmenter.classes)
    return metrics


def open_data(settings: Settings, steps: int = 0) -> SegmentationData:
    """The data of a run, of which so many steps were taken before an interruption."""
    directory = Path(settings.data_dir)
    return SegmentationData(settings.data, directory, seed=settings.seed, steps=steps)


def check_data(run: RunDirectory, data: SegmentationData) -> None:
    """Raises UsageError if the run, or another one of its experiment, was trained on other data."""
    for path, recorded in run.recorded_data().items():
        check_content(
            recorded,
            data,
            str(relative_path(path)),
            "Put back what was there, or keep these runs apart with experiment=NAME.",
        )


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


def load_encoder(network: UNet, weights: str) -> str | None:
    """Gives the encoder of timm its pretrained weights, and photographs their normalisation.

    Returns the weights' SHA-256, None without weights.
    """
    if weights == "none":
        return None
    body = cast(TimmEncoder, network.encoder).body
    load_pretrained(body, weights)
    if network.config.pixel_type == "uint8" and network.config.in_channels == 3:
        info = inspect_encoder(body.name)
        network.set_normalisation(255 * torch.tensor(info.mean), 255 * torch.tensor(info.std))
    return hash_weights(body.net.state_dict())


class LogFile(logging.FileHandler):
    """A log whose errors, such as a full disk, end the run; else each prints a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:
        raise


def log_to(file: Path) -> None:
    """Sends the project's log to the terminal and, with times, to a file."""
    for handler in log.handlers:  # of an earlier run in this process
        handler.close()
    to_file = LogFile(file)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    to_terminal = RichHandler(
        show_time=False,
        show_level=False,
        show_path=False,
        highlighter=None,
    )
    log.handlers = [to_terminal, to_file]
    log.setLevel(logging.INFO)
    log.disabled = False  # Hydra disables it before each run of a sweep but the first
    log.propagate = False
