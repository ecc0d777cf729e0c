"""A score that stands out: far from what its image and its training suggest, unlike any other."""

from typing import NamedTuple

import numpy as np

from unetlite.judge.scores import Scores

DEVIATIONS = 6  # robust standard deviations
LEAD = 2  # times as far as the next score
MIN_IMAGES = 5
MIN_RUNS = 4


class Outlier(NamedTuple):
    """A score, and what was expected in its place."""

    variant: str
    seed: int
    image: str
    score: float
    expected: float


def find_outlier(scores: Scores) -> Outlier | None:
    """The score that stands out, if there is one.

    Expected is the median of its image over all runs, plus what its run has above that as a rule.
    The deviation is in units of the scores of its image, since hard images vary more; it is at
    least that of all scores. Real scores have such deviations now and then. So only one that is
    LEAD times as far out as the next is named.
    """
    names = list(scores.values)
    tables = np.concatenate([scores.values[name] for name in names])  # (V * S, N)
    runs, images = tables.shape
    if runs < MIN_RUNS or images < MIN_IMAGES:
        return None
    of_image = np.median(tables, axis=0)  # (N,)
    of_run = np.median(tables - of_image, axis=1)[:, None]
    expected = of_image + of_run
    residuals = np.abs(tables - expected)
    overall = np.median(residuals)
    if overall == 0:
        return None
    scale = 1.4826 * np.maximum(overall, np.median(residuals, axis=0))
    deviations = residuals / scale
    second, first = np.sort(deviations, axis=None)[-2:]
    if first <= max(DEVIATIONS, LEAD * second):
        return None
    run, image = np.unravel_index(deviations.argmax(), deviations.shape)
    variant, seed = divmod(int(run), len(scores.seeds))
    return Outlier(
        names[variant],
        scores.seeds[seed],
        scores.images[image],
        float(tables[run, image]),
        float(expected[run, image]),
    )
