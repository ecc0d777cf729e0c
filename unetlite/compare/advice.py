"""What to take before anything is trained: by other data sets, and by what operators cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_UP
from functools import cached_property
from typing import Any

from unetlite.compare.across_sets import REFERENCE, Evidence
from unetlite.compare.planning.expectation import expected_bound
from unetlite.judge.across import MIN_SETS, AcrossSets, Effect
from unetlite.judge.analysis import Analysis
from unetlite.judge.verdict import Cost, format_number
from unetlite.settings.composition import compose_run
from unetlite.settings.overrides import select_overrides
from unetlite.wording import counted, join_names

Row = dict[str, str]  # by heading

RACE = (6, 5)
"""Operators and seeds of a race that is taken to say what training would tell."""


@dataclass(frozen=True)
class Advice:
    """The operators that other sets and the costs speak of."""

    evidence: Evidence
    cost: Cost  # by operator
    margin: float | None  # of mean IoU, to trade for a cheaper one

    @cached_property
    def model(self) -> AcrossSets:
        """What the sets say of another one."""
        return self.evidence.model()

    @cached_property
    def effects(self) -> dict[str, Effect]:
        """The differences to REFERENCE, of the operators with a cost."""
        effects = self.model.effects()
        return {name: effect for name, effect in effects.items() if name in self.cost.values}

    @cached_property
    def bounds(self) -> dict[str, float]:
        """How far below the best each is on a new set, at most; the safest first."""
        bounds = self.model.regret_bounds()
        names = sorted(self.cost.values.keys() & bounds.keys(), key=bounds.__getitem__)
        return {name: bounds[name] for name in names}

    @property
    def chosen(self) -> str:
        """The cheapest within the margin; without a margin, or if none is, the safest."""
        within = []
        if self.margin is not None:
            within = [name for name, bound in self.bounds.items() if bound <= self.margin]
        if within:
            return self.cost.cheapest(within)
        return next(iter(self.bounds))

    def sentences(self, groups: int | None) -> list[str]:
        """What to take, what it may lose, and what training would tell.

        `groups` are those of the folder's test images, None if there is no folder.
        """
        sets = len(self.evidence.sets)
        count = len(self.model.differences.variants)
        sentences = [
            f"Take {self.bound_text(self.chosen)} the best of {count} operators in mean IoU on a "
            f"new data set (95 %, from {sets} sets)."
        ]
        cheapest = self.cost.cheapest(self.bounds)
        if cheapest != self.chosen:
            sentences.append(f"The fastest: {self.bound_text(cheapest)} the best.")
        sentences.append(self.direction_sentence())
        sentences.append(self.training_sentence(groups))
        return sentences

    def bound_text(self, name: str) -> str:
        """Such as "separable (31 ms): at most 0.012 below"."""
        bound = self.bounds[name]
        below = "not below" if bound == 0 else f"at most {format_number(bound, ROUND_UP)} below"
        return f"{name} ({self.cost.format(name)}): {below}"

    def direction_sentence(self) -> str:
        """Which operators are likely better or worse than REFERENCE on a new set."""
        better = [name for name, effect in self.effects.items() if effect.new_low > 0]
        worse = [name for name, effect in self.effects.items() if effect.new_high < 0]
        if not better and not worse:
            return (
                f"The sets do not say which is better than {REFERENCE} on a new one: every "
                "prediction interval holds 0."
            )
        parts = []
        if better:
            parts.append(f"better than {REFERENCE}: {join_names(better)}")
        if worse:
            parts.append(f"worse than {REFERENCE}: {join_names(worse)}")
        return f"To be expected on a new set (95 % each), {'; '.join(parts)}."

    def training_sentence(self, groups: int | None) -> str:
        """What bound a race can expect, and whether that is less."""
        operators, seeds = RACE
        bound = expected_bound(operators, operators, seeds, groups or 30, 1.0)
        text = f"{operators} operators, {seeds} seeds, on typical data"
        if groups is not None:
            text += f" with {counted(groups, 'group')} of test images"
        command = "unetlite choose DIR"
        if bound >= self.bounds[self.chosen]:
            return (
                f"Training would hardly tell more: {command} can expect a bound of "
                f"{format_number(bound)} ({text})."
            )
        return (
            f"Training tells more: {command} can expect a bound of {format_number(bound)} ({text})."
        )

    def rows(self) -> list[Row]:
        """A row for every operator, the safest first; differences times 100."""
        rows = []
        for name, bound in self.bounds.items():
            row = {"operator": name, self.cost.unit: format_number(self.cost.values[name])}
            mean, new = "0", ""
            if name in self.effects:
                effect = self.effects[name]
                mean = f"{100 * effect.mean:+.1f} ({format_range(effect.low, effect.high)})"
                new = format_range(effect.new_low, effect.new_high)
            row[f"less {REFERENCE}"] = mean
            row["on a new set"] = new
            row["below the best"] = format_number(100 * bound, ROUND_UP)
            rows.append(row)
        return rows


def format_range(low: float, high: float) -> str:
    """An interval times 100."""
    return f"{100 * low:+.1f} to {100 * high:+.1f}"


def first_advice(evidence: Evidence, overrides: Sequence[str]) -> list[str]:
    """What other sets say before a race, in two lines; none if its network is not theirs."""
    settings = compose_run(select_overrides(overrides, "model"))
    if not covers_network(evidence, asdict(settings.model)):
        return []
    bounds = evidence.model().regret_bounds()
    safest = min(bounds, key=bounds.__getitem__)
    below = format_number(bounds[safest], ROUND_UP)
    widest = format_number(max(bounds.values()), ROUND_UP)
    return [
        f"advice   on a new data set {safest} is at most {below} below the best, and any of",
        f"         {len(bounds)} operators {widest} (95 %, from {len(evidence.sets)} sets: "
        "unetlite advise)",
    ]


def too_few_sets(evidence: Evidence, command: str) -> str:
    """Why there is no advice but the costs, and what to do: a command that trains."""
    sets = counted(len(evidence.sets), "data set")
    return (
        f"That is what they cost. Which upsampling is the most accurate on a new data set is not "
        f"known: the package has scores of {sets}, and {MIN_SETS} are needed to say. Train on "
        f"yours: {command}"
    )


def covers_network(evidence: Evidence, model: Mapping[str, Any]) -> bool:
    """True if there are enough sets, and a network (a group `model`) is theirs."""
    if not evidence.is_enough:
        return False
    of_evidence = asdict(compose_run(evidence.provenance["settings"]).model)
    # A stored configuration has lists for tuples.
    return json.loads(json.dumps(of_evidence)) == json.loads(json.dumps(dict(model)))


def prediction_sentences(analysis: Analysis, evidence: Evidence) -> list[str]:
    """Whether a folder was as other sets predicted, in a sentence or none.

    A difference that was measured has its own noise, which widens its interval.
    """
    model = evidence.model()
    measured = []
    outside = []
    for position, name in enumerate(model.differences.variants):
        if (name, REFERENCE) not in analysis.differences:
            continue
        measured.append(name)
        difference = analysis.differences[name, REFERENCE]
        low, high = model.predict(difference.standard_error**2)
        if not low[position] <= difference.mean <= high[position]:
            outside.append(
                f"{name} less {REFERENCE} is {difference.mean:+.4f}, and was predicted from "
                f"{low[position]:+.4f} to {high[position]:+.4f}"
            )
    if not measured:
        return []
    sets = len(evidence.sets)
    if outside:
        return [f"Not as {sets} other data sets predict: {'; '.join(outside)} (95 % each)."]
    names = join_names(measured)
    return [
        f"As {sets} other data sets predict: the differences of {names} to {REFERENCE} are within "
        "their 95 % prediction intervals."
    ]
