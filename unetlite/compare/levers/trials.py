"""Trainings that measure levers: which fit into the time, their settings, and their runs.

Levers are judged by validation images, and their trainings do not test. Their seeds are not those
of a race.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from unetlite.compare.levers.kinds import BASELINE, Baseline, Lever
from unetlite.compare.planning.race_times import WORKER_SECONDS, RaceTimes
from unetlite.compare.planning.schedule import Schedule
from unetlite.run_directory import RunFiles
from unetlite.scheduling.base import Scheduler
from unetlite.settings.schema import Settings
from unetlite.validation import STRICT

FIRST_SEED = 1000  # of the trainings; a race takes those from 0
MIN_SEEDS = 2
MAX_SEEDS = 5  # if there is time for them
MIN_LEVERS = 3  # fewer say too little about the noise


@dataclass(frozen=True, config=STRICT)
class Trials:
    """The trainings with each lever and without any, and all that they start from."""

    asked: dict[str, Any]  # by the command
    base: dict[str, Any]  # fields of Baseline, with the schedule in its values
    levers: list[Lever]
    reasons: dict[str, str]  # by lever that is not tried
    directory: str  # of the runs
    parallel: PositiveInt
    threads: PositiveInt
    macs: dict[str, PositiveFloat]  # of a prediction by lever, over those of the base
    seconds: PositiveFloat  # that are planned
    seeds: PositiveInt = MIN_SEEDS  # of each
    data_hash: str | None = None
    more_seeds: dict[str, PositiveInt] = field(default_factory=dict)
    """All seeds by folder, of the base and the lever that had more; see `repeat`."""

    @property
    def by_name(self) -> dict[str, Lever]:
        """The levers that are tried."""
        return {lever.name: lever for lever in self.levers}

    @property
    def steps(self) -> int:
        """Of a training without a lever."""
        return self.base["values"]["trainer.max_steps"]

    def settings(self, chosen: Sequence[Lever], name: str) -> list[Settings]:
        """The settings of the trainings with some levers, by seed; `name` is their folder."""
        values = {
            "resume": "auto",
            "test": False,
            "experiment": f"{Path(self.directory).name}-{name}",
        }
        words: list[str] = []
        for lever in chosen:
            values.update(lever.values)
            words += lever.words
        settings = Baseline(**self.base).settings(words, values)
        by_seed = []
        for seed, run in enumerate(self.runs(name), start=FIRST_SEED):
            by_seed.append(replace(settings, seed=seed, run_dir=str(run.path)))
        return by_seed

    def seeds_of(self, name: str) -> int:
        """How many there are in a folder."""
        return self.more_seeds.get(name, self.seeds)

    def runs(self, name: str) -> list[RunFiles]:
        """The runs of a folder, by seed."""
        seeds = range(FIRST_SEED, FIRST_SEED + self.seeds_of(name))
        return [RunFiles(Path(self.directory) / name / f"seed{seed}") for seed in seeds]


def schedule_with(schedule: Schedule, values: Mapping[str, Any]) -> Schedule:
    """The schedule of a training with the values of a lever."""
    steps = schedule.steps
    if "trainer.max_steps" in values or "trainer.max_epochs" in values:
        steps *= 2
    return replace(
        schedule,
        steps=steps,
        crop_size=values.get("data.crop_size", schedule.crop_size),
    )


class TrialSchedule(NamedTuple):
    """Levers that fit into a time, and the schedule of their trainings."""

    levers: list[Lever]
    schedule: Schedule
    seeds: int
    seconds: float  # of all trainings


def trial_seconds(
    levers: Sequence[Lever],
    times: RaceTimes,
    schedule: Schedule,
    combined: bool,
) -> float:
    """Seconds of the trainings of the base and the levers with one seed.

    `times` has the steps of the base, and of levers that change the network. If they are combined,
    those trainings are taken to be as long as the longest.
    """
    seconds = [times.training_seconds(BASELINE, schedule)]
    for lever in levers:
        name = lever.name if lever.name in times.steps else BASELINE
        seconds.append(times.training_seconds(name, schedule_with(schedule, lever.values)))
    if combined:
        seconds.append(max(seconds))
    return sum(seconds) / times.parallel


def plan_trials(
    levers: Sequence[Lever],
    times: RaceTimes,
    schedule: Schedule,
    seconds: float,
    shortest: int,
    combined: bool,
) -> TrialSchedule | None:
    """As many levers as fit into the time, and the schedule of their trainings.

    They have the steps of the `schedule`, or fewer, but no fewer than `shortest`. Time that is left
    is for more seeds. None if too few levers fit.
    """
    available = seconds - WORKER_SECONDS
    once = replace(schedule, steps=1).in_epochs(1)
    twice = replace(schedule, steps=2).in_epochs(1)
    for count in range(len(levers), MIN_LEVERS - 1, -1):
        tried = list(levers[:count])
        first, second = (trial_seconds(tried, times, each, combined) for each in (once, twice))
        affordable = 1 + math.floor((available / MIN_SEEDS - first) / (second - first))
        steps = min(schedule.steps, affordable)
        if steps >= min(shortest, schedule.steps):
            chosen = replace(schedule, steps=steps).in_epochs(1)
            of_seed = trial_seconds(tried, times, chosen, combined)
            seeds = min(MAX_SEEDS, max(MIN_SEEDS, math.floor(available / of_seed)))
            return TrialSchedule(tried, chosen, seeds, WORKER_SECONDS + seeds * of_seed)
    return None


def train_missing(
    trials: Trials,
    jobs: Mapping[str, list[Lever]],
    scheduler: Scheduler,
) -> dict[str, str]:
    """Trains all seeds of these that are not finished, and prints a line for each.

    Returns those that failed, and why.
    """
    names = {}
    missing = []
    for name, chosen in jobs.items():
        for settings in trials.settings(chosen, name):
            if not RunFiles(Path(settings.run_dir)).metrics.exists():
                missing.append(settings)
                names[settings.run_dir] = name
    failed: dict[str, str] = {}
    for done, outcome in enumerate(scheduler.run(missing), start=1):
        name = names[outcome.settings.run_dir]
        result = f"failed: {outcome.failure}"
        if outcome.failure is None:
            score = RunFiles(Path(outcome.settings.run_dir)).stored_metrics()["val/miou"]
            result = "val absent" if score is None else f"val {score:.4f}"
        else:
            failed[name] = outcome.failure
        training = f"{name} seed{outcome.settings.seed}"
        print(f"{done} of {len(missing)}   {training}   {result}", flush=True)
    return failed
