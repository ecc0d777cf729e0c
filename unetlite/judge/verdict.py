"""The verdict in sentences: what to choose, what it costs, and what it can lose at most."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context

from unetlite.judge.analysis import ENOUGH_GROUPS, MIN_SEEDS, Analysis, format_score
from unetlite.judge.best import Best, variant_names
from unetlite.judge.equivalence import equivalence_margin, equivalence_margin_without_one
from unetlite.wording import capitalised, counted, join_names


@dataclass(frozen=True)
class Cost:
    """What decides between variants that may be equally good."""

    values: Mapping[str, float]  # by variant
    unit: str  # such as "ms"
    superlative: str  # of the cheapest variant, such as "the fastest"
    unit_first: bool = False  # the unit is a name, such as that of a column
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # if measured again

    def cheapest(self, names: Iterable[str]) -> str:
        """The first of the cheapest variants."""
        return min(names, key=self.values.__getitem__)

    def format(self, name: str) -> str:
        """Such as "12 ms"."""
        number = format_number(self.values[name])
        if self.unit_first:
            return f"{self.unit} {number}"
        return f"{number} {self.unit}"

    def alike(self, name: str) -> list[str]:
        """The other variants whose value is in the range of this one, and the other way round."""
        return [
            other
            for other in self.ranges
            if other != name and self._is_within(other, name) and self._is_within(name, other)
        ]

    def _is_within(self, name: str, other: str) -> bool:
        """True if the value of a variant is in the range of another one."""
        if other not in self.ranges:
            return False
        low, high = self.ranges[other]
        return low <= self.values[name] <= high


def choose_variant(best: Best, cost: Cost | None, margin: float | None) -> str:
    """The best if one is shown to be, else the cheapest within the margin, else the safest."""
    safest = min(best.regret, key=best.regret.__getitem__)
    if margin is None or cost is None or len(best.candidates) == 1:
        return safest
    return cost.cheapest(within_margin(best, margin) or [safest])


def within_margin(best: Best, margin: float) -> list[str]:
    """The variants whose regret is at most the margin."""
    return [name for name, regret in best.regret.items() if regret <= margin]


def verdicts(
    analysis: Analysis,
    cost: Cost | None,
    margin: float | None,
    collapsed: Iterable[tuple[str, int]],
    analyse_without: Callable[[list[int]], Analysis],
) -> list[str]:
    """What to choose; if trainings (variant, seed) collapsed, also without their seeds."""
    text = verdict(analysis, cost, margin)
    seeds = sorted({seed for _, seed in collapsed})
    if analysis.objection is not None or not seeds or len(seeds) == len(analysis.seeds):
        return [text]
    excluded = join_names([str(seed) for seed in seeds])
    return [
        f"With every training: {text}",
        f"Without seed {excluded}: {verdict(analyse_without(seeds), cost, margin)}",
    ]


def verdict(analysis: Analysis, cost: Cost | None, margin: float | None) -> str:
    """What to do, in sentences. All numbers hold at once with a confidence of 1 - alpha."""
    best = analysis.best
    if analysis.objection is not None:
        return analysis.objection
    if best is None:
        return too_few_seeds(len(analysis.seeds))
    sentences = [choice(analysis, best, cost, margin)]
    if cost is not None:
        sentences += alike_sentences(cost, choose_variant(best, cost, margin), analysis.variants)
    return " ".join(sentences)


def choice(
    analysis: Analysis,
    best: Best,
    cost: Cost | None,
    margin: float | None,
) -> str:
    """What to choose, and why."""
    if len(best.candidates) == 1:
        return sole_winner(analysis, best, cost)
    if margin is not None and min(best.regret.values()) <= margin:
        return choice_within_margin(analysis, best, cost, margin)
    text = several_candidates(analysis, best, cost)
    if margin is None:
        return text
    return (
        f"None is shown to be within the margin of {format_number(margin)}; more seeds would "
        f"narrow the bounds. {text}"
    )


def choice_within_margin(
    analysis: Analysis,
    best: Best,
    cost: Cost | None,
    margin: float,
) -> str:
    """The cheapest variant within the margin; without costs the safest, and which others are."""
    chosen = choose_variant(best, cost, margin)
    bound = (
        f"at most {format_number(best.regret[chosen], ROUND_UP)} {analysis.worse} the best in "
        f"{analysis.metric_title} {basis(analysis)}."
    )
    if cost is None:
        text = f"Choose {chosen}: it is {bound}"
        others = [name for name in within_margin(best, margin) if name != chosen]
        if others:
            text += f" Also within the margin of {format_number(margin)}: {join_names(others)}."
        return text
    reason = cost.superlative
    if chosen != cost.cheapest(analysis.variants):
        reason += f" within the margin of {format_number(margin)}"
    return f"Choose {chosen}: it is {reason} ({cost.format(chosen)}), and {bound}"


def too_few_seeds(seeds: int) -> str:
    """Why there is no verdict, and what gives one."""
    return (
        f"No verdict: the variants share {counted(seeds, 'seed')}, too few to tell a better "
        f"variant from a lucky training. A verdict takes {MIN_SEEDS} seeds; five are better. "
        "Train each of them with the same settings and more seeds, such as seed=0,1,2,3,4."
    )


def sole_winner(analysis: Analysis, best: Best, cost: Cost | None) -> str:
    """One candidate is left."""
    winner = best.candidates[0]
    lead = format_number(best.lead[winner], ROUND_DOWN)
    mean = format_score(analysis.variants[winner].mean)
    text = (
        f"Choose {winner}: in {analysis.metric_title} ({mean}) it is better than every other, "
        f"by at least {lead} {basis(analysis)}."
    )
    if cost is None:
        return text
    cheapest = cost.cheapest(analysis.variants)
    if cheapest == winner:
        return f"{text} It is also {cost.superlative}, {cost.format(winner)}."
    bound = limit_of_loss(analysis, best, cost, cheapest)
    return f"{text} It takes {cost.format(winner)}; {cost.superlative}, {bound}."


def several_candidates(analysis: Analysis, best: Best, cost: Cost | None) -> str:
    """What to take when several may be the best: the safest variant, and what it can lose."""
    safest = choose_variant(best, cost, None)
    bound = (
        f"at most {format_number(best.regret[safest], ROUND_UP)} {analysis.worse} the best in "
        f"{analysis.metric_title} {basis(analysis)}."
    )
    candidates = candidates_sentence(analysis, best)
    if cost is None:
        return f"Take {safest}: it can lose least, {bound} {candidates}"
    cheapest = cost.cheapest(analysis.variants)
    if safest == cheapest:
        reason = f"{cost.superlative} ({cost.format(safest)}), and {bound}"
        return f"Take {safest}: it is {reason} {candidates}"
    if safest == cost.cheapest(best.candidates):
        reason = f"{cost.superlative} of those that may be the best ({cost.format(safest)})"
        text = f"Take {safest}: it is {reason}, and {bound}"
    else:
        text = f"Take {safest} ({cost.format(safest)}): it can lose least, {bound}"
    fastest = f"{capitalised(cost.superlative)}, {limit_of_loss(analysis, best, cost, cheapest)}."
    return f"{text} {fastest} {candidates}"


def alike_sentences(cost: Cost, chosen: str, variants: Iterable[str]) -> list[str]:
    """Which variants cost about as much as the chosen one, in a sentence or none."""
    alike = [f"{name} ({cost.format(name)})" for name in cost.alike(chosen) if name in variants]
    if not alike:
        return []
    verb = "are" if len(alike) > 1 else "is"
    return [
        f"About as fast as {chosen} {verb} {join_names(alike)}: each median is in the range of the "
        "other's rounds."
    ]


def candidates_sentence(analysis: Analysis, best: Best) -> str:
    """Which variants may be the best."""
    count = len(analysis.variants)
    if len(best.candidates) < count:
        return f"The best may be {join_names(best.candidates, 'or')}."
    if count == 2:
        return "Either may be the best."
    return f"Each of the {count} may be the best."


def equivalence(analysis: Analysis) -> list[str]:
    """How much any two variants differ at most, in a sentence; none if one is shown to be the best.

    It is a statement of its own, with the same confidence as the bounds. Variants that a race
    dropped are not in it.
    """
    best = analysis.best
    if best is None or len(best.candidates) == 1:
        return []
    margin = equivalence_margin(analysis.differences, analysis.alpha)
    racing = variant_names(analysis.differences)
    pairs = "any two"
    if len(racing) < len(analysis.variants):
        pairs = "any two of those in the race"
    within = f"{pairs} differ by at most {format_number(margin, ROUND_UP)}"
    if len(racing) > 2:
        name, smaller = equivalence_margin_without_one(analysis.differences, analysis.alpha)
        if smaller < margin / 2:
            without = f"without {name} any two differ by at most {format_number(smaller, ROUND_UP)}"
            within = f"{without}, with it {within}"
    return [f"Equivalence (TOST), a test of its own: {within} in {analysis.metric_title}."]


def basis(analysis: Analysis) -> str:
    """The data behind a statement, in parentheses."""
    text = f"{len(analysis.seeds)} seeds"
    if analysis.images > 1:
        text += f", {analysis.images} test images"
    if analysis.groups < analysis.images:
        text += f" in {analysis.groups} groups"
    return f"({text})"


def limit_of_loss(
    analysis: Analysis,
    best: Best,
    cost: Cost | None,
    name: str,
) -> str:
    """Such as "zeros (12 ms), is at most 0.002 below the best"."""
    price = "" if cost is None else f" ({cost.format(name)})"
    regret = format_number(best.regret[name], ROUND_UP)
    return f"{name}{price}, is at most {regret} {analysis.worse} the best"


def group_cautions(analysis: Analysis) -> list[str]:
    """What few groups of test images do to the bounds, in a sentence or none."""
    if analysis.images == 1:
        return [
            "Each training has a single score, so the bounds are over trainings: they hold for "
            "these test images, and not for others."
        ]
    if analysis.groups == 1:
        return ["All test images are of one group: the bounds hold for it, and not for others."]
    if analysis.best is None or analysis.widened <= 1.05:
        return []
    return [
        f"The test images come from {analysis.groups} groups only. With {ENOUGH_GROUPS} the "
        f"bounds would be about {1 / analysis.widened:.0%} as wide."
    ]


def format_number(number: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Two significant digits, no exponent. Round an upper bound up, and a lower bound down."""
    context = Context(prec=2, rounding=rounding)
    rounded = context.create_decimal(repr(float(number)))
    return f"{rounded.normalize():f}"
