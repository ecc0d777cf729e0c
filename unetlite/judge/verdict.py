"""The verdict in sentences: what to choose, what it costs, and what it can lose at most."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context

from unetlite.judge.analysis import ENOUGH_GROUPS, MIN_SEEDS, Analysis, format_score
from unetlite.judge.best import Best, variant_names
from unetlite.judge.equivalence import equivalence_margin, equivalence_margin_without_one
from unetlite.judge.statistics import Differences
from unetlite.wording import capitalised, counted, join_names

AnalyseWithout = Callable[[Collection[str], Collection[int]], Analysis]
"""The analysis without variants and without seeds."""

WIDENED = 1.05  # by few groups: less is not worth a sentence
SAME_BOUND = 0.5  # standard errors of a difference: bounds that differ by less are about equal


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


def choose_variant(analysis: Analysis, cost: Cost | None, margin: float | None) -> str | None:
    """The best if one is shown to be, else the cheapest within the margin.

    Else it is the safest, or the cheapest of `about_as_safe`. None without a verdict.
    """
    best = analysis.best
    if best is None:
        return None
    safest = safest_variant(best)
    if cost is None or len(best.candidates) == 1:
        return safest
    if margin is not None:
        within = within_margin(best, margin)
        if within:
            return cost.cheapest(within)
    chosen = cost.cheapest([safest, *about_as_safe(best, analysis.differences)])
    return safest if chosen in cost.alike(safest) else chosen


def safest_variant(best: Best) -> str:
    """The variant with the lowest max regret."""
    return min(best.regret, key=best.regret.__getitem__)


def about_as_safe(best: Best, differences: Differences) -> list[str]:
    """The candidates whose max regret is about that of the safest variant.

    It is larger by less than SAME_BOUND standard errors of the difference of both variants.
    """
    safest = safest_variant(best)
    names = []
    for name in best.candidates:
        if name == safest or (name, safest) not in differences:
            continue
        excess = best.regret[name] - best.regret[safest]
        if excess < SAME_BOUND * differences[name, safest].standard_error:
            names.append(name)
    return names


def within_margin(best: Best, margin: float) -> list[str]:
    """The variants whose regret is at most the margin."""
    return [name for name, regret in best.regret.items() if regret <= margin]


def without_collapsed(with_all: Analysis, analyse_without: AnalyseWithout) -> Analysis:
    """The analysis that decides: of the variants of which no training collapsed.

    Variances are estimated from all variants, so one collapse widens the bounds of all. Variants
    that collapsed keep their scores, and have no bound. It is `with_all` itself if nothing
    collapsed, or if fewer than two variants would be left.
    """
    judged = variant_names(with_all.differences)  # none without a verdict
    collapsed = {name for name, _ in with_all.collapsed if name in judged}
    if not collapsed or len(judged) - len(collapsed) < 2:
        return with_all
    steady = analyse_without(collapsed, [])
    if steady.best is None:
        return with_all
    return replace(steady, variants=with_all.variants, collapsed=with_all.collapsed)


def verdicts(
    analysis: Analysis,
    with_all: Analysis,
    cost: Cost | None,
    margin: float | None,
    analyse_without: AnalyseWithout,
) -> list[str]:
    """What to choose, in sentences. `analysis` is that of `without_collapsed`.

    If trainings collapsed, it is also what holds with all of them; if fewer than two variants are
    steady, also what holds without their seeds.
    """
    text = verdict(analysis, cost, margin)
    if analysis is not with_all:
        excluded = join_names(analysis.without_bound)
        return [f"Without {excluded}: {text}", *with_collapsed(analysis, with_all, cost, margin)]
    seeds = {seed for _, seed in analysis.collapsed}
    if not seeds or analysis.best is None or len(analysis.seeds) - len(seeds) < MIN_SEEDS:
        return [text]
    excluded = join_names([str(seed) for seed in sorted(seeds)])
    return [
        f"With every training: {text}",
        f"Without seed {excluded}: {verdict(analyse_without([], seeds), cost, margin)}",
    ]


def with_collapsed(
    analysis: Analysis,
    with_all: Analysis,
    cost: Cost | None,
    margin: float | None,
) -> list[str]:
    """The bound of the choice if the variants that collapsed count, too; in a sentence or none."""
    chosen = choose_variant(analysis, cost, margin)
    if chosen is None or with_all.best is None:
        return []
    bound = format_number(with_all.best.regret[chosen], ROUND_UP)
    return [
        f"With every training all bounds are wider: {chosen} is at most {bound} {analysis.worse} "
        "the best."
    ]


def verdict(analysis: Analysis, cost: Cost | None, margin: float | None) -> str:
    """What to do, in sentences. All numbers hold at once with a confidence of 1 - alpha."""
    if analysis.objection is not None:
        return analysis.objection
    chosen = choose_variant(analysis, cost, margin)
    if analysis.best is None or chosen is None:
        return too_few_seeds(len(analysis.seeds))
    text = choice(analysis, analysis.best, chosen, cost, margin)
    if cost is None:
        return text
    return " ".join([text, *alike_sentences(cost, chosen, analysis.best.regret)])


def choice(
    analysis: Analysis,
    best: Best,
    chosen: str,
    cost: Cost | None,
    margin: float | None,
) -> str:
    """What to choose, and why."""
    if len(best.candidates) == 1:
        return sole_winner(analysis, best, cost)
    if margin is not None and min(best.regret.values()) <= margin:
        return choice_within_margin(analysis, best, chosen, cost, margin)
    text = several_candidates(analysis, best, chosen, cost)
    if margin is None:
        return text
    return (
        f"None is shown to be within the margin of {format_number(margin)}; more seeds would "
        f"narrow the bounds. {text}"
    )


def choice_within_margin(
    analysis: Analysis,
    best: Best,
    chosen: str,
    cost: Cost | None,
    margin: float,
) -> str:
    """The cheapest variant within the margin; without costs the safest, and which others are."""
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
    if chosen != cost.cheapest(best.regret):
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
    cheapest = cost.cheapest(best.regret)
    if cheapest == winner:
        return f"{text} It is also {cost.superlative}, {cost.format(winner)}."
    bound = limit_of_loss(analysis, best, cost, cheapest)
    return f"{text} It takes {cost.format(winner)}; {cost.superlative}, {bound}."


def several_candidates(
    analysis: Analysis,
    best: Best,
    chosen: str,
    cost: Cost | None,
) -> str:
    """What to take when several may be the best, and what it can lose.

    It is the safest variant, or a cheaper one that is about as safe.
    """
    bound = (
        f"at most {format_number(best.regret[chosen], ROUND_UP)} {analysis.worse} the best in "
        f"{analysis.metric_title} {basis(analysis)}."
    )
    candidates = candidates_sentence(best)
    if cost is None:
        return f"Take {chosen}: it can lose least, {bound} {candidates}"
    cheapest = cost.cheapest(best.regret)
    safest = safest_variant(best)
    if chosen == cheapest:
        text = f"Take {chosen}: it is {cost.superlative} ({cost.format(chosen)}), and {bound}"
    elif chosen == cost.cheapest(best.candidates):
        reason = f"{cost.superlative} of those that may be the best ({cost.format(chosen)})"
        text = f"Take {chosen}: it is {reason}, and {bound}"
    elif chosen == safest:
        text = f"Take {chosen} ({cost.format(chosen)}): it can lose least, {bound}"
    else:
        text = f"Take {chosen} ({cost.format(chosen)}): it is {bound}"
    if chosen != safest:
        text += f" {tie_sentence(analysis, best, cost, chosen)}"
    if cheapest not in (chosen, safest):
        limit = limit_of_loss(analysis, best, cost, cheapest)
        text += f" {capitalised(cost.superlative)}, {limit}."
    return f"{text} {candidates}"


def tie_sentence(analysis: Analysis, best: Best, cost: Cost, chosen: str) -> str:
    """Why a cheaper variant is taken than the safest one."""
    safest = safest_variant(best)
    error = format_number(analysis.differences[chosen, safest].standard_error)
    bound = format_number(best.regret[safest], ROUND_UP)
    return (
        f"The bound of {safest} ({cost.format(safest)}), {bound}, is about equal: it is lower by "
        f"less than half the standard error ({error}) of the difference of the two, so the cheaper "
        "one is taken."
    )


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


def candidates_sentence(best: Best) -> str:
    """Which variants may be the best."""
    count = len(best.regret)
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
    if len(racing) < len(best.regret):
        pairs = "any two of those in the race"
    elif analysis.without_bound:
        pairs = "any two that did not collapse"
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
    cost: Cost,
    name: str,
) -> str:
    """Such as "zeros (12 ms), is at most 0.002 below the best"."""
    regret = format_number(best.regret[name], ROUND_UP)
    return f"{name} ({cost.format(name)}), is at most {regret} {analysis.worse} the best"


def group_cautions(analysis: Analysis) -> list[str]:
    """What few groups of test images do to the bounds, in a sentence or none."""
    if analysis.images == 1:
        return [
            "Each training has a single score, so the bounds are over trainings: they hold for "
            "these test images, and not for others."
        ]
    if analysis.groups == 1:
        return ["All test images are of one group: the bounds hold for it, and not for others."]
    narrower = ""
    if analysis.best is not None and analysis.widened > WIDENED:
        narrower = (
            f" With {ENOUGH_GROUPS} the bounds would be about {1 / analysis.widened:.0%} as wide."
        )
    if analysis.groups > 2 and not narrower:
        return []
    text = f"The test images come from {analysis.groups} groups only."
    if analysis.groups == analysis.images:
        text = f"There are {analysis.images} test images only."
    if analysis.groups == 2:
        text += (
            " How much others differ from them is estimated from one difference, so whether the "
            "result holds for others is hardly known."
        )
    return [text + narrower]


def format_number(number: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Two significant digits, no exponent. Round an upper bound up, and a lower bound down."""
    context = Context(prec=2, rounding=rounding)
    rounded = context.create_decimal(repr(float(number)))
    return f"{rounded.normalize():f}"
