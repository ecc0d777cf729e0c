"""Multiple comparisons with the best (Hsu 1984)."""

from collections.abc import Iterable
from dataclasses import dataclass

from unetlite.judge.dunnett import dunnett_factor
from unetlite.judge.statistics import ALPHA, Differences, Pair


@dataclass(frozen=True)
class Best:
    """Which variants may be the best. All of it holds at once with a confidence of 1 - alpha."""

    candidates: list[str]  # no other is shown to be better; the best is one of them
    regret: dict[str, float]  # by variant, candidate or not: at most so far below the best
    lead: dict[str, float]  # by variant: at least so far above all others; may be negative
    lower: dict[Pair, float]  # bound of the first's score less the second's


def compare_with_best(
    differences: Differences,
    alpha: float = ALPHA,
    variants: int | None = None,
) -> Best:
    """Candidates and bounds, by Dunnett's quantile.

    `variants` is how many there were at the start, if some were dropped since. Of two equal
    variants either could turn out better, so two are compared at half the level.
    """
    names = variant_names(differences)
    others = (variants or len(names)) - 1
    lower = {}
    beaten = set()
    for pair, difference in differences.items():
        width = difference.half_width(alpha / max(2, others))
        if others > 1:
            width *= dunnett_factor(alpha, others, difference.df)
        lower[pair] = difference.mean - width
        if lower[pair] > 0:
            beaten.add(pair[1])

    candidates = [name for name in names if name not in beaten]
    regret = dict.fromkeys(names, 0.0)
    lead = dict.fromkeys(names, float("inf"))
    for (first, second), bound in lower.items():
        lead[first] = min(lead[first], bound)
        if second in candidates:
            regret[first] = max(regret[first], -bound)
    return Best(candidates, regret, lead, lower)


def variant_names(pairs: Iterable[Pair]) -> list[str]:
    """The variants of ordered pairs, in their order."""
    return list(dict.fromkeys(first for first, _ in pairs))
