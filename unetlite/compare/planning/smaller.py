"""What fits in place of a plan that does not: smaller networks, smaller crops, or more time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from unetlite.compare.planning.command import choose_command
from unetlite.compare.planning.race_times import RaceTimes
from unetlite.compare.planning.rare_class import CROPS_TO_LEARN
from unetlite.compare.planning.request import Request
from unetlite.compare.planning.search import (
    FIRST_INTERIM,
    PLANNING_SECONDS,
    SLACK,
    RaceEstimate,
    SearchSpace,
    narrowest_race,
    smallest_race,
)
from unetlite.errors import UsageError
from unetlite.timing import parse_duration

LEAST_WIDTH = 4  # channels at the full resolution
LEAST_CROP = 32  # pixels
FITS = 0.9  # of the budget, which a plan in place of another one takes: times are measured again


@dataclass(frozen=True)
class Smaller:
    """A change of the settings that makes trainings shorter."""

    reason: str
    crop_size: int
    network: tuple[str, ...]  # changes of settings, as they are typed
    crop: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[str, ...]:
        """All changes of settings."""
        return self.network + self.crop


def smaller_settings(space: SearchSpace, widths: Sequence[int] | None) -> Iterator[Smaller]:
    """Narrower networks, then smaller crops too, as far as a person did not choose them.

    `widths` are those of a network from scratch, None of another one. `data.resize` is left alone:
    it would erase thin things.
    """
    crop_size = space.usual.crop_size
    network: tuple[str, ...] = ()
    reason = ""
    if widths is not None and "model.widths" not in space.fixed:
        narrower = [width // 2 for width in widths]
        while min(narrower) >= LEAST_WIDTH:
            listed = ",".join(map(str, narrower))
            network = (f"model.widths=[{listed}]",)
            reason = "a narrower network"
            yield Smaller(reason, crop_size, network)
            narrower = [width // 2 for width in narrower]
    if "data.crop_size" in space.fixed:
        return
    reason = f"{reason} and smaller crops" if reason else "smaller crops"
    while crop_size >= 2 * LEAST_CROP:
        crop_size //= 2
        yield Smaller(reason, crop_size, network, (f"data.crop_size={crop_size}",))


def refuse_budget(
    request: Request,
    space: SearchSpace,
    widths: Sequence[int] | None,
    time_changed: Callable[[Sequence[str], Sequence[str]], RaceTimes],
) -> UsageError:
    """The error for a budget that is shorter than the smallest race, with a command that fits.

    `time_changed` measures what trainings of operators take with changes of settings.
    """
    race = smallest_race(replace(space, rare=None))
    schedule = race.schedule
    left_out = [name for name in space.operators if name not in race.operators]
    without = f" ({', '.join(left_out)} left out)" if left_out else ""
    text = (
        f"--budget {request.budget}: {FIRST_INTERIM} seeds of {', '.join(race.operators)}{without} "
        f"take {budget_for(race.seconds)[:-1]} minutes, with only {schedule.steps} steps of "
        f"{schedule.batch_size} crops of {schedule.crop_size} pixels, by what a step takes now."
    )
    seconds = FITS * parse_duration(str(request.budget))
    overhead = PLANNING_SECONDS + space.times.overhead_seconds(race.operators, schedule)
    candidates = smaller_settings(space, widths) if overhead <= seconds else ()
    raced = replace(space, operators=race.operators)
    network: tuple[str, ...] = ()  # the changes with which its trainings were timed
    for smaller in candidates:
        if smaller.network != network:
            network = smaller.network
            raced = replace(raced, times=time_changed(network, race.operators))
        if fits(smaller, raced, seconds):
            command = choose_command(request, smaller.changes)
            return UsageError(f"{text} It fits with {smaller.reason}: {command}")
    return UsageError(f"{text} It fits with more time: {long_enough(request, space)[1]}")


def fits(smaller: Smaller, space: SearchSpace, seconds: float) -> bool:
    """True if a race with these changes, long enough for a rare class, takes so many seconds.

    The times of the space are those of the changed network.
    """
    keys = {change.partition("=")[0] for change in smaller.changes}
    usual = replace(space.usual, crop_size=smaller.crop_size)
    changed = replace(space, usual=usual, fixed={*space.fixed, *keys})
    return narrowest_race(changed, seconds) is not None


def long_enough(request: Request, space: SearchSpace) -> tuple[str, str]:
    """A budget for trainings that are long enough for a rare class, and the command with it."""
    usual = space.usual
    free = replace(space, fixed=space.fixed - {"trainer.max_steps", "trainer.max_epochs"})
    race = smallest_race(free)
    changes: list[str] = []
    if space.fixed_steps or race.schedule.length > usual.length:
        changes = [f"{key}={value}" for key, value in race.schedule.settings().items()]
    budget = budget_for(race.seconds)
    return budget, choose_command(request, changes, budget=budget)


def budget_for(seconds: float) -> str:
    """A budget that is enough for a race of so many seconds, in whole minutes, such as "17m"."""
    return f"{math.ceil((PLANNING_SECONDS + seconds) / SLACK / 60) + 1}m"


def rare_class_warning(request: Request, space: SearchSpace, race: RaceEstimate) -> list[str]:
    """That the trainings may be too short for the rarest class, and the command that is not.

    No line if they are long enough.
    """
    schedule = race.schedule
    rare = space.rare
    if rare is None or schedule.steps >= rare.least_steps(schedule.batch_size, schedule.crop_size):
        return []
    shown = schedule.steps * rare.crops_in_step(schedule.batch_size, schedule.crop_size)
    budget, command = long_enough(request, space)
    return [
        f"warning  {schedule.steps} steps may be too few to learn {rare.name} ({rare.share:.2%} of "
        f"the training pixels): about",
        f"         {shown:.0f} crops show it, and {CROPS_TO_LEARN} are a minimum. In {budget} they "
        "are long enough:",
        f"         {command}",
    ]
