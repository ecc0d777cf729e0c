"""Equivalence by two one-sided tests, TOST (Schuirmann 1987)."""

from unetlite.judge.best import variant_names
from unetlite.judge.statistics import ALPHA, Differences


def equivalence_margin(differences: Differences, alpha: float = ALPHA) -> float:
    """The smallest margin within which all are shown to be equal.

    Every pair passes both tests, so the level needs no correction for their number.
    """
    bounds = []
    for difference in differences.values():
        bounds.append(abs(difference.mean) + difference.half_width(alpha))
    return max(bounds)


def equivalence_margin_without_one(
    differences: Differences,
    alpha: float = ALPHA,
) -> tuple[str, float]:
    """The variant without which the others are equal within the smallest margin, and that margin.

    For three or more variants. Any of them could have been left out, so the level is divided by
    their number.
    """
    names = variant_names(differences)
    margins = {}
    for name in names:
        others = {pair: value for pair, value in differences.items() if name not in pair}
        margins[name] = equivalence_margin(others, alpha / len(names))
    dispensable = min(margins, key=margins.__getitem__)
    return dispensable, margins[dispensable]
