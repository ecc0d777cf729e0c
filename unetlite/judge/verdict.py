"""The verdict in sentences: what to choose, what it costs, and what it can lose at most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context

from unetlite.judge.analysis import FEWEST_SEEDS, Analysis
from unetlite.judge.best import Best, variant_names
from unetlite.judge.equivalence import equivalence_margin, equivalence_margin_without_one


@dataclass(frozen=True)
class Cost:
    """What decides between variants that may be equally good."""

    values: Mapping[str, float]  # by variant
    unit: str  # such as "ms"
    superlative: str  # of the cheapest variant, such as "the fastest"

    def cheapest(self, names: Iterable[str]) -> str:
        """The first of the cheapest variants."""
        return min(names, key=self.values.__getitem__)

    def format(self, name: str) -> str:
        """Such as "12 ms"."""
        return f"{format_number(self.values[name])} {self.unit}"


def choose_variant(best: Best, cost: Cost, margin: float | None) -> str:
    """The best if one is shown to be, else the cheapest within the margin, else the safest."""
    safest = min(best.regret, key=best.regret.__getitem__)
    if margin is None or len(best.candidates) == 1:
        return safest
    within = [name for name, regret in best.regret.items() if regret <= margin]
    return cost.cheapest(within or [safest])


def verdict(analysis: Analysis, cost: Cost, margin: float | None) -> str:
    """What to do, in sentences. All numbers hold at once with a confidence of 1 - alpha.

    The equivalence margin is a statement of its own, with the same confidence.
    """
    best = analysis.best
    if analysis.objection is not None:
        return analysis.objection
    if best is None:
        return too_few_seeds(len(analysis.seeds))
    if len(best.candidates) == 1:
        return sole_winner(analysis, best, cost)
    chosen = choose_variant(best, cost, margin)
    if margin is not None and best.regret[chosen] <= margin:
        reason = cost.superlative
        if chosen != cost.cheapest(analysis.variants):
            reason += f" within the margin of {format_number(margin)}"
        regret = format_number(best.regret[chosen], ROUND_UP)
        return (
            f"Choose {chosen}: it is {reason} ({cost.format(chosen)}), and at most {regret} below "
            f"the best in {analysis.metric_title} {basis(analysis)}."
        )
    text = f"{several_candidates(analysis, best, cost)} {equivalence(analysis)}"
    if margin is None:
        return text
    return (
        f"None is shown to be within the margin of {format_number(margin)}; more seeds would "
        f"narrow the bounds. {text}"
    )


def too_few_seeds(seeds: int) -> str:
    """Why there is no verdict, and what gives one."""
    plural = "s" if seeds > 1 else ""
    return (
        f"No verdict: the variants share {seeds} seed{plural}, too few to tell a better variant "
        f"from a lucky training. A verdict takes {FEWEST_SEEDS} seeds; five are better. "
        "Train more with the same settings and seed=0,1,2,3,4."
    )


def sole_winner(analysis: Analysis, best: Best, cost: Cost) -> str:
    """One candidate is left."""
    winner = best.candidates[0]
    cheapest = cost.cheapest(analysis.variants)
    lead = format_number(best.lead[winner], ROUND_DOWN)
    text = (
        f"Choose {winner}: in {analysis.metric_title} ({analysis.variants[winner].mean:.4f}) it is "
        f"better than every other, by at least {lead} {basis(analysis)}."
    )
    if cheapest == winner:
        return f"{text} It is also {cost.superlative}, {cost.format(winner)}."
    return (
        f"{text} It takes {cost.format(winner)}; {cost.superlative}, {loss(best, cost, cheapest)}."
    )


def several_candidates(analysis: Analysis, best: Best, cost: Cost) -> str:
    """The candidates, and what the cheapest and the safest variant can lose."""
    names = list(analysis.variants)
    candidates = "each of them"
    if len(best.candidates) < len(names):
        candidates = "one of " + join_names(best.candidates, "or")
    elif len(names) == 2:
        candidates = "either"
    cheapest = cost.cheapest(names)
    superlative = cost.superlative[0].upper() + cost.superlative[1:]
    text = (
        f"In {analysis.metric_title} {candidates} may be the best {basis(analysis)}. "
        f"{superlative}, {loss(best, cost, cheapest)}."
    )
    safest = min(names, key=best.regret.__getitem__)
    if safest != cheapest:
        text += f" The safest, {loss(best, cost, safest)}."
    return text


def equivalence(analysis: Analysis) -> str:
    """The margin within which all variants, or all but one, are equal; without dropped ones."""
    margin = equivalence_margin(analysis.differences, analysis.alpha)
    racing = variant_names(analysis.differences)
    everyone = "all"
    if len(racing) < len(analysis.variants):
        everyone = "all in the race"
    within = f"{everyone} within {format_number(margin, ROUND_UP)}"
    if len(racing) > 2:
        name, least = equivalence_margin_without_one(analysis.differences, analysis.alpha)
        if least < margin / 2:
            within = f"{everyone} but {name} within {format_number(least, ROUND_UP)}, {within}"
    return f"Equivalence (TOST): {within}."


def basis(analysis: Analysis) -> str:
    """The data behind a statement, in parentheses."""
    text = f"{len(analysis.seeds)} seeds, {analysis.images} test images"
    if analysis.groups < analysis.images:
        text += f" in {analysis.groups} groups"
    return f"({text})"


def loss(best: Best, cost: Cost, name: str) -> str:
    """Such as "zeros (12 ms), is at most 0.002 below the best"."""
    regret = format_number(best.regret[name], ROUND_UP)
    return f"{name} ({cost.format(name)}), is at most {regret} below the best"


def format_number(number: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Two significant digits, no exponent. Round an upper bound up, and a lower bound down."""
    context = Context(prec=2, rounding=rounding)
    rounded = context.create_decimal(repr(float(number)))
    return f"{rounded.normalize():f}"


def join_names(names: Sequence[str], word: str = "and") -> str:
    """Names in a sentence: "a, b and c"."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
