"""The plan of a race: which trainings a time buys, and what bound they can expect."""

import math
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from textwrap import wrap

import torch

from unetlite.compare.expectation import expected_bound, training_length
from unetlite.compare.step_times import StepTime, shared_threads
from unetlite.data.loader import SegmentationData
from unetlite.errors import UsageError
from unetlite.judge.sequential import INTERIMS
from unetlite.settings.schema import Settings
from unetlite.timing import format_duration
from unetlite.training.callbacks import EVALUATION, TEST_PASSES

DEFAULT_SECONDS = 3600.0  # without --budget
SHOWN_SECONDS = (900.0, 3600.0, 14400.0)  # in the table

DEFAULT_STEPS = 300  # of a training, at least; few images are cropped more often
SMALLEST_STEPS = 100  # to which a short time can reduce a training
SMALLEST_BATCH = 4
SMALLEST_CROP = 128
FEWEST_OPERATORS = 2
FIRST_INTERIM = min(INTERIMS)  # seeds
SHORT_TRAINING = 0.25
"""A plan with trainings so many times shorter than usual must narrow the bound by this power of it.

Short trainings answer a question about networks that are not fully trained. On coast, each
doubling left two thirds of the distance to the score of a long training.
"""
WORTH = 0.98  # a bound that is not narrower than this much of another is no better

PLANNING = 20.0  # seconds that planning may take
SLACK = 0.97  # of the time is planned for: trainings do not all take the same
STARTUP = 1.5  # seconds of a training before its first step and after its last
WORKER_START = 8.0  # seconds until a worker has loaded the libraries, once
EVALUATION_SHARE = 0.1  # of a training, at most, if more than one validation
REPORT = 15.0  # seconds of the report without what it measures
REPORT_OPERATOR = 9.0  # seconds that it takes to export an operator and measure its latencies
REPORT_STEPS = 8  # training steps of each operator that it times
LOADED_BATCHES = 3


