"""Which trainings a time buys: the races that could be run, and the best of them."""

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from unetlite.compare.planning.expectation import expected_bound
from unetlite.compare.planning.race_times import RaceTimes
from unetlite.compare.planning.rare_class import RareClass
from unetlite.compare.planning.schedule import Schedule
from unetlite.judge.sequential import INTERIMS
from unetlite.training.duration import EVALUATION

DEFAULT_SECONDS = 3600.0  # without --budget

MIN_STEPS = 100  # to which a short time can reduce a training
MIN_BATCH = 8  # half as many steps of 8 crops scored better than of 4, on nuclei
MIN_CROP = 128
MIN_OPERATORS = 2
FIRST_INTERIM = min(INTERIMS)  # seeds
LENGTH_EXPONENT = 0.25
"""A plan with trainings so many times shorter than usual must narrow the bound by this power of it.

Short trainings answer a question about networks that are not fully trained. On coast, each
doubling left two thirds of the distance to the score of a long training.
"""
BETTER = 0.98  # of the objective of another race: with less a race is better
BETTER_WITH_FEWER = 0.75
"""The same for a race of fewer operators: it must be clearly better, as it leaves out an answer."""

PLANNING_SECONDS = 20.0  # that planning may take
SLACK = 0.97  # of the time is planned for: trainings do not all take the same
MAX_VALIDATION_SHARE = 0.1  # of a training, at most, if more than one validation


@dataclass(frozen=True)
class RaceEstimate:
    """A race that could be run, with the time that it takes and the bound that is expected."""

    operators: list[str]
    schedule: Schedule
    seeds: int  # of each operator, the most
    seconds: float  # with report
    shortening: float  # of trainings: the usual length over the planned one
    bound: float  # max regret that is expected

    @property
    def objective(self) -> float:
        """What is minimised: the expected bound, and how short the trainings are."""
        return self.bound * max(1.0, self.shortening) ** LENGTH_EXPONENT


def is_length_fixed(fixed: Set[str]) -> bool:
    """True if a person chose the length of a training, by the dotted keys that were chosen."""
    return not fixed.isdisjoint(("trainer.max_steps", "trainer.max_epochs"))


