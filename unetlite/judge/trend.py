"""Whether trainings were still gaining when they ended."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

MIN_POINTS = 3  # of a curve
MIN_TRAININGS = 4
FAR = 0.1  # of what the score lacks of 1: a gain that marks networks that are far from trained
TAIL = 1 / 16  # probability at most, on each side of the interval


class Trend(NamedTuple):
    """The median gain of validation scores over the last third of the steps.

    A one-cycle schedule flattens the end of every curve: a small gain does not show that more steps
    gain nothing, a large one shows that they gain.
    """

    gain: float  # of a score from 0 to 1
    low: float  # of its interval, by the sign test over trainings
    high: float
    lacking: float  # 1 - the median of the last scores
    trainings: int

    @property
    def share(self) -> float:
        """The gain, of what the score lacks."""
        return self.gain / max(self.lacking, 1e-9)

    @property
    def is_far(self) -> bool:
        """True if the networks are far from trained, beyond the spread over trainings."""
        return self.share >= FAR and self.low > 0


def late_gain(steps: np.ndarray, scores: np.ndarray) -> float | None:
    """The gain of one curve (S,) over the last third of its steps: its slope there times a third.

    The slope is that of least squares, from the last point before that third on. None for a curve
    with too few points.

    >>> steps = np.arange(1, 10)
    >>> round(late_gain(steps, 0.1 * steps), 6)
    0.3
    """
    if len(steps) < MIN_POINTS:
        return None
    third = steps[-1] / 3
    first = max(0, int(np.searchsorted(steps, 2 * third)) - 1)
    first = min(first, len(steps) - MIN_POINTS)
    slope = np.polyfit(steps[first:], scores[first:], 1)[0]
    return float(slope * third)


def late_trend(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> Trend | None:
    """The gain over the curves (steps, scores) of trainings, without those that never moved.

    None of too few trainings, or if a curve has too few points.
    """
    gains = []
    last = []
    for steps, scores in curves:
        gain = late_gain(steps, scores)
        if gain is None:
            return None
        if np.ptp(scores) > 0:
            gains.append(gain)
            last.append(scores[-1])
    count = len(gains)
    if count < MIN_TRAININGS:
        return None
    ordered = np.sort(gains)
    rank = 0  # of the lower bound from below, of the upper one from above
    while special.bdtr(rank + 1, count, 0.5) <= TAIL:
        rank += 1
    return Trend(
        gain=float(np.median(ordered)),
        low=float(ordered[rank]),
        high=float(ordered[-1 - rank]),
        lacking=1 - float(np.median(last)),
        trainings=count,
    )


def trend_text(trend: Trend) -> str:
    """Whether the networks are trained, by the gain, in one or two sentences."""
    gain = (
        f"in the last third of the steps the validation score changed by {trend.gain:+.4f} "
        f"(median of {trend.trainings} trainings)"
    )
    if trend.is_far:
        return f"Not fully trained: {gain}, {trend.share:.0%} of what it lacks of 1."
    return (
        f"Not known: {gain}. The falling learning rate flattens every curve there; only a longer "
        "training would tell."
    )
