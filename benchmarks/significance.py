"""What the verdict of a comparison is worth: python benchmarks/significance.py [ROUNDS]

Simulates comparisons with known truths, and counts how often each statement is wrong, or how often
a lead is found. A rate p of R rounds has a Monte Carlo error of sqrt(p (1 - p) / R), given beside
it. The noise is that of coast, as estimated from its runs (docs/results/coast): standard deviations
of mean IoU. Some comparisons are written as tables of scores, and judged as `unetlite judge` does.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from unetlite.judge.best import compare_with_best
from unetlite.judge.equivalence import equivalence_margin
from unetlite.judge.judgement import judge
from unetlite.judge.scores import Scores, sum_by_group
from unetlite.judge.sequential import INTERIMS, decide, interim_alphas
from unetlite.judge.statistics import pair_differences
from unetlite.tables import write_csv

SEED, GROUP, RESIDUAL, GROUPS = 0.00077, 0.00035, 0.0023, 13
"""Per variant: of a training, of a variant in a group of images, of a training in a group."""

NOISE = {
    "coast": {},
    "heavy tails": {"heavy": True},
    "one with 9 times the variance": {"unequal": True},
}
CORRELATED = {
    f"{groups} groups of 6 images": {"groups": groups, "images": 6} for groups in (10, 5, 2)
}


class Rates(NamedTuple):
    """Shares of rounds."""

    lost: float  # the best was lost from the candidates
    too_low: float  # a bound was too low
    won: float  # the first was the sole candidate


class RaceResult(NamedTuple):
    candidates: list[str]
    trainings: int
    wrong: bool  # the first was lost, or a bound too low, at any interim analysis


def simulate(
    random, means, seeds, *, heavy=False, unequal=False, groups=GROUPS, images=0, summed=True
):
    """Scores (S, G) by variant.

    With `images` there are so many in each group, correlated by 0.3, made units again if `summed`.
    """
    count = len(means)
    deviation = np.full((count, 1, 1), SEED)
    if unequal:
        deviation[0] *= 3

    def draw(*shape):
        if heavy:
            return random.standard_t(3, shape) / np.sqrt(3)
        return random.standard_normal(shape)

    tables = np.asarray(means)[:, None, None] + deviation * draw(count, seeds, 1)
    if not images:
        tables = tables + GROUP * draw(count, 1, groups) + RESIDUAL * draw(count, seeds, groups)
        return {f"v{k}": table for k, table in enumerate(tables)}
    group_of_image = np.repeat(np.arange(groups), images)
    of_group, of_image = GROUP * np.sqrt([0.3, 0.7]) * np.sqrt(images)
    tables = tables + of_group * draw(count, 1, groups)[..., group_of_image]
    tables = tables + of_image * draw(count, 1, groups * images)
    tables = tables + RESIDUAL * np.sqrt(images) * draw(count, seeds, groups * images)
    if not summed:
        return {f"v{k}": table for k, table in enumerate(tables)}
    return {f"v{k}": sum_by_group(table, group_of_image) for k, table in enumerate(tables)}


def rates(random, means, seeds, rounds, **noise):
    """How often the first of the best is lost, a bound is too low, and the first wins."""
    counts = np.zeros(3)
    for _ in range(rounds):
        tables = simulate(random, means, seeds, **noise)
        best = compare_with_best(pair_differences(tables))
        lost = "v0" not in best.candidates
        won = best.candidates == ["v0"]
        counts += lost, is_too_low(best.regret, means), won
    return Rates(*(counts / rounds))


def is_too_low(regret, means):
    """True if a bound is below the true distance to the best."""
    truth = {f"v{k}": max(means) - mean for k, mean in enumerate(means)}
    return any(bound < truth[name] for name, bound in regret.items())


def simulate_race(random, means, margin=None):
    """A race to its end, by the function that decides a real one."""
    alphas = interim_alphas(max(INTERIMS))
    tables = simulate(random, means, max(alphas))
    images = [str(number) for number in range(GROUPS)]
    trainings = before = 0
    wrong = False
    for seeds, alpha in alphas.items():
        trainings += (seeds - before) * len(tables)
        before = seeds
        values = {name: table[:seeds] for name, table in tables.items()}
        scores = Scores(values, list(range(seeds)), images, images)
        decision = decide(scores, alpha, len(means), margin, last=seeds == max(alphas))
        wrong |= "v0" not in decision.candidates or is_too_low(decision.regret, means)
        if decision.ended is not None:
            break
        tables = {name: tables[name] for name in decision.candidates}
    return RaceResult(decision.candidates, trainings, wrong)


def percent(rate, rounds):
    return f"{100 * rate:.1f} ± {100 * np.sqrt(rate * (1 - rate) / rounds):.1f} %"


def print_row(*cells):
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def print_levels(random, rounds):
    """How often a statement is wrong."""
    print_row(
        "noise", "variants", "seeds", "best lost, all equal", "bound too low, one leads by 0.001"
    )
    print("|---|---|---|---|---|")
    cases = []
    for kind in (*NOISE, *CORRELATED):
        for count in (2, 6):
            cases += [(kind, count, seeds) for seeds in (3, 5, 10)]
    cases += [(kind, 14, 2) for kind in NOISE]  # what docs/results/matrix.py judges
    for kind, count, seeds in cases:
        noise = {**NOISE, **CORRELATED}[kind]
        lost = rates(random, [0.0] * count, seeds, rounds, **noise).lost
        too_low = rates(random, [0.0] + [-0.001] * (count - 1), seeds, rounds, **noise).too_low
        print_row(kind, count, seeds, percent(lost, rounds), percent(too_low, rounds))
    for seeds in (3, 5, 10):
        result = rates(random, [0.0] * 3 + [-0.003] * 3, seeds, rounds)
        lost, too_low = percent(result.lost, rounds), percent(result.too_low, rounds)
        print_row("coast, three of six worse by 0.003", 6, seeds, lost, too_low)


def print_power(random, rounds):
    """How often a lead is found."""
    print("\n| sole winner found, of six | 5 seeds | 10 seeds |\n|---|---|---|")
    for lead in (0.001, 0.002, 0.005):
        means = [lead] + [0.0] * 5
        won = [rates(random, means, seeds, rounds).won for seeds in (5, 10)]
        print_row(f"lead {lead}", *[percent(rate, rounds) for rate in won])


def print_races(random, rounds):
    """What a race takes, and how often it is wrong."""
    print("\n| race of six, lead of one | 0 | 0.001 | 0.002 | 0.005 |\n|---|---|---|---|---|")
    for margin in (None, 0.002, 0.003):
        cells = []
        for lead in (0.0, 0.001, 0.002, 0.005):
            races = [simulate_race(random, [lead] + [0.0] * 5, margin) for _ in range(rounds)]
            trainings = np.mean([race.trainings for race in races])
            won = np.mean([race.candidates == ["v0"] for race in races])
            wrong = np.mean([race.wrong for race in races])
            cells.append(
                f"{trainings:.0f} trainings, won {100 * won:.0f} %, wrong {percent(wrong, rounds)}"
            )
        print_row("no margin" if margin is None else f"margin {margin}", *cells)
    races = [simulate_race(random, [0.0, 0.0]) for _ in range(rounds)]
    decided = np.mean([len(race.candidates) == 1 for race in races])
    print(f"\nA race of two identical variants has a winner: {percent(decided, rounds)}")


def print_equivalence(random, rounds):
    """How often equivalence is claimed of variants that differ by the margin."""
    for seeds in (5, 10):
        claimed = 0
        for _ in range(rounds):
            tables = simulate(random, [0.003, 0.0015, 0.0], seeds)
            claimed += equivalence_margin(pair_differences(tables)) <= 0.003
        rate = percent(claimed / rounds, rounds)
        print(f"Equivalence within 0.003 of a pair that differs by it, {seeds} seeds: {rate}")


def table_rates(random, means, seeds, rounds, file, images):
    """As `rates`, by way of a CSV file: long with images and groups, or pooled scores in columns.

    Pooled scores have no images, so there is nothing to be learnt about them.
    """
    counts = np.zeros(3)
    for _ in range(rounds):
        if images:
            tables = simulate(random, means, seeds, groups=10, images=images, summed=False)
            write_long(file, tables, images)
        else:
            tables = {
                f"v{k}": mean + SEED * random.normal(size=seeds) for k, mean in enumerate(means)
            }
            write_csv(file, ["seed", *tables], zip(range(seeds), *tables.values(), strict=True))
        judgement = judge(file)
        lost = "v0" not in judgement.candidates
        won = judgement.candidates == ["v0"]
        counts += lost, is_too_low(judgement.regret, means), won
    return Rates(*(counts / rounds))


def write_long(file, tables, images):
    rows = []
    for name, table in tables.items():
        for (seed, image), score in np.ndenumerate(table):
            rows.append([name, seed, f"image{image}", f"patient{image // images}", float(score)])
    write_csv(file, ["model", "seed", "image", "patient", "dice"], rows)


def print_tables(random, rounds):
    """How often a statement about a table of scores is wrong."""
    print(
        "\n| table | variants | seeds | best lost, all equal | bound too low, one leads by 0.001 |"
    )
    print("|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "scores.csv"
        for title, images in (("60 images of 10 patients", 6), ("pooled scores", 0)):
            for count, seeds in ((2, 5), (6, 3), (6, 5)):
                equal = [0.0] * count
                leading = [0.0] + [-0.001] * (count - 1)
                lost = table_rates(random, equal, seeds, rounds, file, images).lost
                too_low = table_rates(random, leading, seeds, rounds, file, images).too_low
                print_row(title, count, seeds, percent(lost, rounds), percent(too_low, rounds))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    random = np.random.default_rng(0)
    print_levels(random, rounds)
    print_power(random, rounds)
    print_races(random, rounds)
    print_equivalence(random, rounds)
    print_tables(random, rounds)


if __name__ == "__main__":
    main()
