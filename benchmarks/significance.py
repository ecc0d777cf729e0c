"""What the verdict of a comparison is worth: python benchmarks/significance.py [ROUNDS]

Simulates comparisons with known truths, and counts how often each statement is wrong, or how often a lead is found.
A rate p of R rounds has a Monte Carlo error of sqrt(p (1 - p) / R), given beside it. The noise is that of coast, as
estimated from its runs (docs/results/coast): standard deviations of mean IoU.
"""

import sys
from itertools import product

import numpy as np

from unetlite.compare.runs import LOOKS
from unetlite.compare.statistics import best_of, by_group, differences, equal_within

SEED, GROUP, RESIDUAL, GROUPS = 0.00077, 0.00035, 0.0023, 13
"""Per variant: of a training, of a variant in a group of images, and of a training in a group."""


def scores(random, means, seeds, *, heavy=False, unequal=False, groups=GROUPS, images=0):
    """Scores (S, G) by variant. With `images` there are so many in each group, correlated by 0.3, made units again."""
    count = len(means)
    deviation = SEED * np.where(np.arange(count) == 0, 3.0 if unequal else 1.0, 1.0)[:, None, None]

    def draw(*shape):
        return random.standard_t(3, shape) / np.sqrt(3) if heavy else random.standard_normal(shape)

    found = np.asarray(means)[:, None, None] + deviation * draw(count, seeds, 1)
    if not images:
        found = found + GROUP * draw(count, 1, groups) + RESIDUAL * draw(count, seeds, groups)
        return dict(enumerate(found))
    of = np.repeat(np.arange(groups), images)
    of_group, of_image = GROUP * np.sqrt([0.3, 0.7]) * np.sqrt(images)
    found = found + of_group * draw(count, 1, groups)[..., of] + of_image * draw(count, 1, len(of))
    found = found + RESIDUAL * np.sqrt(images) * draw(count, seeds, len(of))
    return {k: by_group(table, of) for k, table in enumerate(found)}


def judged(random, means, seeds, rounds, **noise):
    """Shares of rounds: the best lost from the candidates, a bound too low, and the first as the sole candidate."""
    lost = low = found = 0
    top = max(means)
    for _ in range(rounds):
        best = best_of(differences(scores(random, means, seeds, **noise)))
        lost += 0 not in best.candidates  # one of the best
        low += any(best.regret[k] < top - mean for k, mean in enumerate(means))
        found += best.candidates == [0]
    return lost / rounds, low / rounds, found / rounds


def race(random, means, margin=None):
    """The candidates at the end, the trainings, and whether the first was lost or a bound too low at any look."""
    most = max(LOOKS)
    table = scores(random, means, most)
    racing, trained, wrong, seen = list(table), 0, False, 0
    for seeds, alpha in LOOKS.items():
        trained, seen = trained + (seeds - seen) * len(racing), seeds
        best = best_of(differences({k: table[k][:seeds] for k in racing}), alpha, len(means))
        wrong |= 0 not in best.candidates or any(best.regret[k] < max(means) - means[k] for k in racing)
        racing = best.candidates
        if len(racing) == 1 or (margin is not None and min(best.regret.values()) <= margin):
            break
    return racing, trained, wrong


def percent(rate, rounds):
    return f"{100 * rate:.1f} ± {100 * np.sqrt(rate * (1 - rate) / rounds):.1f} %"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    random = np.random.default_rng(0)
    print(
        "| noise | variants | seeds | best lost, all equal | bound too low, one leads by 0.001 |\n|---|---|---|---|---|"
    )
    kinds = {"coast": {}, "heavy tails": {"heavy": True}, "one with 9 times the variance": {"unequal": True}}
    kinds |= {f"{groups} groups of 6 images": {"groups": groups, "images": 6} for groups in (10, 5, 2)}
    for (kind, noise), count, seeds in product(kinds.items(), (2, 6), (3, 5, 10)):
        lost, *_ = judged(random, [0.0] * count, seeds, rounds, **noise)
        low = judged(random, [0.0, *[-0.001] * (count - 1)], seeds, rounds, **noise)[1]
        print(f"| {kind} | {count} | {seeds} | {percent(lost, rounds)} | {percent(low, rounds)} |", flush=True)
    for kind, noise in [*kinds.items()][:3]:  # what docs/results/matrix.py judges
        lost = judged(random, [0.0] * 14, 2, rounds, **noise)[0]
        low = judged(random, [0.0, *[-0.001] * 13], 2, rounds, **noise)[1]
        print(f"| {kind} | 14 | 2 | {percent(lost, rounds)} | {percent(low, rounds)} |", flush=True)
    for seeds in (3, 5, 10):
        lost, low, _ = judged(random, [0.0, 0.0, 0.0, -0.003, -0.003, -0.003], seeds, rounds)
        print(
            f"| coast, three of six worse by 0.003 | 6 | {seeds} | {percent(lost, rounds)} | {percent(low, rounds)} |"
        )

    print("\n| sole winner found, of six | 5 seeds | 10 seeds |\n|---|---|---|")
    for lead in (0.001, 0.002, 0.005):
        rates = [judged(random, [lead] + [0.0] * 5, seeds, rounds)[2] for seeds in (5, 10)]
        print(f"| lead {lead} | {' | '.join(percent(rate, rounds) for rate in rates)} |", flush=True)

    print("\n| race of six, lead of one | 0 | 0.001 | 0.002 | 0.005 |\n|---|---|---|---|---|")
    for margin in (None, 0.002, 0.003):
        cells = []
        for lead in (0.0, 0.001, 0.002, 0.005):
            ended = [race(random, [lead] + [0.0] * 5, margin) for _ in range(rounds)]
            trained, won = (
                np.mean([trained for _, trained, _ in ended]),
                np.mean([racing == [0] for racing, *_ in ended]),
            )
            wrong = np.mean([wrong for *_, wrong in ended])
            cells.append(f"{trained:.0f} trainings, won {100 * won:.0f} %, wrong {percent(wrong, rounds)}")
        print(f"| {'no margin' if margin is None else f'margin {margin}'} | {' | '.join(cells)} |", flush=True)
    identical = np.mean([len(race(random, [0.0, 0.0])[0]) == 1 for _ in range(rounds)])
    print(f"\nA race of two identical variants has a winner: {percent(identical, rounds)}")

    for seeds in (5, 10):
        tables = (scores(random, [0.003, 0.0015, 0.0], seeds) for _ in range(rounds))
        rate = np.mean([equal_within(differences(table)) <= 0.003 for table in tables])
        print(f"Equality within 0.003 claimed of a pair that differs by it, {seeds} seeds: {percent(rate, rounds)}")


if __name__ == "__main__":
    main()
