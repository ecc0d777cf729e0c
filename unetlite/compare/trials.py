"""Trainings that measure levers: their plan, their record, and what they show.

Levers are judged by validation images, and their trainings do not test. Their seeds are not those
of a race.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass as record

from unetlite.compare.levers import BASE, Base, Lever
from unetlite.compare.race_times import WORKER_START, RaceTimes
from unetlite.compare.runs import counted_classes, read_counts, stack_counts
from unetlite.compare.schedule import Schedule
from unetlite.errors import PARSE_ERRORS, RunFailed, UsageError
from unetlite.files import write_text
from unetlite.judge.levers import Effect, lever_effects
from unetlite.judge.scores import sum_by_group
from unetlite.metrics.counts import iou_of_counts, per_image_influence
from unetlite.run_directory import RunFiles
from unetlite.scheduling.base import Scheduler
from unetlite.settings.schema import Settings
from unetlite.validation import STRICT, read_record

FIRST_SEED = 1000  # of the trainings; a race takes those from 0
MIN_SEEDS = 2
MAX_SEEDS = 5  # if there is time for them
MIN_LEVERS = 3  # fewer say too little about the noise
UNLEARNT = 0.01  # of IoU: a class with less is not known
COMBINED = "combined"  # the trainings with all levers that gain


@record(frozen=True, config=STRICT)
class Trials:
    """The plan of the trainings, and all that they start from."""

    asked: dict[str, Any]  # by the command
    base: dict[str, Any]  # fields of Base, with the schedule in its values
    levers: list[Lever]
    reasons: dict[str, str]  # by lever that is not tried
    directory: str  # of the runs
    parallel: PositiveInt
    threads: PositiveInt
    macs: dict[str, PositiveFloat]  # of a prediction by lever, over those of the base
    seconds: PositiveFloat  # that are planned
    seeds: PositiveInt = MIN_SEEDS  # of each
    data_hash: str | None = None

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
        settings = Base(**self.base).settings(words, values)
        by_seed = []
        for run in self.runs(name):
            seed = int(run.path.name.removeprefix("seed"))
            by_seed.append(replace(settings, seed=seed, run_dir=str(run.path)))
        return by_seed

    def runs(self, name: str) -> list[RunFiles]:
        """The runs of a folder, by seed."""
        seeds = range(FIRST_SEED, FIRST_SEED + self.seeds)
        return [RunFiles(Path(self.directory) / name / f"seed{seed}") for seed in seeds]


@record(frozen=True, config=STRICT)
class Row:
    """What was measured of a lever. Scores are of validation images."""

    name: str
    title: str
    typed: str  # the settings, as they are typed
    gain: float  # in mean IoU
    low: float  # of its interval; all of these hold at once with 95 %
    high: float
    worst_class_gain: float  # in the IoU of the worst class
    seconds: NonNegativeFloat  # of a training, over those of the base
    macs: PositiveFloat  # of a prediction, likewise

    @property
    def gains(self) -> bool:
        """True if it gains beyond the noise."""
        return self.low > 0


@record(frozen=True, config=STRICT)
class Outcome:
    """What the trainings show."""

    rows: list[Row]  # the largest gain first
    miou: float  # of the base
    worst_class: str
    worst_iou: float  # of the base
    images: int
    groups: int
    base_seconds: NonNegativeFloat  # of a training
    unlearnt: NonNegativeInt = 0  # trainings of the base that do not know the worst class
    failed: dict[str, str] = field(default_factory=dict)  # titles of levers, and why
    adopted: list[str] = field(default_factory=list)  # names, by a race
    remarks: list[str] = field(default_factory=list)  # on what was adopted


@record(config=STRICT)
class LeverRecord:
    """What `levers.json` keeps."""

    trials: Trials
    outcome: Outcome | None = None  # None while trainings are missing
    seconds: NonNegativeFloat = 0.0  # that they took


def read_levers(file: Path) -> LeverRecord | None:
    """The record of a file, None if there is none. Raises UsageError if it is damaged."""
    if not file.exists():
        return None
    return read_record(
        file, LeverRecord, "Delete it, and run the same command again: no training is lost."
    )


def write_levers(file: Path, record: LeverRecord) -> None:
    """Writes the record, whole or not at all."""
    write_text(file, json.dumps(asdict(record), indent=1) + "\n")


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


class PlannedTrials(NamedTuple):
    """Levers, and the schedule of their trainings."""

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
    seconds = [times.training_seconds(BASE, schedule)]
    for lever in levers:
        name = lever.name if lever.name in times.steps else BASE
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
) -> PlannedTrials | None:
    """As many levers as fit into the time, and the schedule of their trainings.

    They have the steps of the `schedule`, or fewer, but no fewer than `shortest`. Time that is left
    is for more seeds. None if too few levers fit.
    """
    left = seconds - WORKER_START
    once = replace(schedule, steps=1).in_epochs(1)
    twice = replace(schedule, steps=2).in_epochs(1)
    for count in range(len(levers), MIN_LEVERS - 1, -1):
        tried = list(levers[:count])
        first, second = (trial_seconds(tried, times, each, combined) for each in (once, twice))
        affordable = 1 + math.floor((left / MIN_SEEDS - first) / (second - first))
        steps = min(schedule.steps, affordable)
        if steps >= min(shortest, schedule.steps):
            chosen = replace(schedule, steps=steps).in_epochs(1)
            of_seed = trial_seconds(tried, times, chosen, combined)
            seeds = min(MAX_SEEDS, max(MIN_SEEDS, math.floor(left / of_seed)))
            return PlannedTrials(tried, chosen, seeds, WORKER_START + seeds * of_seed)
    return None


def run_trials(
    trials: Trials,
    scheduler: Scheduler,
    on_training: Callable[[str], None],
) -> Outcome:
    """Trains what is missing, and judges. `on_training` gets a line for each training.

    Raises RunFailed if a training without a lever fails, or fewer than two levers are left.
    """
    jobs: dict[str, list[Lever]] = {BASE: []}
    for lever in trials.levers:
        jobs[lever.name] = [lever]
    failed = train_missing(trials, jobs, scheduler, on_training)
    if BASE in failed:
        raise RunFailed(f"levers cannot be measured: a training without one failed: {failed[BASE]}")
    return judge_trials(trials, failed)


def train_missing(
    trials: Trials,
    jobs: Mapping[str, list[Lever]],
    scheduler: Scheduler,
    on_training: Callable[[str], None],
) -> dict[str, str]:
    """Trains all seeds of these that are not finished. Returns those that failed, and why."""
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
            result = "absent" if score is None else f"{score:.4f}"
        else:
            failed[name] = outcome.failure
        on_training(f"{done} of {len(missing)}   {name} seed{outcome.settings.seed}   {result}")
    return failed


@dataclass(frozen=True)
class Scored:
    """The trainings of one lever, or of the base: S seeds, N validation images, K classes."""

    influence: np.ndarray  # (S, N), of the mean IoU
    iou: np.ndarray  # (S, K)
    groups: list[str]
    classes: list[str]
    seconds: float  # of a training

    @property
    def table(self) -> np.ndarray:
        """(S, G): what each group adds to the mean IoU."""
        return sum_by_group(self.influence, self.groups)


def read_scored(runs: Iterable[RunFiles]) -> Scored:
    """The scores of validation images by runs of one kind.

    Raises UsageError if a table is missing or damaged.
    """
    influence = []
    iou = []
    seconds = []
    for run in runs:
        run.check_sums([run.metrics, run.val_counts])
        try:
            _, groups, columns = read_counts(run.val_counts)
            counts = stack_counts(columns, "overlap")  # (N, K, 3)
        except (OSError, *PARSE_ERRORS) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"{run.val_counts} is damaged ({reason}). {run.remedy}") from None
        influence.append(per_image_influence(counts))
        iou.append(iou_of_counts(counts.sum(0)))
        seconds.append(run.stored_metrics()["train/seconds"] or 0.0)
    return Scored(
        np.array(influence),
        np.array(iou),
        groups,
        counted_classes(columns),
        float(np.mean(seconds)),
    )


def judge_trials(trials: Trials, failed: Mapping[str, str]) -> Outcome:
    """The effects of all levers whose trainings did not fail."""
    scored = {}
    for name in [BASE, *(lever.name for lever in trials.levers)]:
        if name not in failed:
            scored[name] = read_scored(trials.runs(name))
    if len(scored) < 2:
        raise RunFailed(f"no lever was trained: {'; '.join(failed.values())}")
    base = scored[BASE]
    effects = lever_effects({name: each.table for name, each in scored.items()}, BASE)
    worst = int(np.nanargmin(base.iou.mean(0)))
    rows = []
    for lever in trials.levers:
        if lever.name in effects:
            rows.append(
                make_row(
                    lever,
                    effects[lever.name],
                    scored[lever.name],
                    base,
                    worst,
                    trials.macs.get(lever.name, 1.0),
                )
            )
    titles = {lever.name: lever.title for lever in trials.levers}
    return Outcome(
        rows=sorted(rows, key=lambda row: -row.gain),
        miou=float(base.influence.mean()),
        worst_class=base.classes[worst],
        worst_iou=float(base.iou.mean(0)[worst]),
        images=base.influence.shape[1],
        groups=len(set(base.groups)),
        base_seconds=base.seconds,
        unlearnt=int((base.iou[:, worst] < UNLEARNT).sum()),
        failed={titles[name]: reason for name, reason in failed.items()},
    )


def make_row(
    lever: Lever,
    effect: Effect,
    scored: Scored,
    base: Scored,
    worst: int,
    macs: float,
) -> Row:
    """A row of the outcome; `worst` is the position of the class."""
    return Row(
        name=lever.name,
        title=lever.title,
        typed=lever.typed,
        gain=float(effect.mean),
        low=float(effect.low),
        high=float(effect.high),
        worst_class_gain=float((scored.iou - base.iou).mean(0)[worst]),
        seconds=scored.seconds / max(base.seconds, 1e-9),
        macs=macs,
    )


def best_levers(trials: Trials, outcome: Outcome) -> list[Lever]:
    """The levers that a race could adopt: they gain beyond the noise, the best first.

    Of those that change the network it is the best alone.
    """
    by_name = {lever.name: lever for lever in trials.levers}
    chosen: list[Lever] = []
    for row in outcome.rows:
        lever = by_name[row.name]
        taken = lever.changes_network and any(other.changes_network for other in chosen)
        if row.gains and not lever.decided_by_time and not taken:
            chosen.append(lever)
    return chosen


def combine_levers(
    trials: Trials,
    best: list[Lever],
    scheduler: Scheduler,
    on_training: Callable[[str], None],
) -> tuple[list[Lever], list[str]]:
    """All of these levers, if together they score no less than the best alone, else that one.

    They are trained together at the same seeds. The second result is a remark.
    """
    if len(best) < 2:
        return best, []
    failed = train_missing(trials, {COMBINED: best}, scheduler, on_training)
    titles = " and ".join(lever.title for lever in best)
    if failed:
        return best[:1], [f"{titles} together failed: {failed[COMBINED]}"]
    together = read_scored(trials.runs(COMBINED)).influence.mean()
    alone = read_scored(trials.runs(best[0].name)).influence.mean()
    without = read_scored(trials.runs(BASE)).influence.mean()
    remark = (
        f"{titles} together gain {together - without:.4f}, {best[0].title} alone "
        f"{alone - without:.4f}."
    )
    return (best if together >= alone else best[:1]), [remark]
