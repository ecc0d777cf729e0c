"""A plan in words, for the terminal."""

import math
from decimal import Decimal
from textwrap import wrap

from unetlite.compare.planning.expectation import bound_range
from unetlite.compare.planning.search import (
    FIRST_INTERIM,
    RaceEstimate,
    SearchSpace,
    plan_race,
)
from unetlite.judge.analysis import ENOUGH_GROUPS
from unetlite.timing import format_duration
from unetlite.wording import counted

SHOWN_SECONDS = (900.0, 3600.0, 14400.0)  # in the table


def plan_lines(space: SearchSpace, race: RaceEstimate, seconds: float) -> list[str]:
    """The plan for the terminal: sentences, and what other times would buy."""
    schedule = race.schedule
    parallel = space.times.parallel
    operators = ", ".join(race.operators)
    if len(operators) > 71:
        operators = f"{', '.join(race.operators[:3])} and {len(race.operators) - 3} more"
    usually = ""
    usual = space.usual
    if schedule.length < 0.95 * usual.length:
        usually = f" (usually {usual.steps} of {usual.batch_size} of {usual.crop_size})"
    trainings = (
        f"Each trains {seeds_in_words(race.seeds)}: {schedule.steps} steps of "
        f"{schedule.batch_size} crops of {schedule.crop_size} pixels{usually}."
    )
    at_once = f", {parallel} trainings at once" if parallel > 1 else ""
    takes = f"That takes about {format_duration(race.seconds)} with the report{at_once}."
    if race.seconds > seconds:
        takes = (
            f"Even this smallest race takes {format_duration(race.seconds)}, not "
            f"{format_duration(seconds)}{at_once}."
        )
    lines = [operators]
    left_out = [name for name in space.operators if name not in race.operators]
    if left_out:
        lines += wrap(f"Left out, for lack of time: {', '.join(left_out)}.", 71)
    lines += [*wrap(trainings, 71), takes]
    lines += time_table(space, race, seconds)
    if space.groups < ENOUGH_GROUPS:
        lines += wrap(few_groups_sentence(space.groups), 71)
    return [f"plan     {lines[0]}", *(f"         {line}" for line in lines[1:])]


def few_groups_sentence(groups: int) -> str:
    """What few groups of test images do to the bound."""
    return (
        f"warning: {counted(groups, 'group')} of test images, so the max regret may come out far "
        f"from this: {ENOUGH_GROUPS} or more narrow it more than seeds do (data.test_fraction)."
    )


def seeds_in_words(seeds: int) -> str:
    """How often an operator is trained."""
    if seeds == FIRST_INTERIM:
        return f"{seeds} times"
    return f"{FIRST_INTERIM} to {seeds} times"


def plain(number: float) -> str:
    """One digit, without an exponent: 0.00009."""
    return f"{Decimal(f'{number:.1g}'):f}"


def time_table(space: SearchSpace, chosen: RaceEstimate, seconds: float) -> list[str]:
    """A line for each of some times, one of them the chosen one: what it buys."""
    nearest = min(SHOWN_SECONDS, key=lambda shown: abs(math.log(shown / seconds)))
    others = [shown for shown in SHOWN_SECONDS if shown != nearest]
    lines = ["time     operators  trainings  steps  max regret (on 9 of 10 data sets)"]
    for shown in sorted([*others, seconds]):
        race = plan_race(space, shown)
        mark = ""
        if shown == seconds:
            race = chosen
            mark = "   chosen"
        label = f"{format_duration(shown):9}"
        if race is None:
            lines.append(f"{label}too short")
            continue
        trainings = race.seeds * len(race.operators)
        low, high = bound_range(
            len(race.operators),
            len(space.operators),
            race.seeds,
            space.groups,
            race.shortening,
        )
        lines.append(
            f"{label}{len(race.operators):9}  {trainings:9}  {race.schedule.steps:5}  "
            f"{race.bound:.2g} ({plain(low)} to {high:.1g}){mark}"
        )
    return lines
