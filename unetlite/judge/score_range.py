"""Scores that cannot be: outside the range of their metric, or in percent beside shares."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from unetlite.errors import UsageError
from unetlite.judge.columns import DISTANCES, SHARES, SIGNED, UNLIMITED, Columns
from unetlite.wording import name_run

PERCENT = 20  # times as large as others are scores that must be in percent
ROUNDING = 1e-4  # of the upper limit, by which sums of float16 or float32 may exceed it


class Observation(NamedTuple):
    """A score, and where it stands."""

    variant: str
    seed: int
    unit: str
    score: float
    place: str


Limits = tuple[float, float]


def check_range(
    observations: Sequence[Observation],
    columns: Columns,
    higher_is_better: bool | None,
) -> None:
    """Raises UsageError for a score outside the limits that hold for most of the others.

    Higher is better, too, if the user did not state it: None.
    """
    present = [each for each in observations if not math.isnan(each.score)]
    scores = [each.score for each in present]
    limits = find_limits(scores, columns, higher_is_better)
    outside = [each for each in present if not is_within(each.score, limits)]
    if outside:
        first = outside[0]
        name = columns.score or f"score of {first.variant}"
        raise UsageError(
            f"{first.place}: the {name} is {first.score:g}, and {describe_others(scores, limits)}; "
            f"{remedy(first.score, limits, columns)}."
        )


def find_limits(scores: Sequence[float], columns: Columns, higher_is_better: bool | None) -> Limits:
    """The limits of a metric: those of its name, or those of most scores. Infinite if it has none.

    A score has none if the user stated that higher is better. So the influence of an image on a
    pooled score can be judged, which may be less than 0 or more than 1.
    """
    unlimited = (-math.inf, math.inf)
    if higher_is_better is False:
        return (0.0, math.inf) if columns.score_is(DISTANCES) else unlimited
    if higher_is_better or columns.score_is(UNLIMITED):
        return unlimited
    low = -1.0 if columns.score_is(SIGNED) else 0.0
    candidates = [(low, 1.0)]
    if columns.score_is(SHARES):
        candidates.append((100 * low, 100.0))
    for limits in candidates:
        inside = sum(is_within(score, limits) for score in scores)
        if inside > len(scores) / 2:
            return limits
    return unlimited


def is_within(score: float, limits: Limits) -> bool:
    """True for a score within the limits, but for rounding."""
    low, high = limits
    slack = ROUNDING * high if math.isfinite(high) else 0.0
    return low - slack <= score <= high + slack


def describe_others(scores: Sequence[float], limits: Limits) -> str:
    """How many scores keep the limits, such as "the 59 others lie between 0 and 1"."""
    low, high = limits
    if not math.isfinite(high):
        return f"it cannot be less than {low:g}"
    inside = sum(is_within(score, limits) for score in scores)
    others = f"{inside} of {len(scores)} scores"
    if inside == len(scores) - 1:
        others = f"the {inside} others" if inside > 1 else "the other"
    return f"{others} lie between {low:g} and {high:g}"


def remedy(score: float, limits: Limits, columns: Columns) -> str:
    """What to do about a score outside the limits."""
    _, high = limits
    text = "correct the cell"
    if math.isfinite(high) and high < score <= 100 * high:
        text += f" ({score / 100:g} if it is in percent)"
    text += ", or leave it empty for an image without a score"
    if math.isfinite(high):
        text += ". If the score has no such limits, say --higher-is-better"
        if not columns.score_is(SHARES):
            text += ", or --lower-is-better for an error, such as a loss"
    return text


def check_scale(runs: Mapping[str, Mapping[int, Mapping[str, float]]]) -> None:
    """Raises UsageError if some scores are shares of 1 and others look like percent.

    `runs` are the scores of images by variant and seed.
    """
    middle = {}
    for name, by_seed in runs.items():
        for seed, run in by_seed.items():
            middle[name, seed] = median(run.values())
    low = min(middle, key=middle.__getitem__)
    high = max(middle, key=middle.__getitem__)
    is_share = 0 < middle[low] <= 1
    if is_share and 1.5 < middle[high] <= 100 and middle[high] > PERCENT * middle[low]:
        raise UsageError(
            f"the scores of {name_run(*low)} are about {middle[low]:.3g}, those of "
            f"{name_run(*high)} about {middle[high]:.3g}; write all as shares of 1, or all in "
            "percent."
        )
