"""Interim analyses of a race: when they are, and what one of them decides."""

from dataclasses import dataclass
from operator import itemgetter

from unetlite.errors import UsageError
from unetlite.judge.best import compare_with_best
from unetlite.judge.scores import Scores
from unetlite.judge.statistics import ALPHA, pair_differences

INTERIMS = {3: 0.005, 5: 0.010, 7: 0.015, 10: 0.020}
"""Number of seeds at each interim analysis, and the part of the 5 % that it spends.

Together they err as often as one analysis would (alpha spending, Lan and DeMets 1983).
"""


@dataclass(frozen=True)
class Decision:
    """What one interim analysis decides; bounds hold with its own alpha."""

    candidates: list[str]  # go on; the best is one of them
    regret: dict[str, float]  # by variant: at most so far below the best
    means: dict[str, float]  # best first
    ended: str | None  # why the race is over, if it is


def interim_alphas(seeds: int) -> dict[int, float]:
    """The alpha of each interim analysis of a race with at most so many seeds; the sum is 5 %.

    Raises UsageError if no interim analysis is planned at that number.
    """
    if seeds not in INTERIMS:
        choices = ", ".join(map(str, INTERIMS))
        raise UsageError(f"seeds={seeds}: a race has interim analyses at {choices} seeds.")
    shares = {number: share for number, share in INTERIMS.items() if number <= seeds}
    total = sum(shares.values())
    return {number: ALPHA * share / total for number, share in shares.items()}


def decide(
    scores: Scores,
    alpha: float,
    variants: int,
    margin: float | None,
    last: bool,
) -> Decision:
    """The interim analysis of the variants that are in the race, two or more.

    `alpha` is that of this analysis, `variants` how many started, `margin` the regret that ends
    the race, and `last` says that no other analysis is planned.
    """
    means = dict(sorted(scores.means().items(), key=itemgetter(1), reverse=True))
    differences = pair_differences(scores.by_group(means))
    best = compare_with_best(differences, alpha, variants)
    ended = None
    if len(best.candidates) == 1:
        ended = "one candidate is left"
    elif margin is not None and min(best.regret.values()) <= margin:
        ended = "a variant is within the margin"
    elif last:
        ended = "last interim analysis"
    return Decision(
        candidates=best.candidates,
        regret=best.regret,
        means=means,
        ended=ended,
    )
