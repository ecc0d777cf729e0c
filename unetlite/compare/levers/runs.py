"""The trainings that measure levers are run, and judged."""

import math
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from unetlite.compare.levers.kinds import BASELINE, Lever, join_titles
from unetlite.compare.levers.outcome import (
    LeverOutcome,
    best_levers,
    judge_trials,
    promising_lever,
    read_scores,
)
from unetlite.compare.levers.record import LeverRecord
from unetlite.compare.levers.trials import MAX_SEEDS, Trials, train_missing
from unetlite.data.provenance import check_content
from unetlite.errors import Interrupted, RunFailed
from unetlite.files import write_json
from unetlite.scheduling.base import Scheduler
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.training.fit import open_data
from unetlite.wording import capitalised

COMBINED = "combined"  # the trainings with all levers that gain


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
    write_json(file, record)
    start = time.monotonic()
    try:
        with lever_scheduler(file, record.trials, resources) as scheduler:
            train_and_judge(record, scheduler, adopt)
    except Interrupted as interrupted:
        raise Interrupted(interrupted.number, "; the same command goes on") from None
    record.seconds += time.monotonic() - start
    write_json(file, record)


def train_and_judge(record: LeverRecord, scheduler: Scheduler, adopt: bool) -> None:
    """Puts the outcome into the record."""
    outcome = run_trials(record.trials, scheduler)
    if adopt:
        record.trials, outcome = repeat(record.trials, outcome, scheduler)
        best = best_levers(record.trials, outcome)
        chosen, remarks = combine_levers(record.trials, best, scheduler)
        names = [lever.name for lever in chosen]
        outcome = replace(outcome, adopted=names, remarks=remarks)
    record.outcome = outcome


def run_trials(trials: Trials, scheduler: Scheduler) -> LeverOutcome:
    """Trains what is missing, and judges.

    Raises RunFailed if a training without a lever fails, or fewer than two levers are left.
    """
    jobs: dict[str, list[Lever]] = {BASELINE: []}
    for lever in trials.levers:
        jobs[lever.name] = [lever]
    failed = train_missing(trials, jobs, scheduler)
    if BASELINE in failed:
        raise RunFailed(
            f"levers cannot be measured: a training without one failed: {failed[BASELINE]}"
        )
    return judge_trials(trials, failed)


def repeat(
    trials: Trials,
    outcome: LeverOutcome,
    scheduler: Scheduler,
) -> tuple[Trials, LeverOutcome]:
    """The most promising lever is trained with more seeds, if none is shown to gain so far.

    They take the time that was kept for combining levers: as long as the longest trainings.
    """
    lever = promising_lever(trials, outcome)
    if lever is None or best_levers(trials, outcome):
        return trials, outcome
    relative = {row.name: row.seconds for row in outcome.rows}
    kept = trials.seeds * max(1.0, *relative.values())
    seeds = trials.seeds + math.floor(kept / (1 + relative[lever.name]))
    more_seeds = dict.fromkeys([BASELINE, lever.name], min(MAX_SEEDS, seeds))
    longer = replace(trials, more_seeds=more_seeds)
    failed = train_missing(longer, {BASELINE: [], lever.name: [lever]}, scheduler)
    if failed:
        reason = "; ".join(failed.values())
        remark = f"{capitalised(lever.title)}: trainings with more seeds failed ({reason})."
        return trials, replace(outcome, remarks=[*outcome.remarks, remark])
    failed_before = {}
    for other in trials.levers:
        if other.title in outcome.failed:
            failed_before[other.name] = outcome.failed[other.title]
    return longer, judge_trials(longer, failed_before)


def combine_levers(
    trials: Trials,
    best: list[Lever],
    scheduler: Scheduler,
) -> tuple[list[Lever], list[str]]:
    """All of these levers, if together they score no less than the best alone, else that one.

    They are trained together at the same seeds. The second result is a remark.
    """
    if len(best) < 2:
        return best, []
    failed = train_missing(trials, {COMBINED: best}, scheduler)
    titles = join_titles(best)
    if failed:
        return best[:1], [f"{titles} together failed: {failed[COMBINED]}"]
    together = read_scores(trials.runs(COMBINED)).influence.mean()
    alone = read_scores(trials.runs(best[0].name)).influence.mean()
    without = read_scores(trials.runs(BASELINE)).influence.mean()
    remark = (
        f"{titles} together gain {together - without:.4f}, {best[0].title} alone "
        f"{alone - without:.4f}."
    )
    return (best if together >= alone else best[:1]), [remark]


def lever_scheduler(
    file: Path, trials: Trials, resources: Resources
) -> AbstractContextManager[Scheduler]:
    """Where the trainings run. Raises UsageError if the data are not those of the plan."""
    settings = trials.settings([], BASELINE)[0]
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
