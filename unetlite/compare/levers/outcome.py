"""What trainings with levers show: the gain of each lever on validation images, and the noise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat
from pydantic.dataclasses import dataclass as record

from unetlite.compare.levers.kinds import BASELINE, Lever
from unetlite.compare.levers.trials import Trials
from unetlite.compare.runs import counted_classes, read_counts, stack_counts
from unetlite.errors import PARSE_ERRORS, RunFailed, UsageError
from unetlite.judge.levers import LeverEffect, lever_effects
from unetlite.judge.scores import sum_by_group
from unetlite.metrics.counts import iou_of_counts, per_image_influence
from unetlite.run_directory import RunFiles
from unetlite.validation import STRICT

UNLEARNT = 0.01  # of IoU: a class with less is not known


@record(frozen=True, config=STRICT)
class MeasuredLever:
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
    def half_width(self) -> float:
        """Of the interval, which is symmetric."""
        return (self.high - self.low) / 2

    @property
    def gains(self) -> bool:
        """True if it gains beyond the noise."""
        return self.low > 0


@record(frozen=True, config=STRICT)
class LeverOutcome:
    """What all trainings show."""

    rows: list[MeasuredLever]  # the largest gain first
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


@dataclass(frozen=True)
class ValidationScores:
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


def read_scores(runs: Iterable[RunFiles]) -> ValidationScores:
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
    return ValidationScores(
        np.array(influence),
        np.array(iou),
        groups,
        counted_classes(columns),
        float(np.mean(seconds)),
    )


def judge_trials(trials: Trials, failed: Mapping[str, str]) -> LeverOutcome:
    """The effects of all levers whose trainings did not fail."""
    scores = {}
    for name in [BASELINE, *(lever.name for lever in trials.levers)]:
        if name not in failed:
            scores[name] = read_scores(trials.runs(name))
    if len(scores) < 2:
        raise RunFailed(f"no lever was trained: {'; '.join(failed.values())}")
    base = scores[BASELINE]
    class_iou = base.iou.mean(0)
    worst = int(np.nanargmin(class_iou))
    effects = effects_of(trials, scores)
    rows = []
    titles_of_failed = {}
    for lever in trials.levers:
        if lever.name in failed:
            titles_of_failed[lever.title] = failed[lever.name]
            continue
        effect = effects[lever.name]
        iou = scores[lever.name].iou
        class_gain = (iou - base.iou[: len(iou)]).mean(0)
        row = MeasuredLever(
            name=lever.name,
            title=lever.title,
            typed=lever.typed,
            gain=float(effect.mean),
            low=float(effect.low),
            high=float(effect.high),
            worst_class_gain=float(class_gain[worst]),
            seconds=scores[lever.name].seconds / max(base.seconds, 1e-9),
            macs=trials.macs.get(lever.name, 1.0),
        )
        rows.append(row)
    return LeverOutcome(
        rows=sorted(rows, key=lambda row: -row.gain),
        miou=float(base.influence.mean()),
        worst_class=base.classes[worst],
        worst_iou=float(class_iou[worst]),
        images=base.influence.shape[1],
        groups=len(set(base.groups)),
        base_seconds=base.seconds,
        unlearnt=int((base.iou[:, worst] < UNLEARNT).sum()),
        failed=titles_of_failed,
    )


def effects_of(trials: Trials, scores: Mapping[str, ValidationScores]) -> dict[str, LeverEffect]:
    """The effects of all levers by the seeds that all have, and by all seeds of a repeated one."""
    first = {name: each.table[: trials.seeds] for name, each in scores.items()}
    effects = lever_effects(first, BASELINE)
    repeated = {name: scores[name].table for name in trials.more_seeds}
    if repeated:
        effects.update(lever_effects(repeated, BASELINE, tried=len(effects)))
    return effects


def promising_lever(trials: Trials, outcome: LeverOutcome) -> Lever | None:
    """The lever with the largest gain that a race could adopt, if it is not shown to gain yet."""
    for row in outcome.rows:
        lever = trials.by_name[row.name]
        if row.gain > 0 and not lever.decided_by_time:
            return None if row.gains else lever
    return None


def best_levers(trials: Trials, outcome: LeverOutcome) -> list[Lever]:
    """The levers that a race could adopt: they gain beyond the noise, the best first.

    Of those that change the network it is the best alone.
    """
    chosen: list[Lever] = []
    for row in outcome.rows:
        lever = trials.by_name[row.name]
        taken = lever.changes_network and any(other.changes_network for other in chosen)
        if row.gains and not lever.decided_by_time and not taken:
            chosen.append(lever)
    return chosen
