"""From scores to a verdict that can be acted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from unetlite.compare.runs import LOWER_IS_BETTER, METRICS, Comparison
from unetlite.compare.statistics import (
    LEVEL,
    Difference,
    bootstrap_interval,
    compare_pair,
    holm,
    probability_of_improvement,
    seeds_needed,
    smallest_difference,
)

ALPHA = 1 - LEVEL
TITLES = {
    "miou": "mean IoU",
    "dice": "mean Dice",
    "boundary_iou_1px": "boundary IoU within 1 pixel",
    "boundary_iou_2pct": "boundary IoU within 2 % of the diagonal",
    "miou_per_image": "mean IoU of an image",
    "dice_per_image": "mean Dice of an image",
    "surface_dice_1px": "surface Dice within 1 pixel",
    "hausdorff95": "95 % Hausdorff distance in pixels",
}


@dataclass(frozen=True)
class Summary:
    """One variant in one metric.

    Attributes:
        mean: over seeds.
        deviation: standard deviation over seeds; None for one seed.
        low, high: bootstrap interval of 95 % over seeds and images.
        by_seed: the score of each seed.
    """

    mean: float
    deviation: float | None
    low: float
    high: float
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
        pairs: the better first; none for a single seed.
        leaders: the best variant, and those that are not shown to be worse than it; empty for a single seed.
    """

    metric: str
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


def analyse(comparison: Comparison, metric: str) -> Analysis:
    """The statistics of a metric of METRICS."""
    scores = {name: comparison.scores(name, metric) for name in comparison.variants}  # (S, N) each
    sign = -1 if metric in LOWER_IS_BETTER else 1
    summaries = {}
    for name in sorted(scores, key=lambda name: -sign * scores[name].mean()):
        by_seed = scores[name].mean(1)
        deviation = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else None
        summaries[name] = Summary(float(by_seed.mean()), deviation, *bootstrap_interval(scores[name]), by_seed.tolist())
    if len(comparison.seeds) < 2:
        return Analysis(metric, summaries, [], [])
    names = list(combinations(summaries, 2))
    found = [compare_pair(scores[first], scores[second]) for first, second in names]
    corrected = holm([difference.p for difference in found])
    pairs = [
        Pair(
            first,
            second,
            difference.mean,
            *difference.interval(),
            difference.p,
            float(p_holm),
            probability_of_improvement(sign * scores[first].mean(1), sign * scores[second].mean(1)),
            *planning(difference, ALPHA / len(names)),
        )
        for (first, second), difference, p_holm in zip(names, found, corrected, strict=True)
    ]
    best = next(iter(summaries))
    beaten = {pair.second for pair in pairs if pair.first == best and pair.shown}
    return Analysis(metric, summaries, pairs, [name for name in summaries if name not in beaten])


def planning(found: Difference, alpha: float) -> tuple[float, int | None]:
    """The smallest difference that could have been shown, and the seeds that show half of it."""
    smallest = smallest_difference(found, alpha)
    return smallest, seeds_needed(found, alpha, smallest / 2)


def analyse_all(comparison: Comparison) -> dict[str, Analysis]:
    """Every metric that the runs have."""
    return {metric: analyse(comparison, metric) for metric in METRICS if comparison.scores_exist(metric)}


def verdict(comparison: Comparison, analysis: Analysis, milliseconds: Mapping[str, float]) -> str:
    """What to do, in sentences.

    Args:
        milliseconds: latency by variant, to choose by where quality does not decide; may be empty.
    """
    title, seeds = TITLES[analysis.metric], len(comparison.seeds)
    images = comparison.scores(next(iter(analysis.variants)), analysis.metric).shape[1]
    if not analysis.leaders:
        return (
            "No verdict: each variant was trained once, and one training cannot tell a better variant from a luckier "
            f"seed. Train more: python train.py -m {comparison.by}={','.join(analysis.variants)} seed=0,1,2,3,4"
        )
    names, leaders = list(analysis.variants), analysis.leaders
    best = names[0]
    basis = f"{seeds} seeds and {images} test images"
    if len(leaders) == len(names):
        hidden = max(pair.smallest for pair in analysis.pairs)
        text = (
            f"No difference shown in {title} between {listed(names)}. With {basis}, a difference of less than "
            f"{short(hidden)} between two of them can have gone unseen."
        )
        return text + cheapest(names, milliseconds)
    if len(leaders) == 1:
        second = analysis.pair(best, names[1])
        return (
            f"Choose {best}: its {title} of {analysis.variants[best].mean:.4f} is better than that of every other "
            f"variant, by {spell(second)} against {names[1]}, the next ({basis})."
        )
    worse = [name for name in names if name not in leaders]
    lost = analysis.pair(best, worse[-1])
    others = f"{worse[-1]} is worse than {best}"
    if len(worse) > 1:
        others = f"{listed(worse)} are worse than {best}, {worse[-1]}"
    return f"{listed(leaders)} are not told apart in {title}; {others} by {spell(lost)} ({basis})." + cheapest(
        leaders, milliseconds
    )


def cheapest(names: Sequence[str], milliseconds: Mapping[str, float]) -> str:
    """A sentence that recommends the fastest of these variants."""
    timed = sorted((milliseconds[name], name) for name in names if name in milliseconds)
    if len(timed) < 2:
        return ""
    (fast, name), (slow, last) = timed[0], timed[-1]
    return f" Choose by cost: here {name} is the fastest of them, {slow / fast:.1f} times as fast as {last}."


def spell(pair: Pair) -> str:
    """A difference and its interval."""
    low, high = sorted((abs(pair.low), abs(pair.high)))
    return f"{short(abs(pair.difference))} (95 % interval {short(low)} to {short(high)})"


def short(number: float) -> str:
    """Two significant digits without an exponent."""
    return f"{float(f'{number:.1e}'):.10f}".rstrip("0").rstrip(".")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
