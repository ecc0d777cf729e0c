"""The plan of a race: how long each training is, and what all of them take."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from unetlite.compare.step_times import estimate_step_times
from unetlite.data.cache import DecodedDataset
from unetlite.errors import UsageError
from unetlite.judge.sequential import INTERIMS
from unetlite.settings.schema import Settings
from unetlite.timing import num_threads

DEFAULT_STEPS = 300  # of a training, at least; few images are cropped more often
SMALLEST_STEPS = 100  # to which a short budget can reduce a training
SMALLEST_BATCH = 4
FIRST_INTERIM = min(INTERIMS)  # seeds

RACE_SHARE = 0.9  # of the budget; the rest measures and writes
LOOP = 1.05  # a step with its data, augmentation and logging, by the bare step, measured
STARTUP = 4  # seconds of a training before its first step and after its last
TEST_PASSES = 3  # over the test images, by each training
EVALUATION = 1 / 3  # of a training step: a pass without gradients


@dataclass(frozen=True)
class Schedule:
    """How long each training is."""

    steps: int
    steps_per_epoch: int
    batch_size: int
    crops_per_image: int

    @property
    def epochs(self) -> int:
        return math.ceil(self.steps / self.steps_per_epoch)

    def settings(self) -> dict[str, int]:
        """The settings of such a training, by dotted key."""
        return {
            "data.crops_per_image": self.crops_per_image,
            "data.batch_size": self.batch_size,
            "trainer.max_epochs": self.epochs,
            "trainer.max_steps": self.steps,
        }


@dataclass(frozen=True)
class RaceTimes:
    """What a race takes, by the measured seconds of a training step of each operator."""

    step_seconds: dict[str, float]
    batch_size: int  # that the steps were timed with
    val_batches: float  # the pixels of the validation images, in batches of training
    test_batches: float
    parallel: int  # trainings at once

    def of_one_seed(self, schedule: Schedule) -> float:
        """Seconds of one training of every operator."""
        steps = LOOP * schedule.steps * schedule.batch_size / self.batch_size
        evaluated = schedule.epochs * self.val_batches + TEST_PASSES * self.test_batches
        total = 0.0
        for seconds in self.step_seconds.values():
            total += (steps + EVALUATION * evaluated) * seconds + STARTUP
        return total / self.parallel


def measure_race_times(
    variants: Mapping[str, Settings],
    dataset: DecodedDataset,
    parallel: int | None,
    update: Callable[[str], None],
) -> RaceTimes:
    """What a race takes on these data. `parallel` None measures which number is best."""
    step_seconds, parallel = estimate_step_times(
        variants,
        dataset,
        parallel,
        update,
    )
    data = next(iter(variants.values())).data
    batches = {}
    for split in ("val", "test"):
        pixels = sum(height * width for height, width in dataset.splits[split].sizes)
        batches[split] = pixels / (data.batch_size * data.crop_size**2)
    return RaceTimes(
        step_seconds,
        data.batch_size,
        batches["val"],
        batches["test"],
        parallel,
    )


def default_schedule(settings: Settings, images: int, overridden: Collection[str]) -> Schedule:
    """The schedule of the settings. Few images are cropped more often, unless overridden."""
    data = settings.data
    trainer = settings.trainer
    crops = data.crops_per_image
    steps_per_epoch = max(1, images * crops // data.batch_size)
    steps = trainer.max_epochs * steps_per_epoch
    if trainer.max_steps > 0:
        steps = min(steps, trainer.max_steps)
    elif steps < DEFAULT_STEPS and "data.crops_per_image" not in overridden:
        steps_per_epoch = math.ceil(DEFAULT_STEPS / trainer.max_epochs)
        crops = math.ceil(steps_per_epoch * data.batch_size / images)
        steps = trainer.max_epochs * steps_per_epoch
    return Schedule(
        steps,
        steps_per_epoch,
        data.batch_size,
        crops,
    )


def fit_schedule(schedule: Schedule, times: RaceTimes, seconds: float) -> Schedule:
    """The longest schedule up to this one with which the first interim analysis is in time.

    First the batch is halved, as far as the shortest training needs it; then steps are left out.
    Raises UsageError if the shortest race takes longer.
    """

    def shortest() -> float:
        reduced = replace(schedule, steps=SMALLEST_STEPS)
        return FIRST_INTERIM * times.of_one_seed(reduced)

    while shortest() > seconds and schedule.batch_size > SMALLEST_BATCH:
        schedule = replace(
            schedule,
            batch_size=schedule.batch_size // 2,
            steps_per_epoch=2 * schedule.steps_per_epoch,
        )
    if shortest() > seconds:
        budget = seconds / RACE_SHARE
        operators = len(times.step_seconds)
        fewer = "fewer --operators, " if operators > 2 else ""
        raise UsageError(
            f"--budget {budget:g}s: {FIRST_INTERIM} seeds of {operators} operators take "
            f"{shortest() / RACE_SHARE / 60:.0f} minutes, with only {SMALLEST_STEPS} steps of "
            f"{schedule.batch_size} images, by what a step takes now; give that, {fewer}smaller "
            "crops (data.crop_size=128) or a smaller network (model.widths=[8,16,32])."
        )
    while FIRST_INTERIM * times.of_one_seed(schedule) > seconds:
        steps = max(SMALLEST_STEPS, int(0.97 * schedule.steps))
        schedule = replace(schedule, steps=steps)
    return schedule


def most_seeds(schedule: Schedule, times: RaceTimes, seconds: float) -> int:
    """The most seeds of all operators that fit into the time: one of INTERIMS."""
    fitting = [seeds for seeds in INTERIMS if seeds * times.of_one_seed(schedule) <= seconds]
    return max(fitting, default=FIRST_INTERIM)


def summarise(
    schedule: Schedule,
    times: RaceTimes,
    seeds: int,
    budget: str | None,
) -> list[str]:
    """The plan for the terminal: operators, length, number and minutes of the trainings."""
    operators = list(times.step_seconds)
    minutes = times.of_one_seed(schedule) / 60  # of all operators with one seed
    length = (
        f"{schedule.steps} steps of {schedule.batch_size} images a training, "
        f"epochs: {schedule.epochs}"
    )
    if times.parallel > 1:
        threads = max(1, num_threads() // times.parallel)
        length += f", {times.parallel} at once (threads: {threads} each)"
    trainings = f"{FIRST_INTERIM * len(operators)} trainings, {FIRST_INTERIM * minutes:.0f} minutes"
    if seeds > FIRST_INTERIM:
        trainings += (
            f" until the first interim analysis; at most {seeds * len(operators)}, "
            f"{seeds * minutes:.0f} minutes"
        )
    if budget is not None:
        trainings += f"; the budget is {budget}"
    return [
        f"plan     {len(operators)} operators: {', '.join(operators)}",
        f"         {length}",
        f"         {trainings}",
    ]
