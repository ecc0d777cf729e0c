"""The trainings that measure levers, for `unetlite levers` and before a race of `choose`."""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from unetlite.compare.levers import BASE, Base, Lever, find_levers
from unetlite.compare.planning import MIN_STEPS, SearchSpace
from unetlite.compare.race_times import RaceTimes
from unetlite.compare.request import Request
from unetlite.compare.request_data import inspect_data, open_fitted
from unetlite.compare.schedule import Schedule, usual_schedule
from unetlite.compare.step_times import macs_of
from unetlite.compare.training_times import measure_times
from unetlite.compare.trials import (
    LeverRecord,
    Trials,
    best_levers,
    combine_levers,
    plan_trials,
    read_levers,
    run_trials,
    write_levers,
)
from unetlite.compare.user_data import typical_side
from unetlite.data.loader import SegmentationData
from unetlite.data.provenance import check_content
from unetlite.device import available_memory
from unetlite.errors import Interrupted, UsageError
from unetlite.network.complexity import training_memory
from unetlite.scheduling.base import Scheduler
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.terminal import hide_messages
from unetlite.timing import format_duration, parse_duration
from unetlite.training.fit import make_config, open_data
from unetlite.training.trainer import find_accelerator


class PlannedLevers(NamedTuple):
    """Which levers are tried, from which base, and why others are not."""

    base: Base  # with its schedule
    levers: list[Lever]
    reasons: dict[str, str]  # by the title of a lever
    seeds: int
    seconds: float  # of all trainings


def time_levers(
    base: Base,
    data: SegmentationData,
    resources: Resources,
) -> tuple[RaceTimes, dict[str, float]]:
    """What steps take without a lever and with each that changes the network, which do not test.

    The second result has the MACs of a prediction, over those without a lever.
    """
    variants = {BASE: base.plain}
    levers, _ = find_levers(base)
    for lever in levers:
        if lever.changes_network:
            variants[lever.name] = base.settings(lever.words, lever.values)
    times = measure_times(variants, data, resources)
    macs = {}
    for name, settings in variants.items():
        macs[name] = macs_of(make_config(settings, data.dataset))
    relative = {name: value / macs[BASE] for name, value in macs.items()}
    return replace(times, test_pixels=0), relative


def plan_levers(
    base: Base,
    data: SegmentationData,
    schedules: Iterable[Schedule],
    times: RaceTimes,
    seconds: float,
    shortest: int,
    combined: bool,
) -> PlannedLevers | None:
    """The base with its schedule, the levers to try, and the reasons for which others are not.

    Trainings have `shortest` steps or more, and all steps if a person chose their number. Of the
    schedules it takes the one with most levers, then the one that trains furthest. None if too few
    levers fit into the time. `combined` counts trainings in which they are combined.
    """
    fixed_steps = base.set_key("trainer.max_steps", "trainer.max_epochs") is not None
    best = None
    best_key = (0, 0.0)
    for schedule in schedules:
        shaped = replace(base, values={**base.values, **schedule.in_epochs(1).settings()})
        levers, reasons = find_levers(shaped)
        levers, lacking = with_memory(shaped, levers, data)
        planned = plan_trials(
            levers,
            times,
            schedule,
            seconds,
            schedule.steps if fixed_steps else shortest,
            combined,
        )
        if planned is None:
            continue
        if (len(planned.levers), planned.schedule.length) <= best_key:
            continue
        best_key = (len(planned.levers), planned.schedule.length)
        final = replace(base, values={**base.values, **planned.schedule.settings()})
        names = [lever.name for lever in planned.levers]
        chosen = [lever for lever in find_levers(final)[0] if lever.name in names]
        for lever in levers:
            if lever.name not in names:
                lacking[lever.title] = "the time is too short"
        best = PlannedLevers(
            final,
            chosen,
            {**reasons, **lacking},
            planned.seeds,
            planned.seconds,
        )
    return best


def with_memory(
    base: Base,
    levers: list[Lever],
    data: SegmentationData,
) -> tuple[list[Lever], dict[str, str]]:
    """The levers for whose training steps there is memory, and a reason for each other one."""
    with hide_messages():
        accelerator = find_accelerator(base.plain.trainer)
    available = available_memory(accelerator)
    kept = []
    reasons = {}
    for lever in levers:
        settings = base.settings(lever.words, lever.values)
        options = settings.data
        config = make_config(settings, data.dataset)
        if training_memory(config, options.batch_size, options.crop_size) > available:
            reasons[lever.title] = "a training step needs more memory than there is"
        else:
            kept.append(lever)
    return kept, reasons


