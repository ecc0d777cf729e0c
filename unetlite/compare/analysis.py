"""From scores to a verdict that can be acted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unetlite.compare.comparison import Comparison
from unetlite.compare.runs import METRICS
from unetlite.compare.statistics import (
    LEVEL,
    Difference,
    bootstrap_interval,
    compare_pair,
    compare_pairs,
    holm,
    probability_of_improvement,
    seeds_needed,
    smallest_difference,
)

ALPHA = 1 - LEVEL
FEWEST_SEEDS = 3
"""For a verdict. The tests do not hold their level with two."""


@dataclass(frozen=True)
class Summary:
    """One variant in one metric.

    Attributes:
        mean: over seeds.
        deviation: standard deviation over seeds; None for one seed.
        interval: of 95 % for the mean over all seeds and images that there might be; None for one seed.
        bootstrap: percentile interval of the same, too narrow with few seeds.
        by_seed: the score of each seed.
    """

    mean: float
    deviation: float | None
    interval: tuple[float, float] | None
    bootstrap: tuple[float, float]
    by_seed: list[float]


@dataclass(frozen=True)
class Pair:
    """Two variants in one metric; what a difference means is the first's score less the second's.

    Attributes:
        low, high: interval of 95 % of this difference alone.
        p: of this difference alone.
        p_holm: corrected for all pairs.
        improvement: probability that a training of the first scores better than one of the second.
        smallest: the smallest difference that would be shown with a probability of 80 %, corrected for all pairs.
        seeds_for_half: how many seeds it takes to show half of that; None if more test images are needed.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    improvement: float
    smallest: float
    seeds_for_half: int | None

    @property
    def shown(self) -> bool:
        """Whether there is a difference, all pairs considered."""
        return self.p_holm <= ALPHA


@dataclass(frozen=True)
class Analysis:
    """All variants and pairs in one metric.

    Attributes:
        variants: by name, best first.
        images: test images with a value in every run.
        pairs: the better first; none for fewer seeds than a verdict takes.
        leaders: the best variant, and those that are not shown to be worse than it; empty without pairs.
    """

    metric: str
    images: int
    variants: dict[str, Summary]
    pairs: list[Pair]
    leaders: list[str]

    @property
    def winner(self) -> str | None:
        """The variant that is better than every other, if one is shown to be."""
        return self.leaders[0] if len(self.leaders) == 1 else None

    def pair(self, first: str, second: str) -> Pair:
        """The pair of these two; the first must be the better."""
        return next(pair for pair in self.pairs if (pair.first, pair.second) == (first, second))


def analyse(comparison: Comparison, metric: str) -> Analysis | None:
    """The statistics of a metric of METRICS; None if no test image has a value in every run."""
    scores = comparison.scores(metric)  # (S, N) each
    seeds, images = next(iter(scores.values())).shape
    if images == 0:
        return None
    sign = -1 if METRICS[metric].lower_is_better else 1
    names = sorted(scores, key=lambda name: -sign * scores[name].mean())
    summaries = {name: summarise(scores[name]) for name in names}
    if seeds < FEWEST_SEEDS:
        return Analysis(metric, images, summaries, [], [])
    found = compare_pairs({name: scores[name] for name in names})
    corrected = holm([difference.p for difference in found.values()])
    pairs = [
        Pair(
            first,
            second,
            difference.mean,
            *difference.interval(),
            difference.p,
            float(p_holm),
            probability_of_improvement(sign * scores[first].mean(1), sign * scores[second].mean(1)),
            *planning(difference, ALPHA / len(found)),
        )
        for ((first, second), difference), p_holm in zip(found.items(), corrected, strict=True)
    ]
    beaten = {pair.second for pair in pairs if pair.first == names[0] and pair.shown}
    return Analysis(metric, images, summaries, pairs, [name for name in names if name not in beaten])


