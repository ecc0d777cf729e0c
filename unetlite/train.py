"""One run, from its configuration to a run directory. `python train.py` and `unetlite train` are this."""

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from unetlite.commands.keys import show_keys
from unetlite.errors import TracebackOfDefect, UsageError, hydra_mistakes, mistakes_in_one_line
from unetlite.files import load_libraries, shorten
from unetlite.settings import CONFIGS, Settings, check_groups, read_settings, resolve
from unetlite.training.run import RunDirectory

# Hydra finds it by itself only where the package is not installed editable; it is imported after Hydra's own plugins,
# which Hydra loads anew.
Plugins.instance().register(import_module("hydra_plugins.unetlite_race").RaceSweeper)


@mistakes_in_one_line()
@hydra_mistakes()
def run() -> None:
    """The command: reads the words on the command line, and trains once or, in a sweep, several times."""
    if {"--help", "-h"} & set(sys.argv):
        return show_keys([word for word in sys.argv[1:] if not word.startswith("-")])
    check_groups(sys.argv[1:])
    hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name="train")(train_composed)()


def train_composed(config: DictConfig) -> float:
    """A run of the command."""
    alone = HydraConfig.get().mode is RunMode.RUN
    # A launcher of several runs brings a mistake back from a job; an exit would kill the process of the job.
    with mistakes_in_one_line() if alone else TracebackOfDefect(), hydra_mistakes():
        return train(resolve(config))


def prepare(config: dict[str, Any]) -> tuple[Settings, RunDirectory]:
    """The settings and the directory of a run. Raises UsageError if either cannot be, or for an unknown choice."""
    settings = read_settings(config)
    run = RunDirectory(Path(settings.run_dir).resolve(), config, settings.resume)
    load_libraries("torch", "lightning")

    from unetlite.data.batches import DATASETS  # with all that registers itself there
    from unetlite.network.downsampling import DOWNSAMPLERS
    from unetlite.network.upsampling import UPSAMPLERS

    UPSAMPLERS.options(settings.network.upsample)
    DOWNSAMPLERS.options(settings.network.downsample)
    DATASETS.options(settings.source)
    if settings.match is not None and settings.match_to not in UPSAMPLERS:
        raise UsageError(f"model.match_to={settings.match_to}: choose one of {', '.join(UPSAMPLERS)}.")
    return settings, run


def train(config: dict[str, Any]) -> float:
    """One run: configuration -> fit -> test -> a run directory. Returns the mean IoU of the validation images."""
    settings, run = prepare(config)
    if run.finished:
        print(f"{shorten(run.path)} is finished")
        return run.stored_metrics()["val/miou"]

    # Imported here because it takes seconds: a misspelt word is answered before.
    import torch

    from unetlite.data.batches import SegmentationData
    from unetlite.hardware import environment, keep_memory
    from unetlite.network.measures import match_budget
    from unetlite.network.unet import UNet, initialise
    from unetlite.training.callbacks import Clock, writer
    from unetlite.training.results import collect_metrics, log_hyperparameters, print_results, write_tables
    from unetlite.training.segmenter import Segmenter
    from unetlite.training.trainer import check_step, log_to, make_trainer

    keep_memory()
    directory, seed = Path(settings.data_dir), settings.seed
    data = SegmentationData(settings.source, directory, settings.loader, seed=seed, steps=run.steps)
    store = data.store
    architecture = replace(settings.network, in_channels=store.channels, num_classes=len(store.classes))
    if settings.match is not None:
        architecture = match_budget(architecture, settings.match, settings.match_to)
    clock = Clock()
    trainer = make_trainer(settings.trainer, run, clock)
    check_step(architecture, data, trainer)
    network = UNet(architecture)
    initialise(network, seed)
    network.set_normalisation(store.mean, store.std)
    network.to(memory_format=torch.channels_last)  # faster convolutions on processors and GPUs alike
    segmenter = Segmenter(network, store, settings.trainer, config)

    with run.open(environment(), HydraConfig.get().overrides.task):
        log_to(run.log)
        trainer.fit(segmenter, data, ckpt_path=run.resume_from, weights_only=True)
        trainer.test(segmenter, data, ckpt_path=run.judged, weights_only=True, verbose=False)

        metrics = collect_metrics(run, segmenter, clock)
        write_tables(run, segmenter, data.tested)
        log_hyperparameters(trainer, config, metrics)
        writer(trainer).close()
        run.finish(metrics)
    print_results(run, metrics, segmenter.classes)
    return float(metrics["val/miou"] or 0)


class CheckBeforeSweep(Callback):
    """Refuses a sweep whose runs, composed as its launcher will, cannot all start, before the first of them does."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
        from hydra.core.global_hydra import GlobalHydra
        from hydra.core.override_parser.overrides_parser import OverridesParser

        sweeper = config.hydra.sweeper
        if not sweeper._target_.endswith(("BasicSweeper", "RaceSweeper")):
            return  # another sweeper chooses its runs as it goes
        words = [f"{key}={value}" for key, value in (sweeper.params or {}).items()] + config.hydra.overrides.task
        words += ["resume=auto"] if sweeper._target_.endswith("RaceSweeper") else []  # as it does
        jobs = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(words), max_batch_size=None)[0]
        with mistakes_in_one_line(), hydra_mistakes():  # Hydra only warns of what a callback raises
            for job in jobs:
                composed = GlobalHydra.instance().config_loader().load_sweep_config(config, list(job))
                HydraConfig.instance().set_config(composed)  # what ${hydra:...} refers to
                prepare(resolve(composed))
