"""The analysis of a comparison: which variants may be the best, and which trainings collapsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Any

import numpy as np

from unetlite.judge.best import Best, compare_with_best
from unetlite.judge.scores import Scores
from unetlite.judge.statistics import ALPHA, Differences, pair_differences
from unetlite.wording import name_run

MIN_SEEDS = 3  # for a verdict; with two the tests do not hold their level
ENOUGH_GROUPS = 10

RunScores = Mapping[str, Mapping[int, float]]
"""The score of every training, by variant and seed."""


@dataclass(frozen=True)
class Summary:
    """The scores of one variant, as description."""

    mean: float
    deviation: float | None  # standard deviation over seeds; one seed has none
    by_seed: list[float]

    def __str__(self) -> str:
        """Such as "0.9012 ± 0.0011"."""
        text = format_score(self.mean)
        if self.deviation is not None:
            text += f" ± {format_score(self.deviation)}"
        return text


@dataclass(frozen=True)
class Analysis:
    """All variants in one metric, and which may be the best."""

    metric_title: str
    seeds: list[int]
    images: int  # test images with a value in every run
    groups: int  # that they come from
    variants: dict[str, Summary]  # best first; those that a race dropped are last
    differences: Differences  # of ordered pairs; positive where the first is better
    best: Best | None  # None without a verdict; then there are no differences
    alpha: float  # of all its statements together
    widened: float  # width of the bounds, over that with ENOUGH_GROUPS; 1 with as many
    collapsed: dict[tuple[str, int], str]  # trainings by variant and seed, with a sentence on each
    objection: str | None = None  # why there is no verdict, but for too few seeds
    lower_is_better: bool = False

    @property
    def worse(self) -> str:
        """Where a worse variant is, seen from the best."""
        return "above" if self.lower_is_better else "below"

    def chart_interval(self, name: str) -> tuple[float, float]:
        """The interval of a variant's distance to the best of the others, around their best mean.

        All of these hold at once (Hsu 1984). They stay within 0..1 if all scores do and more is
        better. It is the variant's mean alone without a verdict, and for a variant that a race
        dropped.
        """
        best = self.best
        mean = self.variants[name].mean
        if best is None or name not in best.lead:
            return mean, mean
        low = -best.regret[name]
        if best.candidates == [name]:
            low = best.lead[name]
        high = float("inf")
        sign = direction(self.lower_is_better)
        top = -float("inf")  # mean of the best of the others, times the sign
        for (other, second), bound in best.lower.items():
            if second == name:
                high = min(high, -bound)
                top = max(top, sign * self.variants[other].mean)
        start, end = sorted((sign * (top + low), sign * (top + max(high, 0.0))))
        if self.is_share:
            return max(start, 0.0), min(end, 1.0)
        return start, end

    @property
    def without_bound(self) -> list[str]:
        """The variants that are left out of the verdict, as a training of them collapsed."""
        if self.best is None:
            return []
        return [name for name in self.variants if name not in self.best.regret]

    @property
    def is_share(self) -> bool:
        """True if more is better and all scores are within 0..1, as IoU is."""
        scores = list(chain.from_iterable(each.by_seed for each in self.variants.values()))
        return not self.lower_is_better and min(scores) >= 0 and max(scores) <= 1

    def figures(self) -> dict[str, Any]:
        """What is judged, as plain values and dataclasses, with a pair in one direction only."""
        figures: dict[str, Any] = {
            "seeds": self.seeds,
            "images": self.images,
            "groups": self.groups,
            "variants": self.variants,
            "alpha": self.alpha,
            "widened": self.widened,
        }
        if self.best is not None:
            figures["candidates"] = self.best.candidates
            figures["regret"] = self.best.regret
            figures["lead"] = self.best.lead
        pairs = []
        for (first, second), difference in self.differences.items():
            if difference.mean > 0 or (difference.mean == 0 and first < second):
                pairs.append({"first": first, "second": second, **difference._asdict()})
        figures["pairs"] = pairs
        return figures


def direction(lower_is_better: bool) -> int:
    """What scores are multiplied by, for more to be better."""
    return -1 if lower_is_better else 1


def format_score(score: float) -> str:
    """Four decimals, or as many digits of a score that is not about one."""
    if 0.001 <= abs(score) < 100 or score == 0:
        return f"{score:.4f}"
    return f"{score:.5g}"


def summarise(run_scores: RunScores) -> dict[str, Summary]:
    """Mean, standard deviation and scores of every variant."""
    summaries = {}
    for name, by_seed in run_scores.items():
        scores = list(by_seed.values())
        deviation = None
        if len(scores) > 1:
            deviation = float(np.std(scores, ddof=1))
        summaries[name] = Summary(float(np.mean(scores)), deviation, scores)
    return summaries


def analyse(
    scores: Scores,
    metric_title: str,
    run_scores: RunScores,
    dropped: Mapping[str, float],
    alpha: float = ALPHA,
    objection: str | None = None,
    lower_is_better: bool = False,
) -> Analysis:
    """The comparison with the best, from the scores of the variants that a race did not drop.

    `run_scores` are what is shown of every training. `dropped` has the regret of the variants that
    a race dropped. With an `objection` to a verdict there are summaries only.
    """
    summaries = summarise(run_scores)
    sign = direction(lower_is_better)
    names = sorted(scores.values, key=lambda name: -sign * summaries[name].mean)
    groups = len(set(scores.groups))
    differences: Differences = {}
    best = None
    widened = 1.0
    if len(scores.seeds) >= MIN_SEEDS and objection is None:
        tables = {name: sign * table for name, table in scores.by_group(names).items()}
        differences = pair_differences(tables)
        if groups < ENOUGH_GROUPS:
            widened = widening(tables, differences)
        best = compare_with_best(differences, alpha, len(names) + len(dropped))
        best.regret.update(dropped)
    return Analysis(
        metric_title=metric_title,
        seeds=scores.seeds,
        images=len(scores.images),
        groups=groups,
        variants={name: summaries[name] for name in [*names, *dropped]},
        differences=differences,
        best=best,
        alpha=alpha,
        widened=widened,
        collapsed=collapsed_runs(run_scores, lower_is_better),
        objection=objection,
        lower_is_better=lower_is_better,
    )


def widening(tables: Mapping[str, np.ndarray], differences: Differences) -> float:
    """The median width of intervals, over that with ENOUGH_GROUPS."""
    expected = pair_differences(tables, assumed_groups=ENOUGH_GROUPS)
    ratios = []
    for pair, difference in differences.items():
        other = expected[pair]
        if other.standard_error > 0:
            ratios.append(difference.half_width(0.025) / other.half_width(0.025))
    return float(np.median(ratios or [1.0]))


def collapsed_runs(
    run_scores: RunScores,
    lower_is_better: bool = False,
) -> dict[tuple[str, int], str]:
    """By variant and seed, a sentence on each training that ended far worse than its variant's.

    That is a tenth of their median or more, and ten robust standard deviations of all trainings.
    """
    sign = direction(lower_is_better)
    medians = {}
    gaps = {}
    for name, by_seed in run_scores.items():
        medians[name] = median(by_seed.values())
        for seed, score in by_seed.items():
            gaps[name, seed] = sign * (medians[name] - score)
    deviation = 1.4826 * median(map(abs, gaps.values()))
    collapsed = {}
    for (name, seed), gap in gaps.items():
        usual = medians[name]
        if gap > max(10 * deviation, 0.1 * abs(usual)):
            collapsed[name, seed] = (
                f"{name_run(name, seed)} collapsed: {format_score(run_scores[name][seed])}; "
                f"the median of its seeds is {format_score(usual)}."
            )
    return collapsed
