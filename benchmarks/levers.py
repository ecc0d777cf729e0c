"""What intervals of levers are worth: python benchmarks/levers.py [ROUNDS]

Simulates levers with known effects, measured by two trainings each. If none is shown to gain, the
best and the base have more of them, as before a race. It counts how often all of
their intervals hold at once, and how often a lever without effect, or with a loss, is adopted. Then
a race of six equal operators follows, on other seeds and images, in the network with what was
adopted: how often it loses an operator that is as good as any. A rate p of R rounds has a Monte
Carlo error of sqrt(p (1 - p) / R), given beside it.
"""

import sys
from typing import NamedTuple

import numpy as np

from unetlite.judge.levers import lever_effects
from unetlite.judge.scores import Scores
from unetlite.judge.sequential import INTERIMS, decide, interim_alphas

EFFECTS = (0.03, 0.01, 0.0, 0.0, 0.0, -0.01, -0.03)
SEEDS = 2
MORE_SEEDS = 2  # of the base and the best lever, if there is time for as many
OPERATORS = 6


class Noise(NamedTuple):
    """Standard deviations of mean IoU, as in unetlite/compare/planning/expectation.py."""

    seed: float  # of a training
    group: float  # of a lever or an operator in a group of images
    residual: float  # of a training in a group of images


NUCLEI = Noise(0.0081, 0.0125, 0.03)
COAST = Noise(0.0009, 0.0010, 0.0023)

CASES = {
    "nuclei, 80 images": (NUCLEI, 80, {}),
    "nuclei, 18 images": (NUCLEI, 18, {}),
    "coast, 13 groups": (COAST, 13, {}),
    "nuclei, 80 images, one lever with 9 times the variance": (NUCLEI, 80, {1: 3.0}),
    "nuclei, 80 images, two levers with a quarter": (NUCLEI, 80, {1: 0.5, 2: 0.5}),
    "nuclei, 80 images, the base with 4 times": (NUCLEI, 80, {0: 2.0}),
}
"""Noise, groups, and factors on the deviation of trainings by position; the base is 0."""


def draw(random, means, seeds, groups, noise, factors):
    """Scores (S, G) by name, the base or the first operator being "0"."""
    count = len(means)
    deviation = np.full((count, 1, 1), noise.seed)
    for position, factor in factors.items():
        deviation[position] *= factor
    scores = np.asarray(means)[:, None, None] + deviation * random.normal(size=(count, seeds, 1))
    scores = scores + noise.group * random.normal(size=(count, 1, groups))
    scores = scores + noise.residual * random.normal(size=(count, seeds, groups))
    return {str(number): table for number, table in enumerate(scores)}


def race_is_wrong(random, gain, groups, noise):
    """True if a race of operators that are all equal ever loses the first."""
    tables = draw(random, [gain] * OPERATORS, max(INTERIMS), groups, noise, {})
    images = [str(number) for number in range(groups)]
    for seeds, alpha in interim_alphas(max(INTERIMS)).items():
        values = {name: table[:seeds] for name, table in tables.items()}
        scores = Scores(values, list(range(seeds)), images, images)
        decision = decide(scores, alpha, OPERATORS, None, last=seeds == max(INTERIMS))
        if "0" not in decision.candidates:
            return True
        if decision.ended is not None:
            return False
        tables = {name: tables[name] for name in decision.candidates}
    return False


def measure(tables):
    """The effects of levers beside the base "0", as a race measures them."""
    effects = lever_effects({name: table[:SEEDS] for name, table in tables.items()}, "0")
    best = max(effects, key=lambda name: effects[name].mean)
    if effects[best].mean > 0 and not any(effect.gains for effect in effects.values()):
        repeated = {name: tables[name] for name in ("0", best)}
        effects.update(lever_effects(repeated, "0", tried=len(effects)))
    return effects


def percent(rate, rounds):
    return f"{100 * rate:.1f} ± {100 * np.sqrt(rate * (1 - rate) / rounds):.1f} %"


def simulate(random, rounds, noise, groups, factors):
    """Rates: all intervals hold; each holds; a lever without a gain is adopted; the race errs.

    And the mean half width of an interval, and how often the best lever is adopted.
    """
    means = [0.0, *EFFECTS]
    counts = np.zeros(6)
    for _ in range(rounds):
        tables = draw(random, means, SEEDS + MORE_SEEDS, groups, noise, factors)
        effects = measure(tables)
        holds = [effect.low <= means[int(name)] <= effect.high for name, effect in effects.items()]
        adopted = [int(name) for name, effect in effects.items() if effect.low > 0]
        gain = sum(means[number] for number in adopted)
        counts += (
            all(holds),
            np.mean(holds),
            any(means[number] <= 0 for number in adopted),
            race_is_wrong(random, gain, groups, noise),
            np.mean([(effect.high - effect.low) / 2 for effect in effects.values()]),
            1 in adopted,
        )
    return counts / rounds


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    random = np.random.default_rng(0)
    print(
        "| noise | all intervals hold | one holds | adopted without a gain | race loses a best | "
        "half width | +0.03 is adopted |\n|---|---|---|---|---|---|---|"
    )
    for title, (noise, groups, factors) in CASES.items():
        together, each, wrong, race, width, found = simulate(
            random,
            rounds,
            noise,
            groups,
            factors,
        )
        rates = [percent(rate, rounds) for rate in (together, each, wrong, race)]
        cells = [title, *rates, f"{width:.4f}", percent(found, rounds)]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
