"""Before a race: levers are tried, and those that gain are adopted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich import get_console

from unetlite.compare.levers.kinds import Baseline, Lever, join_titles
from unetlite.compare.levers.plan import LeverBudget, plan_levers, trial_lines
from unetlite.compare.levers.record import LeverRecord, recorded_levers
from unetlite.compare.levers.runs import run_levers
from unetlite.compare.levers.table import (
    Levers,
    basis_sentence,
    lever_sentences,
    terminal_table,
)
from unetlite.compare.levers.trials import Trials
from unetlite.compare.planning.request import NEEDS_POSITIONS
from unetlite.compare.planning.search import MIN_STEPS, RaceEstimate, SearchSpace, plan_race
from unetlite.compare.planning.set_aside import LEVERS
from unetlite.compare.planning.training_times import time_operators
from unetlite.compare.planning.user_data import typical_side
from unetlite.data.loader import SegmentationData
from unetlite.files import write_json
from unetlite.scheduling.resources import Resources
from unetlite.terminal import print_text

MAX_TIME_SHARE = 0.25  # of the time, for levers at most
MIN_LENGTH_SHARE = 0.25  # of a training of the race: those that measure levers are no shorter


@dataclass(frozen=True)
class Draft:
    """A race as it is planned so far."""

    overrides: list[str]  # of all trainings
    values: dict[str, Any]
    space: SearchSpace
    race: RaceEstimate
    seconds: float  # that are left for it
    data: SegmentationData
    resources: Resources  # of its trainings
    adopted: list[str] = field(default_factory=list)  # titles of levers


def adopt_levers(draft: Draft, options: dict[str, Any], directory: Path) -> Draft:
    """Tries levers in a quarter of the time, and plans the race in what is left with what gains.

    `options` are the request; their `fixed_network` leaves the network as it is. The record in the
    directory of the race makes a second start go on. If a race fits only without levers, the draft
    stays as it is.
    """
    reduced = plan_race(draft.space, (1 - MAX_TIME_SHARE) * draft.seconds)
    if reduced is None:
        print("levers   not tried: the race takes all of the time")
        return draft
    file = directory / "levers.json"
    record = recorded_levers(file, options)
    if record is None:
        trials = plan_before_race(replace(draft, race=reduced), options, directory)
        if trials is None:
            print("levers   not tried: fewer than three fit into a quarter of the time")
            return draft
        record = LeverRecord(trials)
    print("\n".join(trial_lines(record.trials)) + "\n", flush=True)
    run_levers(file, record, draft.resources, adopt=True)
    left = draft.seconds - record.seconds
    race = plan_race(draft.space, left) or reduced
    adopted = adopt_what_fits(replace(draft, race=race, seconds=left), record)
    write_json(file, record)
    print_levers(record)
    return adopted


def plan_before_race(draft: Draft, options: dict[str, Any], directory: Path) -> Trials | None:
    """The trainings of levers, as long as those of the race or shorter; None if too few fit."""
    reason = None
    if options["fixed_network"]:
        reason = "the network is that of --costs, --ops or --runtime"
    base = Baseline(
        draft.overrides,
        draft.values,
        sorted(draft.space.fixed),
        draft.space.operators,
        int(typical_side(draft.data)),
        reason,
    )
    budget = LeverBudget(
        MAX_TIME_SHARE * draft.seconds,
        [draft.race.schedule],
        max(MIN_STEPS, math.ceil(MIN_LENGTH_SHARE * draft.race.schedule.steps)),
        combined=True,
    )
    runs = directory.with_name(directory.name + LEVERS)
    return plan_levers(base, draft.data, budget, draft.resources, options, runs)


def adopt_what_fits(draft: Draft, record: LeverRecord) -> Draft:
    """The draft with all levers that gain; if they do not fit, with the best alone, or with none.

    What does not fit is taken from the record, with a remark.
    """
    assert record.outcome is not None
    gaining = [record.trials.by_name[name] for name in record.outcome.adopted]
    remarks = list(record.outcome.remarks)
    attempts = [gaining] if gaining else []
    if len(gaining) > 1:
        attempts.append(gaining[:1])
    for chosen in attempts:
        redrafted = draft_with(draft, record.trials, chosen)
        if redrafted is not None:
            names = [lever.name for lever in chosen]
            record.outcome = replace(record.outcome, adopted=names, remarks=remarks)
            return redrafted
        titles = join_titles(chosen)
        remarks.append(f"{titles}: not adopted, since the race's trainings would be too short.")
    record.outcome = replace(record.outcome, adopted=[], remarks=remarks)
    return draft


def draft_with(draft: Draft, trials: Trials, levers: Sequence[Lever]) -> Draft | None:
    """The race with levers, of the batches in which they were measured.

    None if its trainings would be shorter than those that measured them.
    """
    overrides = list(draft.overrides)
    values = dict(draft.values)
    batch_size = trials.base["values"]["data.batch_size"]
    crop_size = trials.base["values"]["data.crop_size"]
    operators = draft.space.operators
    for lever in levers:
        overrides += lever.words
        values.update(lever.values)
        crop_size = lever.values.get("data.crop_size", crop_size)
        if lever.words:  # they choose an encoder of timm
            operators = [name for name in operators if name != NEEDS_POSITIONS]
    space = space_in_shape(draft.space, operators, batch_size, crop_size)
    if any(lever.changes_network for lever in levers):
        times = time_operators(operators, overrides, values, draft.data, draft.resources)
        space = replace(space, times=times)
    race = plan_race(space, draft.seconds)
    if race is None or race.schedule.steps < trials.steps:
        return None
    return replace(
        draft,
        overrides=overrides,
        values=values,
        space=space,
        race=race,
        adopted=[lever.title for lever in levers],
    )


def space_in_shape(
    space: SearchSpace,
    operators: list[str],
    batch_size: int,
    crop_size: int,
) -> SearchSpace:
    """The same search space with these batches, which stay, and trainings that are as long."""
    usual = replace(space.usual, batch_size=batch_size, crop_size=crop_size)
    if not space.fixed_steps:
        usual = replace(usual, steps=math.ceil(usual.steps_as_long_as(space.usual)))
    return replace(
        space,
        operators=operators,
        usual=usual,
        fixed={*space.fixed, "data.batch_size", "data.crop_size"},
    )


def print_levers(record: LeverRecord) -> None:
    """Prints the table, and what was adopted."""
    assert record.outcome is not None
    levers = Levers(record, record.outcome, None)
    get_console().print(terminal_table(levers))
    print_text("\n".join([*lever_sentences(levers), basis_sentence(levers)]) + "\n")
