"""Which levers are measured, for `unetlite levers` and before a race of `choose`."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from unetlite.compare.levers.kinds import BASELINE, Baseline, Lever, find_levers
from unetlite.compare.levers.trials import Trials, TrialSchedule, plan_trials
from unetlite.compare.planning.race_times import RaceTimes
from unetlite.compare.planning.request import Request
from unetlite.compare.planning.request_data import inspect_data, open_fitted
from unetlite.compare.planning.schedule import Schedule, usual_schedule
from unetlite.compare.planning.search import MIN_STEPS, full_schedules
from unetlite.compare.planning.step_times import macs_of
from unetlite.compare.planning.training_times import measure_times
from unetlite.compare.planning.user_data import typical_side
from unetlite.data.loader import SegmentationData
from unetlite.device import available_memory
from unetlite.errors import UsageError
from unetlite.network.complexity import training_memory
from unetlite.scheduling.resources import Resources
from unetlite.terminal import hide_messages
from unetlite.timing import format_duration, parse_duration
from unetlite.training.fit import make_config
from unetlite.training.trainer import find_accelerator


class LeverBudget(NamedTuple):
    """What the trainings that measure levers may take."""

    seconds: float  # of all trainings
    schedules: Iterable[Schedule]  # to choose from
    shortest: int  # steps of a training, unless a person chose their number
    combined: bool  # count trainings in which levers are combined, too


class LeverSelection(NamedTuple):
    """Which levers are tried, from which base, and why others are not."""

    base: Baseline  # with its schedule
    levers: list[Lever]
    reasons: dict[str, str]  # by the title of a lever that is not tried
    trial: TrialSchedule

    @property
    def rank(self) -> tuple[int, float]:
        """More levers are better, then longer trainings."""
        return len(self.trial.levers), self.trial.schedule.length


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
    base = Baseline(overrides, values, sorted(fixed), operators, int(typical_side(data)))
    usual = usual_schedule(base.plain, len(data.dataset.splits["train"]), fixed)
    budget = LeverBudget(
        parse_duration(str(request.budget)),
        full_schedules(usual, fixed),
        MIN_STEPS,
        combined=False,
    )
    trials = plan_levers(base, data, budget, resources, options, directory)
    if trials is None:
        raise UsageError(
            f"--budget {request.budget}: fewer than three levers fit into this time; give more of "
            "it, smaller crops (data.crop_size=64) or fewer steps (trainer.max_steps=100)."
        )
    return trials


def plan_levers(
    base: Baseline,
    data: SegmentationData,
    budget: LeverBudget,
    resources: Resources,
    options: dict[str, Any],
    directory: Path,
) -> Trials | None:
    """The trainings that measure levers; None if too few levers fit into the budget.

    `options` are those of the command, which are recorded. Runs go to the directory.
    """
    times, macs = time_levers(base, data, resources)
    selections = [select_levers(base, data, budget, times, each) for each in budget.schedules]
    fitting = [selection for selection in selections if selection is not None]
    if not fitting:
        return None
    selection = max(fitting, key=attrgetter("rank"))
    return Trials(
        asked=options,
        base=asdict(selection.base),
        levers=selection.levers,
        reasons=selection.reasons,
        directory=str(directory),
        parallel=times.parallel,
        threads=times.threads,
        macs=macs,
        seconds=selection.trial.seconds,
        seeds=selection.trial.seeds,
        data_hash=data.dataset.content_hash,
    )


def time_levers(
    base: Baseline,
    data: SegmentationData,
    resources: Resources,
) -> tuple[RaceTimes, dict[str, float]]:
    """What steps take without a lever and with each that changes the network, which do not test.

    The second result has the MACs of a prediction, over those without a lever.
    """
    variants = {BASELINE: base.plain}
    levers, _ = find_levers(base)
    for lever in levers:
        if lever.changes_network:
            variants[lever.name] = base.settings(lever.words, lever.values)
    times = measure_times(variants, data, resources)
    macs = {}
    for name, settings in variants.items():
        macs[name] = macs_of(make_config(settings, data.dataset))
    relative = {name: value / macs[BASELINE] for name, value in macs.items()}
    return replace(times, test_pixels=0), relative


def select_levers(
    base: Baseline,
    data: SegmentationData,
    budget: LeverBudget,
    times: RaceTimes,
    schedule: Schedule,
) -> LeverSelection | None:
    """The levers to try with a schedule or a shorter one; None if too few fit into the time."""
    shaped = base.with_values(schedule.in_epochs(1).settings())
    levers, reasons = find_levers(shaped)
    levers, lacking = with_memory(shaped, levers, data)
    shortest = budget.shortest
    if base.typed_key("trainer.max_steps", "trainer.max_epochs") is not None:
        shortest = schedule.steps
    trial = plan_trials(
        levers,
        times,
        schedule,
        budget.seconds,
        shortest,
        budget.combined,
    )
    if trial is None:
        return None
    final = base.with_values(trial.schedule.settings())
    names = {lever.name for lever in trial.levers}
    chosen = [lever for lever in find_levers(final)[0] if lever.name in names]
    for lever in levers:
        if lever.name not in names:
            lacking[lever.title] = "the time is too short"
    return LeverSelection(final, chosen, {**reasons, **lacking}, trial)


def with_memory(
    base: Baseline,
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


def trial_lines(trials: Trials) -> list[str]:
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