def make_trials(
    options: dict[str, Any],
    planned: PlannedLevers,
    times: RaceTimes,
    macs: Mapping[str, float],
    directory: Path,
    data_hash: str,
) -> Trials:
    """The plan as it is recorded; runs go to `directory`."""
    return Trials(
        asked=options,
        base=asdict(planned.base),
        levers=planned.levers,
        reasons=planned.reasons,
        directory=str(directory),
        parallel=times.parallel,
        threads=times.threads,
        macs=dict(macs),
        seconds=planned.seconds,
        seeds=planned.seeds,
        data_hash=data_hash,
    )


def describe_trials(trials: Trials) -> list[str]:
    """The plan for the terminal."""
    values = trials.base["values"]
    titles = ", ".join(lever.title for lever in trials.levers)
    lines = [
        f"levers   {titles}",
        f"         Each trains {trials.seeds} times with {trials.base['operators'][0]}: "
        f"{trials.steps} steps of "
        f"{values['data.batch_size']} crops of {values['data.crop_size']} pixels.",
        f"         That takes about {format_duration(trials.seconds)}. No test image is looked at.",
    ]
    lines += [f"         {title}: {reason}" for title, reason in trials.reasons.items()]
    return lines


def plan_request(
    request: Request,
    options: dict[str, Any],
    directory: Path,
    resources: Resources,
) -> Trials:
    """The trainings of `unetlite levers`. Raises UsageError if too few fit into the budget."""
    fixed = {*request.fixed_keys, "operators"}
    overrides, values = inspect_data(request, directory)
    operators = [str(request.operators)]
    data = open_fitted(request, overrides, values)
    base = Base(overrides, values, sorted(fixed), operators, int(typical_side(data)))
    times, macs = time_levers(base, data, resources)
    images = len(data.dataset.splits["train"])
    space = SearchSpace(
        operators,
        usual_schedule(base.plain, images, fixed),
        groups=1,
        fixed=fixed,
    )
    planned = plan_levers(
        base,
        data,
        space.full_schedules(),
        times,
        parse_duration(str(request.budget)),
        MIN_STEPS,
        combined=False,
    )
    if planned is None:
        raise UsageError(
            f"--budget {request.budget}: fewer than three levers fit into this time; give more of "
            "it, smaller crops (data.crop_size=64) or fewer steps (trainer.max_steps=100)."
        )
    return make_trials(
        options,
        planned,
        times,
        macs,
        directory,
        data.dataset.content_hash,
    )


def recorded_levers(file: Path, options: dict[str, Any]) -> LeverRecord | None:
    """The record of an earlier start. Raises UsageError for that of another request."""
    record = read_levers(file)
    if record is None or record.trials.asked == options:
        return record
    differences = []
    for key in sorted(options.keys() | record.trials.asked.keys()):
        before, now = record.trials.asked.get(key), options.get(key)
        if before != now:
            differences.append(f"{key} was {before} and is {now}")
    raise UsageError(
        f"{file} was planned with other options ({'; '.join(differences)}). Give those again, and "
        f"it goes on; or delete it and {record.trials.directory}, or choose another folder by "
        "UNETLITE_HOME=DIR."
    )


def run_levers(
    file: Path,
    record: LeverRecord,
    resources: Resources,
    adopt: bool = False,
) -> None:
    """Trains what is missing, judges, and completes the record.

    `adopt` decides what a race adopts: what gains, if it gains together, too.
    """
    if record.outcome is not None:
        return
    write_levers(file, record)
    start = time.monotonic()
    try:
        train_and_judge(record, file, resources, adopt)
    except Interrupted as interrupted:
        raise Interrupted(interrupted.number, "; the same command goes on") from None
    record.seconds += time.monotonic() - start
    write_levers(file, record)


def train_and_judge(
    record: LeverRecord,
    file: Path,
    resources: Resources,
    adopt: bool,
) -> None:
    """Puts the outcome into the record."""
    with lever_scheduler(file, record.trials, resources) as scheduler:
        outcome = run_trials(record.trials, scheduler, print_line)
        if adopt:
            best = best_levers(record.trials, outcome)
            chosen, remarks = combine_levers(
                record.trials,
                best,
                scheduler,
                print_line,
            )
            names = [lever.name for lever in chosen]
            outcome = replace(outcome, adopted=names, remarks=remarks)
    record.outcome = outcome


def lever_scheduler(
    file: Path, trials: Trials, resources: Resources
) -> AbstractContextManager[Scheduler]:
    """Where the trainings run. Raises UsageError if the data are not those of the plan."""
    settings = trials.settings([], BASE)[0]
    data = open_data(settings)
    check_content(
        trials.data_hash,
        data,
        str(file),
        f"Put back what was there, and the same command goes on; or delete it and "
        f"{trials.directory}.",
    )
    decoded = data.dataset.splits["train"].directory
    return make_scheduler(
        resources,
        settings.trainer.accelerator,
        Share(trials.parallel, trials.threads),
        file.with_name("levers.log"),
        shared=[file, decoded],
    )


def print_line(line: str) -> None:
    """Prints a line at once."""
    print(line, flush=True)
