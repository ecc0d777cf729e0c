"""Trains one U-Net and leaves a run directory.

python train.py upsample=transpose                          coastlines from space, a few minutes on a laptop
python train.py upsample=nearest data=pets                  another operator, another data set
python train.py data=folder data.root=DIR                   your own images and masks
python train.py -m upsample=transpose,nearest seed=0,1,2    several runs, one after the other

Every key is explained in configs/; `python train.py --help` shows the composed configuration.
"""

from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from unetlite.config import TrainerConfig, resolve, split_data, typed
from unetlite.errors import TracebackOfDefect, UsageError, hydra_mistakes, mistakes_in_one_line


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(config: DictConfig) -> float:
    """Trains, tests, and returns the mean IoU on the validation images at the best epoch."""
    alone = HydraConfig.get().mode is RunMode.RUN
    # A launcher of several runs brings a mistake back from a job; an exit would kill the process of the job.
    with mistakes_in_one_line() if alone else TracebackOfDefect(), hydra_mistakes():
        return train(resolve(config))


def train(config: dict[str, Any]) -> float:
    """One run: configuration -> fit -> test -> a run directory."""
    if not isinstance(config["seed"], int) or config["seed"] < 0:
        raise UsageError(f"seed={config['seed']}: expected a whole number, 0 or more.")
    options = typed(TrainerConfig, config["trainer"], "trainer")
    loader, source = split_data(config["data"])

    # Imported here because it takes seconds: a misspelt word is answered before.
    import torch

    from unetlite.budget import network_config
    from unetlite.callbacks import Clock
    from unetlite.data.module import SegmentationData
    from unetlite.probe import ArtefactProbe
    from unetlite.results import (
        collect_metrics,
        count_columns,
        log_hyperparameters,
        per_image_columns,
        print_results,
        shorten,
        spectrum_columns,
    )
    from unetlite.run import RunDirectory, write_table
    from unetlite.segmenter import Segmenter
    from unetlite.trainer import log_to, make_trainer
    from unetlite.unet import UNet, initialise

    run = RunDirectory(Path(config["run_dir"]).resolve(), config)
    if run.finished:
        print(f"{shorten(run.path)} is finished")
        return run.stored_metrics()["val/miou"]
    data = SegmentationData(source, Path(config["data_dir"]), loader, seed=config["seed"])

    network = UNet(network_config(config, in_channels=data.store.channels, num_classes=len(data.store.classes)))
    initialise(network, config["seed"])
    network.set_normalisation(data.store.mean, data.store.std)
    network.to(memory_format=torch.channels_last)  # faster convolutions on processors and GPUs alike
    segmenter = Segmenter(network, data.store.classes, data.store.colours, options, config)

    clock, probe = Clock(), ArtefactProbe()
    trainer = make_trainer(options, run, data, clock, probe)
    run.create()
    log_to(run.log)
    trainer.fit(segmenter, data, ckpt_path=run.resume_from, weights_only=True)
    trainer.test(segmenter, data, ckpt_path=run.best, weights_only=True, verbose=False)

    metrics = collect_metrics(run, segmenter, trainer, clock)
    write_table(run.per_image, per_image_columns(segmenter), data.test_names)
    write_table(run.counts, count_columns(segmenter), data.test_names)
    write_table(run.spectrum, spectrum_columns(probe.spectrum))
    log_hyperparameters(trainer, config, metrics)
    run.finish(metrics)
    print_results(run, metrics, segmenter.classes)
    return metrics["val/miou"]


if __name__ == "__main__":
    with mistakes_in_one_line(), hydra_mistakes():
        main()
