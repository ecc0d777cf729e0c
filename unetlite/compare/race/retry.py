"""The command that trains longer, after a race that has not learnt a class."""

import math
from pathlib import Path

from unetlite.compare.levers.table import adopted_words, levers_of_race
from unetlite.compare.planning.command import choose_command
from unetlite.compare.planning.experiment import Experiment
from unetlite.compare.planning.race_times import WORKER_SECONDS
from unetlite.compare.planning.search import FIRST_INTERIM, PLANNING_SECONDS, SLACK

LONGER = 3  # times as many steps


def longer_command(experiment: Experiment, directory: Path) -> str:
    """A race of the same networks with LONGER times the steps, and the time that it needs."""
    values = experiment.values
    changes = {
        "data.batch_size": values["data.batch_size"],
        "data.crop_size": values["data.crop_size"],
        "data.crops_per_image": values["data.crops_per_image"],
        "trainer.max_epochs": LONGER * values["trainer.max_epochs"],
        "trainer.max_steps": LONGER * values["trainer.max_steps"],
    }
    typed = [f"{key}={value}" for key, value in changes.items()]
    seconds = LONGER * FIRST_INTERIM * sum(experiment.training_seconds.values())
    seconds += PLANNING_SECONDS + WORKER_SECONDS + experiment.report_seconds
    minutes = math.ceil(seconds / SLACK / 60) + 1
    return choose_command(
        experiment.request,
        [*adopted_words(levers_of_race(directory)), *typed],
        budget=f"{minutes}m",
        levers=False,
    )
