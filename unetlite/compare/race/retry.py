"""The command that trains longer, after a race that has not learnt a class."""

from pathlib import Path

from unetlite.compare.levers.table import adopted_words, levers_of_race
from unetlite.compare.planning.command import choose_command
from unetlite.compare.planning.experiment import Experiment
from unetlite.compare.planning.race_times import WORKER_SECONDS
from unetlite.compare.planning.search import FIRST_INTERIM
from unetlite.compare.planning.smaller import budget_for

LONGER = 3  # times as many steps


def longer_command(experiment: Experiment, directory: Path) -> str:
    """A race of the same networks with LONGER times the steps, and the time that it needs."""
    seconds = LONGER * FIRST_INTERIM * sum(experiment.training_seconds.values())
    seconds += WORKER_SECONDS + experiment.report_seconds
    return choose_command(
        experiment.request,
        [*adopted_words(levers_of_race(directory)), *experiment.longer(LONGER)],
        budget=budget_for(seconds),
        levers=False,
    )
