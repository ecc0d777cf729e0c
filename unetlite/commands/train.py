"""`python train.py` and `unetlite train`: from the command line to one run, or a sweep of them."""

import sys
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from unetlite.commands.keys import show_keys
from unetlite.exit_codes import cli_errors, print_unexpected
from unetlite.run_directory import RunDirectory
from unetlite.settings.composition import check_overrides, resolve, translate_hydra_errors
from unetlite.settings.overrides import decode_names, is_multirun, parser, quote_overrides
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import Settings, read_settings
from unetlite.training.run import check_data_of, prepare, train


@cli_errors()
@translate_hydra_errors()
def main() -> None:
    """Trains once, or several times with -m, by the overrides on the command line."""
    arguments = sys.argv[1:]
    if "--help" in arguments or "-h" in arguments:
        words = [word for word in arguments if not word.startswith("-")]
        show_keys(quote_overrides(words))
        return
    sys.argv[1:] = quote_overrides(arguments, is_multirun(arguments))  # where Hydra reads
    check_overrides(sys.argv[1:])
    run = hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name="train")
    run(train_composed)()


def train_composed(config: DictConfig) -> float:
    """A run of the command."""
    # The error of a job in a sweep goes to its launcher: an exit would end the process of the job.
    is_single = HydraConfig.get().mode is RunMode.RUN
    errors = cli_errors() if is_single else print_unexpected()
    with errors, translate_hydra_errors():
        return train(current_settings(config))


def current_settings(config: DictConfig) -> Settings:
    """The settings of the run that Hydra is at."""
    words = [decode_names(word) for word in HydraConfig.get().overrides.task]
    return read_settings(resolve(config), words)


class CheckBeforeSweep(Callback):
    """Refuses a sweep whose runs cannot all start, before the first of them does."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with cli_errors(), translate_hydra_errors():  # Hydra only warns of a callback's errors
            check_data_of(prepare_jobs(config))


def prepare_jobs(config: DictConfig) -> list[RunDirectory]:
    """Prepares all runs of a sweep. Raises UsageError for the first that cannot start."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra

    sweeper = config.hydra.sweeper
    if not sweeper._target_.endswith("BasicSweeper"):
        return []  # another sweeper chooses its runs as it goes
    overrides = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    overrides += config.hydra.overrides.task
    parsed = parser().parse_overrides(overrides)
    (jobs,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    loader = GlobalHydra.instance().config_loader()
    runs = []
    for job in jobs:
        composed = loader.load_sweep_config(config, list(job))
        HydraConfig.instance().set_config(composed)  # what ${hydra:...} refers to
        runs.append(prepare(current_settings(composed)))
    return runs
