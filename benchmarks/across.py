"""How often the intervals over data sets hold: 95 % is meant.

    python benchmarks/across.py [--rounds 2000]

Ten variants on 4, 6 or 10 sets. On a set, a difference is measured with a standard deviation of
0.3 points of the score, or one that varies from set to set by a factor of e; it is estimated with
20 degrees of freedom. Variants differ from set to set by tau: the same for all, or by a factor of
up to six. The columns: tau in points, its kind, that of the noise; the interval of the mean; the
prediction interval of a new set, and that of the worst variant; the bound of regret on a new set.
"""

import argparse
from typing import NamedTuple

import numpy as np

from unetlite.judge.across import DifferencesBySet, across_sets

VARIANTS = 10
NOISE = 0.003
DF = 20
TAUS = (0.0, 0.002, 0.01)


class Case(NamedTuple):
    """What is simulated."""

    sets: int
    tau: float
    unequal_tau: bool
    unequal_noise: bool


def list_cases() -> list[Case]:
    """All cases; without a tau it is equal for all."""
    cases = []
    for sets in (4, 6, 10):
        for tau in TAUS:
            for unequal_noise in (False, True):
                for unequal_tau in (False, True):
                    if tau > 0 or not unequal_tau:
                        cases.append(Case(sets, tau, unequal_tau, unequal_noise))
    return cases


def draw(case: Case, random: np.random.Generator) -> tuple[DifferencesBySet, np.ndarray]:
    """Measured differences of variants that are equal in the mean, and the scores of a new set."""
    taus = np.full(VARIANTS, case.tau / np.sqrt(2))
    if case.unequal_tau:
        taus = taus * np.linspace(0.3, 1.7, VARIANTS)
    noise = np.full(case.sets, NOISE)
    if case.unequal_noise:
        noise = noise * np.exp(random.normal(size=case.sets))
    between = random.normal(size=(VARIANTS, case.sets)) * taus[:, None]
    within = random.normal(size=(VARIANTS, case.sets)) * noise / np.sqrt(2)
    scores = between + within
    estimated = noise**2 * random.chisquare(DF, case.sets) / DF
    variances = np.broadcast_to(estimated, (VARIANTS, VARIANTS, case.sets)).copy()
    variances[np.arange(VARIANTS), np.arange(VARIANTS)] = 0
    names = [f"variant{number}" for number in range(VARIANTS)]
    differences = DifferencesBySet(
        names,
        [str(number) for number in range(case.sets)],
        scores[:, None] - scores,
        variances,
    )
    return differences, random.normal(size=VARIANTS) * taus


def simulate(case: Case, rounds: int) -> np.ndarray:
    """Shares of rounds (4,) in which what a column of the table says holds."""
    random = np.random.default_rng(0)
    means, predictions, regrets = [], [], []
    for _ in range(rounds):
        differences, new = draw(case, random)
        model = across_sets(differences)
        effects = list(model.effects().values())
        means.append([effect.low <= 0 <= effect.high for effect in effects])
        there = new[1:] - new[0]
        inside = []
        for effect, value in zip(effects, there, strict=True):
            inside.append(effect.new_low <= value <= effect.new_high)
        predictions.append(inside)
        bounds = np.array(list(model.regret_bounds().values()))
        regrets.append(new.max() - new <= bounds)
    by_variant = np.mean(predictions, axis=0)
    return np.array([np.mean(means), by_variant.mean(), by_variant.min(), np.mean(regrets)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    print("| sets | tau | tau of variants | noise of sets | mean | new set | worst | regret |")
    print("|---|---|---|---|---|---|---|---|")
    for case in list_cases():
        kinds = []
        for unequal in (case.unequal_tau, case.unequal_noise):
            kinds.append("unequal" if unequal else "equal")
        shares = " | ".join(f"{100 * share:.1f}" for share in simulate(case, rounds))
        print(
            f"| {case.sets} | {100 * case.tau:.1f} | {' | '.join(kinds)} | {shares} |", flush=True
        )


if __name__ == "__main__":
    main()