def summarise(scores: np.ndarray) -> Summary:
    """Of one variant's scores (S, N)."""
    by_seed = scores.mean(1)
    several = len(by_seed) > 1
    return Summary(
        float(by_seed.mean()),
        float(by_seed.std(ddof=1)) if several else None,
        compare_pair(scores, np.zeros_like(scores)).interval() if several else None,
        bootstrap_interval(scores),
        by_seed.tolist(),
    )


def planning(found: Difference, alpha: float) -> tuple[float, int | None]:
    """The smallest difference that could have been shown, and the seeds that show half of it."""
    smallest = smallest_difference(found, alpha)
    return smallest, seeds_needed(found, alpha, smallest / 2)


def analyse_all(comparison: Comparison) -> dict[str, Analysis]:
    """Every metric that the runs have."""
    return {metric: found for metric in METRICS if (found := analyse(comparison, metric)) is not None}


def verdict(comparison: Comparison, analysis: Analysis, milliseconds: Mapping[str, float]) -> str:
    """What to do, in sentences.

    Args:
        milliseconds: latency by variant, to choose by where quality does not decide; may be empty.
    """
    title, seeds = METRICS[analysis.metric].title, len(comparison.seeds)
    if not analysis.leaders:
        return (
            f"No verdict: the variants share {seeds} seed{'s' * (seeds > 1)}, and so few cannot tell a better variant "
            f"from a luckier training; it takes {FEWEST_SEEDS}, and five are better. Train more with the same settings "
            "and seed=0,1,2,3,4."
        )
    names, leaders = list(analysis.variants), analysis.leaders
    best = names[0]
    basis = f"{seeds} seeds, {analysis.images} test images"
    shown = [pair for pair in analysis.pairs if pair.shown]
    if not shown:
        hidden = max(pair.smallest for pair in analysis.pairs)
        return (
            f"No difference shown in {title} between {listed(names)} ({basis}). A difference of less than "
            f"{short(hidden)} between two of them can have gone unseen." + cheapest(names, milliseconds)
        )
    if len(leaders) == 1:
        second = analysis.pair(best, names[1])
        return (
            f"Choose {best}: its {title} of {analysis.variants[best].mean:.4f} is better than that of every other "
            f"variant, by {spell(second)} against {names[1]}, the next ({basis})."
        )
    if len(leaders) == len(names):
        example = shown[0]
        return (
            f"None is shown to be worse in {title} than {best}, the best on average ({basis}); but {example.first} is "
            f"better than {example.second} by {spell(example)}." + cheapest(names, milliseconds)
        )
    worse = [name for name in names if name not in leaders]
    lost = analysis.pair(best, worse[-1])
    others = f"{worse[-1]} is worse"
    if len(worse) > 1:
        others = f"{listed(worse)} are worse, {worse[-1]}"
    return (
        f"In {title}, {best} is the best on average and {listed(leaders[1:])} {'is' if len(leaders) == 2 else 'are'} "
        f"not shown to be worse; {others} by {spell(lost)} ({basis})." + cheapest(leaders, milliseconds)
    )


def cheapest(names: Sequence[str], milliseconds: Mapping[str, float]) -> str:
    """A sentence that recommends the fastest of these variants, if it is clearly faster than the slowest."""
    timed = sorted((milliseconds[name], name) for name in names if name in milliseconds)
    if len(timed) < 2:
        return ""
    (fast, name), (slow, last) = timed[0], timed[-1]
    if slow < 1.1 * fast:
        return " Nor does speed decide: their latencies are within 10 %."
    return f" Choose by cost: {name} predicts fastest here, {slow / fast:.1f} times as fast as {last}."


def spell(pair: Pair) -> str:
    """A difference and its interval."""
    sign = 1 if pair.difference >= 0 else -1
    low, high = sorted((sign * pair.low, sign * pair.high))
    return f"{short(abs(pair.difference))} (95 % interval {short(low)} to {short(high)})"


def short(number: float) -> str:
    """Two significant digits without an exponent."""
    return f"{float(f'{number:.1e}'):.10f}".rstrip("0").rstrip(".")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
