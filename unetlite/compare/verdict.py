"""From scores to a verdict that can be acted on: what to choose, what it costs, what choosing it can lose at most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context

import numpy as np

from unetlite.compare import statistics
from unetlite.compare.runs import METRICS, Comparison
from unetlite.compare.statistics import Best, Difference

FEWEST_SEEDS = 3  # for a verdict; with two the tests do not hold their level
ENOUGH_GROUPS = 10


@dataclass(frozen=True)
class Summary:
    """One variant in one metric, as description."""

    mean: float
    deviation: float | None  # over seeds; one seed has none
    by_seed: list[float]


@dataclass(frozen=True)
class Analysis:
    """All variants in one metric, and which may be the best."""

    metric: str
    seeds: list[int]
    images: int  # test images with a value in every run
    groups: int  # that they come from
    variants: dict[str, Summary]  # best first
    differences: dict[tuple[str, str], Difference]  # of all ordered pairs, positive where the first is better
    best: Best | None  # None for fewer seeds than a verdict takes, and no differences then
    alpha: float  # of all its statements together
    widened: float  # how many times as wide as with ENOUGH_GROUPS the bounds are; 1 where there are as many

    def around(self, name: str) -> tuple[float, float] | None:
        """For a chart: the interval of a variant's distance to the best of the others, drawn where that lies.

        All hold at once with 95 % (Hsu 1984), within 0..1. None without a verdict, and for what a race has dropped.
        """
        if self.best is None or name not in self.best.lead:
            return None
        top, reach = max(self.variants[other].mean for other in self.best.lead if other != name), self.best.reach
        high = max(0.0, min(d.mean + reach[pair] for pair, d in self.differences.items() if pair[0] == name))
        low = self.best.lead[name] if self.best.candidates == [name] else -self.best.regret[name]
        return max(top + low, 0.0), min(top + high, 1.0)


def describe(comparison: Comparison, metric: str) -> dict[str, Summary] | None:
    """The scores of every variant in a metric; None if a run has none."""
    described = {}
    for name, runs in comparison.variants.items():
        scores = np.array([run.metrics[f"test/{metric}"] for run in runs], float)
        if np.isnan(scores).any():
            return None
        deviation = float(scores.std(ddof=1)) if len(scores) > 1 else None
        described[name] = Summary(float(scores.mean()), deviation, scores.tolist())
    return described


def analyse(comparison: Comparison, metric: str) -> Analysis | None:
    """The comparison with the best in a metric of METRICS; None if no test image has a value in every run."""
    scores, groups = comparison.scores(metric)
    described = describe(comparison, metric)
    if described is None:
        return None
    names, count = sorted(scores, key=lambda name: -described[name].mean), len(set(groups))
    variants = {name: described[name] for name in [*names, *comparison.dropped]}
    if len(comparison.seeds) < FEWEST_SEEDS:
        return Analysis(metric, comparison.seeds, len(groups), count, variants, {}, None, comparison.alpha, 1.0)
    units = {name: statistics.by_group(scores[name], groups) for name in names}
    found, widened = statistics.differences(units), 1.0
    if count < ENOUGH_GROUPS:
        pairs = zip(found.values(), statistics.differences(units, as_if=ENOUGH_GROUPS).values(), strict=True)
        ratios = [one.reach(0.025) / other.reach(0.025) for one, other in pairs if other.standard_error]
        widened = float(np.median(ratios)) if ratios else 1.0
    best = statistics.best_of(found, comparison.alpha, comparison.started)
    best.regret.update(comparison.dropped)
    return Analysis(metric, comparison.seeds, len(groups), count, variants, found, best, comparison.alpha, widened)


def strange_runs(comparison: Comparison, metric: str) -> dict[tuple[str, int], str]:
    """By variant and seed, in words, the trainings that collapsed: far below their variant's others."""
    below: dict[tuple[str, int], tuple[float, float]] = {}  # the median of its variant, and how far it is below that
    for name, runs in comparison.variants.items():
        scores = {run.seed: value for run in runs if (value := run.metrics.get(f"test/{metric}")) is not None}
        middle = float(np.median(list(scores.values()) or [0.0]))
        below |= {(name, seed): (middle, middle - value) for seed, value in scores.items()}
    usual = 1.4826 * float(np.median([abs(gap) for _, gap in below.values()] or [0.0]))  # a robust standard deviation
    return {
        (name, seed): f"{name} with seed {seed} collapsed: {middle - gap:.4f}, its others {middle:.4f} in the median"
        for (name, seed), (middle, gap) in below.items()
        if gap > max(10 * usual, 0.1 * abs(middle))
    }


