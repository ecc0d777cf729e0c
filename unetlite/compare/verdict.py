"""From scores to a verdict that can be acted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unetlite.compare import statistics
from unetlite.compare.runs import METRICS, Comparison

ALPHA = 1 - statistics.LEVEL
FEWEST_SEEDS = 3  # for a verdict; the tests do not hold their level with two


@dataclass(frozen=True)
class Summary:
    """One variant in one metric; one seed says nothing about others, and has neither a deviation nor an interval."""

    mean: float
    deviation: float | None  # over seeds
    interval: tuple[float, float] | None  # of 95 %, for the mean over all seeds and images that there might be
    by_seed: list[float]


@dataclass(frozen=True)
class Pair:
    """Two variants in one metric, the first's score less the second's."""

    first: str
    second: str
    difference: float
    low: float  # end of the interval of 95 % of this difference alone
    high: float
    p: float  # of this difference alone
    p_holm: float  # corrected for all pairs
    shown: bool  # whether there is a difference, all pairs considered
    improvement: float  # probability that a training of the first scores better than one of the second
    smallest: float  # difference that would be shown with a probability of 80 %, corrected for all pairs

    def __str__(self) -> str:
        """How much better the better one is, with the interval."""
        sign = 1 if self.difference >= 0 else -1
        low, high = sorted((sign * self.low, sign * self.high))
        return f"{short(abs(self.difference))} (95 % interval {short(low)} to {short(high)})"


@dataclass(frozen=True)
class Analysis:
    """All variants and pairs in one metric; no pairs for fewer seeds than a verdict takes."""

    metric: str
    seeds: int
    images: int  # test images with a value in every run
    variants: dict[str, Summary]  # best first
    pairs: list[Pair]  # the better first, in the order of `variants`
    leaders: list[str]  # the best variant, and those that are not shown to be worse than it; empty without pairs

    @property
    def winner(self) -> str | None:
        """The variant that is better than every other, if one is shown to be."""
        return self.leaders[0] if len(self.leaders) == 1 else None


def analyse(comparison: Comparison, metric: str) -> Analysis | None:
    """The statistics of a metric of METRICS; None if no test image has a value in every run."""
    scores = comparison.scores(metric)  # (S, N) each
    seeds, images = next(iter(scores.values())).shape
    if images == 0:
        return None
    sign = -1 if METRICS[metric].lower_is_better else 1
    names = sorted(scores, key=lambda name: -sign * scores[name].mean())
    variants = {name: summarise(scores[name]) for name in names}
    if seeds < FEWEST_SEEDS:
        return Analysis(metric, seeds, images, variants, [], [])
    found = statistics.compare_pairs({name: scores[name] for name in names})
    corrected = statistics.holm([difference.p for difference in found.values()]).tolist()
    pairs = []
    for ((first, second), difference), p_holm in zip(found.items(), corrected, strict=True):
        by_seed = sign * scores[first].mean(1), sign * scores[second].mean(1)
        improvement = statistics.probability_of_improvement(*by_seed)
        smallest = statistics.smallest_difference(difference, ALPHA / len(found))
        tested = difference.mean, *difference.interval(), difference.p, p_holm, p_holm <= ALPHA
        pairs.append(Pair(first, second, *tested, improvement, smallest))
    beaten = {pair.second for pair in pairs if pair.first == names[0] and pair.shown}
    return Analysis(metric, seeds, images, variants, pairs, [name for name in names if name not in beaten])


def summarise(scores: np.ndarray) -> Summary:
    """Of one variant's scores (S, N)."""
    by_seed = scores.mean(1)
    deviation = interval = None
    if len(by_seed) > 1:
        deviation = float(by_seed.std(ddof=1))
        interval = statistics.compare_pair(scores, np.zeros_like(scores)).interval()
    return Summary(float(by_seed.mean()), deviation, interval, by_seed.tolist())


def analyse_all(comparison: Comparison) -> dict[str, Analysis]:
    """Every metric that the runs have."""
    return {metric: found for metric in METRICS if (found := analyse(comparison, metric)) is not None}


def verdict(analysis: Analysis, milliseconds: Mapping[str, float]) -> str:
    """What to do, in sentences. Where quality does not decide, latency by variant may, if it was measured."""
    title, seeds, leaders = METRICS[analysis.metric].title, analysis.seeds, analysis.leaders
    best, *others = analysis.variants
    worse = [name for name in others if name not in leaders]
    lead = {pair.second: pair for pair in analysis.pairs if pair.first == best}
    basis = f"({seeds} seeds, {analysis.images} test images)"
    if not leaders:
        return (
            f"No verdict: the variants share {seeds} seed{'s' * (seeds > 1)}, and so few cannot tell a better variant "
            f"from a luckier training; it takes {FEWEST_SEEDS}, and five are better. Train more with the same settings "
            "and seed=0,1,2,3,4."
        )
    if len(leaders) == 1:
        score, margin = analysis.variants[best].mean, f"by {lead[others[0]]} against {others[0]}, the next"
        return (
            f"Choose {best}: its {title} of {score:.4f} is better than that of every other variant, {margin} {basis}."
        )
    if worse:
        last = worse[-1]
        losers = f"{last} is worse" if len(worse) == 1 else f"{listed(worse)} are worse, {last}"
        close = f"{listed(leaders[1:])} {'is' if len(leaders) == 2 else 'are'} not shown to be worse"
        found = f"In {title}, {best} is the best on average and {close}; {losers} by {lead[last]} {basis}."
    elif shown := next((pair for pair in analysis.pairs if pair.shown), None):
        but = f"{shown.first} is better than {shown.second} by {shown}"
        found = f"None is shown to be worse in {title} than {best}, the best on average {basis}; but {but}."
    else:
        found = (
            f"No difference shown in {title} between {listed(leaders)} {basis}. A difference of less than "
            f"{short(max(pair.smallest for pair in analysis.pairs))} between two of them can have gone unseen."
        )
    return found + cheapest(leaders, milliseconds)


def cheapest(names: Sequence[str], milliseconds: Mapping[str, float]) -> str:
    """A sentence that recommends the fastest of these variants, if it is clearly faster than the slowest."""
    timed = sorted((milliseconds[name], name) for name in names if name in milliseconds)
    if len(timed) < 2:
        return ""
    (fast, name), (slow, last) = timed[0], timed[-1]
    if slow < 1.1 * fast:
        return " Nor does speed decide: their latencies are within 10 %."
    return f" Choose by cost: {name} predicts fastest here, {slow / fast:.1f} times as fast as {last}."


def short(number: float) -> str:
    """Two significant digits without an exponent."""
    return f"{float(f'{number:.1e}'):.10f}".rstrip("0").rstrip(".")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
