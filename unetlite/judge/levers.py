"""What changes of the settings gain, by paired trainings at the same seeds; see docs/statistics.md.

A lever is one such change, and the base is the training without any. The comparison is that of many
with one (Dunnett 1955), with the variances of `pair_differences`: pooled over all that was trained,
since two seeds say little about each lever.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from unetlite.judge.dunnett import dunnett_factor
from unetlite.judge.statistics import ALPHA, pair_differences


class LeverEffect(NamedTuple):
    """What a lever adds to the score, with its interval. All intervals hold at once."""

    mean: float
    low: float
    high: float


def lever_effects(
    tables: Mapping[str, np.ndarray],
    base: str,
    alpha: float = ALPHA,
    tried: int | None = None,
) -> dict[str, LeverEffect]:
    """The effects of levers, by their scores (S, G) beside those of the base, with S >= 2.

    Each lower bound is too high for any of them with a probability of `alpha` / 2 at most, and so
    is each upper bound too low. `tried` counts all levers, where those that fell behind have fewer
    seeds and are left out here: a bound that holds with the last seeds of all still holds.
    """
    differences = pair_differences(tables)
    levers = [name for name in tables if name != base]
    count = tried or len(levers)
    effects = {}
    for name in levers:
        difference = differences[name, base]
        width = difference.half_width(alpha / 2 / count)
        if count > 1:
            width *= dunnett_factor(alpha / 2, count, difference.df)
        effects[name] = LeverEffect(
            difference.mean,
            difference.mean - width,
            difference.mean + width,
        )
    return effects