@dataclass(frozen=True)
class Schedule:
    """What a training is made of."""

    steps: int
    crops_per_image: int  # in an epoch
    batch_size: int
    crop_size: int
    images: int  # training images

    @property
    def steps_per_epoch(self) -> int:
        """As the trainer has it: a batch that is not full is left out."""
        return max(1, self.images * self.crops_per_image // self.batch_size)

    @property
    def epochs(self) -> int:
        """How often there is a validation."""
        return math.ceil(self.steps / self.steps_per_epoch)

    @property
    def batch_pixels(self) -> int:
        """The pixels of a batch."""
        return self.batch_size * self.crop_size**2

    @property
    def length(self) -> float:
        """How far it trains; see `training_length`."""
        return training_length(self.steps, self.batch_size, self.crop_size)

    def in_epochs(self, epochs: int) -> "Schedule":
        """The same steps in so many epochs, or fewer."""
        crops = math.ceil(self.steps / epochs) * self.batch_size / self.images
        return replace(self, crops_per_image=max(1, math.ceil(crops)))

    def settings(self) -> dict[str, int]:
        """The settings of such a training, by dotted key."""
        return {
            "data.crops_per_image": self.crops_per_image,
            "data.batch_size": self.batch_size,
            "data.crop_size": self.crop_size,
            "trainer.max_epochs": self.epochs,
            "trainer.max_steps": self.steps,
        }


@dataclass(frozen=True)
class RaceTimes:
    """What a race takes, by what was measured on this machine."""

    steps: dict[str, StepTime]  # by operator
    loading: float  # seconds to load and augment a pixel
    val_pixels: int
    test_pixels: int
    parallel: int  # trainings at once

    def of_training(self, operator: str, schedule: Schedule) -> float:
        """Seconds from the start of a training to its end."""
        step = self.steps[operator]
        pace = self.of_step(operator, schedule)
        evaluated = schedule.epochs * self.val_pixels + TEST_PASSES * self.test_pixels
        return STARTUP + schedule.steps * pace + EVALUATION * step.per_pixel * evaluated

    def of_trainings(self, operators: Sequence[str], schedule: Schedule) -> dict[str, float]:
        """What each operator's training adds to the time of the race."""
        seconds = {}
        for name in operators:
            seconds[name] = self.of_training(name, schedule) / self.parallel
        return seconds

    def of_step(self, operator: str, schedule: Schedule) -> float:
        """Seconds of a training step with its data."""
        step = self.steps[operator].seconds(schedule.batch_size, schedule.crop_size)
        return step + self.loading * schedule.batch_pixels

    def of_seed(self, operators: Sequence[str], schedule: Schedule) -> float:
        """Seconds of one training of every operator."""
        return sum(self.of_trainings(operators, schedule).values())

    def of_report(self, operators: Sequence[str], schedule: Schedule) -> float:
        """Seconds from the last training to the verdict."""
        seconds = REPORT
        for operator in operators:
            step = self.steps[operator].seconds(schedule.batch_size, schedule.crop_size)
            seconds += REPORT_OPERATOR + REPORT_STEPS * step / self.parallel
        return seconds

    def of_rest(self, operators: Sequence[str], schedule: Schedule) -> float:
        """Seconds of all that is no training."""
        return WORKER_START + self.of_report(operators, schedule)


@dataclass(frozen=True)
class PlannedRace:
    """A race: how many seeds of which operators, and what it takes and buys."""

    operators: list[str]
    schedule: Schedule
    seeds: int  # of each operator, the most
    seconds: float  # with report
    shortening: float  # of trainings: the usual length over the planned one
    bound: float  # that is expected

    @property
    def loss(self) -> float:
        """What a plan makes small: the expected bound, and how short the trainings are."""
        return self.bound * max(1.0, self.shortening) ** SHORT_TRAINING


@dataclass(frozen=True)
class Question:
    """What is to be planned, and what of it is not to be changed.

    `usual` is the training that the settings give. `fixed` are the dotted keys that were chosen by
    a person, and "operators" if those were.
    """

    operators: list[str]  # in the order of importance: the last are left out first
    usual: Schedule
    groups: int  # of test images
    fixed: Set[str]

    @property
    def fixed_steps(self) -> bool:
        """True if the length of a training was chosen by a person."""
        return not self.fixed.isdisjoint(("trainer.max_steps", "trainer.max_epochs"))

    @property
    def fixed_epochs(self) -> bool:
        """True if a person chose when there are validations."""
        return not self.fixed.isdisjoint(("trainer.max_epochs", "data.crops_per_image"))

    def operator_sets(self) -> list[list[str]]:
        """The operators, and fewer of them from the end."""
        if "operators" in self.fixed:
            return [self.operators]
        counts = range(len(self.operators), FEWEST_OPERATORS - 1, -1)
        return [self.operators[:count] for count in counts]

    def shapes(self) -> Iterator[Schedule]:
        """The usual training, and those with smaller crops and batches."""
        crops = [self.usual.crop_size]
        if "data.crop_size" not in self.fixed and crops[0] > SMALLEST_CROP:
            crops.append(SMALLEST_CROP)
        batches = [self.usual.batch_size]
        while "data.batch_size" not in self.fixed and batches[-1] >= 2 * SMALLEST_BATCH:
            batches.append(batches[-1] // 2)
        for crop_size in crops:
            for batch_size in batches:
                shape = replace(self.usual, crop_size=crop_size, batch_size=batch_size)
                if "trainer.max_epochs" in self.fixed and "trainer.max_steps" not in self.fixed:
                    shape = replace(shape, steps=self.usual.epochs * shape.steps_per_epoch)
                yield shape


def measure_loading(data: SegmentationData, parallel: int) -> float:
    """Seconds to load and augment a pixel of a few real batches, while so many trainings run."""
    pixels = 0
    start = time.perf_counter()
    with shared_threads(parallel) as threads:
        torch.set_num_threads(threads)
        for number, batch in enumerate(data.train_dataloader()):
            data.augment(batch.image, batch.mask, seed=number)
            if number == 0:  # fills the caches
                start = time.perf_counter()
                continue
            pixels += batch.mask.numel()
            if number == LOADED_BATCHES:
                break
    return (time.perf_counter() - start) / max(pixels, 1)


def usual_schedule(settings: Settings, images: int, fixed: Set[str]) -> Schedule:
    """The schedule of the settings. Few images are cropped more often, unless that was chosen."""
    data = settings.data
    trainer = settings.trainer
    schedule = Schedule(
        DEFAULT_STEPS,
        data.crops_per_image,
        data.batch_size,
        data.crop_size,
        images,
    )
    steps = trainer.max_epochs * schedule.steps_per_epoch
    if trainer.max_steps > 0:
        return replace(schedule, steps=min(steps, trainer.max_steps))
    if steps < DEFAULT_STEPS and "data.crops_per_image" not in fixed:
        schedule = schedule.in_epochs(trainer.max_epochs)
        steps = trainer.max_epochs * schedule.steps_per_epoch
    return replace(schedule, steps=steps)


def fit_epochs(
    schedule: Schedule,
    operators: Sequence[str],
    times: RaceTimes,
    epochs: int,
) -> Schedule:
    """As many epochs, up to `epochs`, as validate for EVALUATION_SHARE of the training."""
    training = schedule.steps * sum(times.of_step(name, schedule) for name in operators)
    validation = EVALUATION * times.val_pixels
    validation *= sum(times.steps[name].per_pixel for name in operators)
    if validation > 0:
        epochs = min(epochs, int(EVALUATION_SHARE * training / validation))
    return schedule.in_epochs(max(1, epochs))


def affordable_steps(
    shape: Schedule,
    operators: Sequence[str],
    times: RaceTimes,
    seconds: float,
) -> int:
    """The most steps of such trainings, one of each operator, that fit into the time."""
    shortest = replace(shape, steps=1)  # one epoch, so one validation
    once = times.of_seed(operators, shortest)
    step = sum(times.of_step(name, shape) for name in operators) / times.parallel
    return int((seconds - once) / step / (1 + EVALUATION_SHARE))


def plan_race(question: Question, times: RaceTimes, seconds: float) -> PlannedRace | None:
    """The race with the narrowest expected bound that fits into the time; None if none does.

    Of races with nearly the same bound, it is the one that changes least.
    """
    best = None
    for operators in question.operator_sets():
        for shape in question.shapes():
            for seeds in INTERIMS:
                race = longest_race(
                    question,
                    times,
                    operators,
                    shape,
                    seeds,
                    seconds,
                )
                if race is None:
                    break  # more seeds take longer
                if best is None or race.loss < WORTH * best.loss:
                    best = race
    return best


def longest_race(
    question: Question,
    times: RaceTimes,
    operators: list[str],
    shape: Schedule,
    seeds: int,
    seconds: float,
) -> PlannedRace | None:
    """The race of these trainings with the most steps, up to the usual length; None without."""
    rest = PLANNING + times.of_rest(operators, shape)
    for_seed = (SLACK * seconds - rest) / seeds
    usual = question.usual
    if question.fixed_steps:
        steps = shape.steps
        longer = (
            times.of_seed(operators, add_validations(question, shape, operators, times)) > for_seed
        )
        if longer:
            return None
    else:
        affordable = affordable_steps(
            shape,
            operators,
            times,
            for_seed,
        )
        as_long = math.ceil(usual.length / replace(shape, steps=1).length)
        steps = min(affordable, as_long)
        if steps < min(SMALLEST_STEPS, usual.steps):
            return None
    schedule = add_validations(
        question,
        replace(shape, steps=steps),
        operators,
        times,
    )
    return describe_race(
        question,
        times,
        operators,
        schedule,
        seeds,
    )


def add_validations(
    question: Question,
    schedule: Schedule,
    operators: Sequence[str],
    times: RaceTimes,
) -> Schedule:
    """The schedule with its validations, unless a person chose them."""
    if question.fixed_epochs:
        return schedule
    return fit_epochs(
        schedule,
        operators,
        times,
        question.usual.epochs,
    )


def describe_race(
    question: Question,
    times: RaceTimes,
    operators: list[str],
    schedule: Schedule,
    seeds: int,
) -> PlannedRace:
    """The race with its time and its expected bound."""
    seconds = seeds * times.of_seed(operators, schedule)
    shortening = question.usual.length / schedule.length
    bound = expected_bound(
        len(operators),
        len(question.operators),
        seeds,
        question.groups,
        shortening,
    )
    return PlannedRace(
        operators,
        schedule,
        seeds,
        seconds + times.of_rest(operators, schedule),
        shortening,
        bound,
    )


def smallest_race(question: Question, times: RaceTimes) -> PlannedRace:
    """The race that takes least."""
    operators = question.operator_sets()[-1]
    races = []
    for shape in question.shapes():
        steps = shape.steps
        if not question.fixed_steps:
            steps = min(steps, SMALLEST_STEPS)
        schedule = add_validations(
            question,
            replace(shape, steps=steps),
            operators,
            times,
        )
        race = describe_race(
            question,
            times,
            operators,
            schedule,
            FIRST_INTERIM,
        )
        races.append(race)
    return min(races, key=lambda race: race.seconds)


def budget_error(budget: str, race: PlannedRace) -> UsageError:
    """The error for a budget that is shorter than the smallest race."""
    schedule = race.schedule
    fewer = "fewer --operators, " if len(race.operators) > FEWEST_OPERATORS else ""
    crop_size = max(32, schedule.crop_size // 2)
    needed = math.ceil((PLANNING + race.seconds) / SLACK / 60) + 1
    return UsageError(
        f"--budget {budget}: {FIRST_INTERIM} seeds of {len(race.operators)} operators take "
        f"{needed} minutes, with only {schedule.steps} steps of {schedule.batch_size} crops, by "
        f"what a step takes now; give --budget {needed}m, {fewer}smaller crops "
        f"(data.crop_size={crop_size}) or a smaller network (model.widths=[8,16,32])."
    )


def describe_plan(
    question: Question,
    times: RaceTimes,
    race: PlannedRace,
    seconds: float,
) -> list[str]:
    """The plan for the terminal: sentences, and what other times would buy."""
    schedule = race.schedule
    operators = ", ".join(race.operators)
    if len(operators) > 71:
        operators = f"{', '.join(race.operators[:3])} and {len(race.operators) - 3} more"
    usually = ""
    usual = question.usual
    if schedule.length < 0.95 * usual.length:
        usually = f" (usually {usual.steps} of {usual.batch_size} of {usual.crop_size})"
    trainings = (
        f"Each trains {seeds_in_words(race.seeds)}: {schedule.steps} steps of "
        f"{schedule.batch_size} crops of {schedule.crop_size} pixels{usually}."
    )
    at_once = f", {times.parallel} trainings at once" if times.parallel > 1 else ""
    takes = f"That takes about {format_duration(race.seconds)} with the report{at_once}."
    if race.seconds > seconds:
        takes = (
            f"Even this smallest race takes {format_duration(race.seconds)}, not "
            f"{format_duration(seconds)}{at_once}."
        )
    lines = [operators, *wrap(trainings, 71), takes]
    lines += time_table(
        question,
        times,
        race,
        seconds,
    )
    return [f"plan     {lines[0]}", *(f"         {line}" for line in lines[1:])]


def seeds_in_words(seeds: int) -> str:
    """How often an operator is trained."""
    if seeds == FIRST_INTERIM:
        return f"{seeds} times"
    return f"{FIRST_INTERIM} to {seeds} times"


def time_table(
    question: Question,
    times: RaceTimes,
    chosen: PlannedRace,
    seconds: float,
) -> list[str]:
    """A line for each of some times, one of them the chosen one: what it buys."""
    nearest = min(SHOWN_SECONDS, key=lambda shown: abs(math.log(shown / seconds)))
    others = [shown for shown in SHOWN_SECONDS if shown != nearest]
    lines = ["time     operators  trainings  steps  max regret, on typical data"]
    for shown in sorted([*others, seconds]):
        race = plan_race(question, times, shown)
        mark = ""
        if shown == seconds:
            race = chosen
            mark = "   chosen"
        label = f"{format_duration(shown):9}"
        if race is None:
            lines.append(f"{label}too short")
            continue
        trainings = race.seeds * len(race.operators)
        lines.append(
            f"{label}{len(race.operators):9}  {trainings:9}  {race.schedule.steps:5}  "
            f"about {race.bound:.4f}{mark}"
        )
    return lines