def training_shapes(usual: Schedule, fixed: Set[str]) -> Iterator[Schedule]:
    """The usual training, and those with smaller crops and batches."""
    crops = [usual.crop_size]
    if "data.crop_size" not in fixed and crops[0] > MIN_CROP:
        crops.append(MIN_CROP)
    batches = [usual.batch_size]
    while "data.batch_size" not in fixed and batches[-1] >= 2 * MIN_BATCH:
        batches.append(batches[-1] // 2)
    for crop_size in crops:
        for batch_size in batches:
            shape = replace(usual, crop_size=crop_size, batch_size=batch_size)
            if "trainer.max_epochs" in fixed and "trainer.max_steps" not in fixed:
                shape = replace(shape, steps=usual.epochs * shape.steps_per_epoch)
            yield shape


def full_schedules(usual: Schedule, fixed: Set[str]) -> Iterator[Schedule]:
    """Trainings as long as the usual one, with its crops and batches and with smaller ones."""
    for shape in training_shapes(usual, fixed):
        if is_length_fixed(fixed):
            yield shape
        else:
            yield replace(shape, steps=round(shape.steps_as_long_as(usual)))


@dataclass(frozen=True)
class SearchSpace:
    """The races among which one is chosen: what they may change, what is fixed, and what they take.

    `usual` is the training that the settings give. `fixed` are the dotted keys that a person chose,
    and "operators" if a person chose those.
    """

    operators: list[str]  # in the order of importance: the last are left out first
    usual: Schedule
    groups: int  # of test images
    fixed: Set[str]
    times: RaceTimes
    rare: RareClass | None = None  # for which trainings should be long enough

    def least_steps(self, shape: Schedule) -> int:
        """The steps of the shortest training of this shape that may be planned."""
        least = min(MIN_STEPS, self.usual.steps)
        if self.rare is None:
            return least
        return max(least, self.rare.least_steps(shape.batch_size, shape.crop_size))

    @property
    def fixed_steps(self) -> bool:
        """True if a person chose the length of a training."""
        return is_length_fixed(self.fixed)

    @property
    def fixed_epochs(self) -> bool:
        """True if a person chose when there are validations."""
        return not self.fixed.isdisjoint(("trainer.max_epochs", "data.crops_per_image"))

    def operator_sets(self) -> list[list[str]]:
        """The operators, and fewer of them from the end."""
        if "operators" in self.fixed:
            return [self.operators]
        counts = range(len(self.operators), MIN_OPERATORS - 1, -1)
        return [self.operators[:count] for count in counts]


def add_validations(space: SearchSpace, operators: Sequence[str], schedule: Schedule) -> Schedule:
    """The schedule with its validations, unless a person chose them.

    They are as many as usual, or fewer: those that take MAX_VALIDATION_SHARE of the training.
    """
    if space.fixed_epochs:
        return schedule
    times = space.times
    epochs = space.usual.epochs
    training = schedule.steps * sum(times.step_seconds(name, schedule) for name in operators)
    validation = EVALUATION * times.val_pixels
    validation *= sum(times.steps[name].per_pixel for name in operators)
    if validation > 0:
        epochs = min(epochs, int(MAX_VALIDATION_SHARE * training / validation))
    return schedule.in_epochs(max(1, epochs))


def affordable_steps(
    shape: Schedule,
    operators: Sequence[str],
    times: RaceTimes,
    seconds: float,
) -> int:
    """The most steps of such trainings, one of each operator, that fit into the time."""
    shortest = replace(shape, steps=1)  # one epoch, so one validation
    once = times.seed_seconds(operators, shortest)
    step = sum(times.step_seconds(name, shape) for name in operators) / times.parallel
    return int((seconds - once) / step / (1 + MAX_VALIDATION_SHARE))


def plan_race(space: SearchSpace, seconds: float) -> RaceEstimate | None:
    """The race with the narrowest expected bound that fits into the time; None if none does.

    Its trainings are long enough for a rare class, if any such race fits.
    """
    race = narrowest_race(space, seconds)
    if race is None and space.rare is not None:
        return narrowest_race(replace(space, rare=None), seconds)
    return race


def narrowest_race(space: SearchSpace, seconds: float) -> RaceEstimate | None:
    """The same, if all trainings must be long enough.

    Of races with nearly the same bound, it is the one that changes least.
    """
    best = None
    for operators in space.operator_sets():
        race = narrowest_of_operators(space, operators, seconds)
        if race is None:
            continue
        if best is None or race.objective < BETTER_WITH_FEWER * best.objective:
            best = race
    return best


def narrowest_of_operators(
    space: SearchSpace,
    operators: list[str],
    seconds: float,
) -> RaceEstimate | None:
    """The race of these operators with the narrowest expected bound; None if none fits."""
    best = None
    for shape in training_shapes(space.usual, space.fixed):
        for seeds in INTERIMS:
            race = longest_race(
                space,
                operators,
                shape,
                seeds,
                seconds,
            )
            if race is None:
                break  # more seeds take longer
            if best is None or race.objective < BETTER * best.objective:
                best = race
    return best


def longest_race(
    space: SearchSpace,
    operators: list[str],
    shape: Schedule,
    seeds: int,
    seconds: float,
) -> RaceEstimate | None:
    """The race of these trainings with the most steps, up to the usual length; None without."""
    times = space.times
    overhead = PLANNING_SECONDS + times.overhead_seconds(operators, shape)
    for_seed = (SLACK * seconds - overhead) / seeds
    if not space.fixed_steps:
        affordable = affordable_steps(shape, operators, times, for_seed)
        as_long = math.ceil(shape.steps_as_long_as(space.usual))
        shape = replace(shape, steps=min(affordable, as_long))
        if shape.steps < space.least_steps(shape):
            return None
    schedule = add_validations(space, operators, shape)
    if space.fixed_steps and times.seed_seconds(operators, schedule) > for_seed:
        return None
    return estimate_race(space, operators, schedule, seeds)


def estimate_race(
    space: SearchSpace,
    operators: list[str],
    schedule: Schedule,
    seeds: int,
) -> RaceEstimate:
    """A race with its time and its expected bound."""
    seconds = seeds * space.times.seed_seconds(operators, schedule)
    seconds += space.times.overhead_seconds(operators, schedule)
    shortening = space.usual.length / schedule.length
    bound = expected_bound(
        len(operators),
        len(space.operators),
        seeds,
        space.groups,
        shortening,
    )
    return RaceEstimate(
        operators,
        schedule,
        seeds,
        seconds,
        shortening,
        bound,
    )


def smallest_race(space: SearchSpace) -> RaceEstimate:
    """The race that takes least."""
    operators = space.operator_sets()[-1]
    races = []
    for shape in training_shapes(space.usual, space.fixed):
        shortest = shape
        if not space.fixed_steps:
            shortest = replace(shape, steps=space.least_steps(shape))
        schedule = add_validations(space, operators, shortest)
        races.append(estimate_race(space, operators, schedule, FIRST_INTERIM))
    return min(races, key=lambda race: race.seconds)