def choice(best: Best, cost: Mapping[str, float], margin: float | None) -> str:
    """The variant to take: the best if one is shown to be, else the cheapest within the margin, else the safest."""
    within = [name for name, regret in best.regret.items() if margin is not None and regret <= margin]
    if len(best.candidates) == 1 or not within:
        return min(best.regret, key=lambda name: best.regret[name])
    return min(within, key=lambda name: cost[name])


def verdict(analysis: Analysis, cost: Mapping[str, float], unit: str, margin: float | None) -> str:
    """What to do, in sentences; `cost` by variant, in `unit` such as "ms", decides between equally good ones."""
    best, seeds = analysis.best, len(analysis.seeds)
    if best is None:
        few = f"the variants share {seeds} seed{'s' * (seeds > 1)}, and so few cannot tell a better variant"
        more = f"it takes {FEWEST_SEEDS}, and five are better. Train more with the same settings and seed=0,1,2,3,4."
        return f"No verdict: {few} from a luckier training; {more}"
    title, names = METRICS[analysis.metric].title, list(analysis.variants)
    basis = f"({seeds} seeds, {analysis.images} test images"
    basis += f" in {analysis.groups} groups)" if analysis.groups < analysis.images else ")"
    cheapest = min(names, key=lambda name: cost[name])

    def priced(name: str) -> str:
        return f"{name} ({short(cost[name])} {unit})"

    def loses(name: str) -> str:
        return f"is at most {short(best.regret[name], ROUND_UP)} below the best"

    most = "the fastest" if unit == "ms" else "the one with least work"
    if len(best.candidates) == 1:
        (winner,) = best.candidates
        found = f"Choose {winner}: in {title} ({analysis.variants[winner].mean:.4f}) it is better than every other"
        found += f", by at least {short(best.lead[winner], ROUND_DOWN)} {basis}."
        if cheapest == winner:
            return f"{found} It is also {most}, {short(cost[winner])} {unit}."
        return f"{found} It takes {short(cost[winner])} {unit}; {most}, {priced(cheapest)}, {loses(cheapest)}."
    chosen = choice(best, cost, margin)
    if margin is not None and best.regret[chosen] <= margin:
        which = most if chosen == cheapest else f"{most} within the margin of {short(margin)}"
        lost = f"at most {short(best.regret[chosen], ROUND_UP)} below the best in {title} {basis}"
        return f"Choose {chosen}: it is {which} ({short(cost[chosen])} {unit}), and {lost}."
    anyone = "either" if len(names) == 2 else "each of them"
    may = anyone if len(best.candidates) == len(names) else "one of " + listed(best.candidates, "or")
    found = f"In {title} {may} may be the best {basis}. "
    found += f"{most[0].upper()}{most[1:]}, {priced(cheapest)}, {loses(cheapest)}."
    if (safest := min(names, key=lambda name: best.regret[name])) != cheapest:
        found += f" The safest, {priced(safest)}, {loses(safest)}."
    if margin is not None:
        found = f"None is shown to be within the margin of {short(margin)}; more seeds would narrow it. {found}"
    return f"{found} {equality(analysis)}"


def equality(analysis: Analysis) -> str:
    """Within which margin all variants, or all but one, are equal."""
    everyone = statistics.equal_within(analysis.differences, analysis.alpha)
    if len(analysis.variants) > 2:
        name, others = statistics.equal_but_one(analysis.differences, analysis.alpha)
        if others < everyone / 2:
            within = short(others, ROUND_UP)
            equal = f"all but {name} are equal within {within}, and all within {short(everyone, ROUND_UP)}"
            return f"By a test of its own: {equal}."
    return f"By a test of its own: all are equal within {short(everyone, ROUND_UP)}."


def short(number: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Two significant digits without an exponent; a bound is rounded up, or down if it holds from below."""
    rounded = Context(prec=2, rounding=rounding).create_decimal(repr(float(number)))
    return f"{rounded.normalize():f}"


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
