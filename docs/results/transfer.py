"""Does a choice under one network hold under another? Tables for transfer.md, from scores/.

python docs/results/transfer.py > TABLES.md
"""

import csv
import gzip
import io
from itertools import permutations
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from unetlite.judge.judgement import Judgement, judge
from unetlite.judge.scores import Scores

SCORES = Path(__file__).parent / "scores"
METRIC = "miou"
DRAWS = 2000
SEEDS = 3


def read_judgement(file: Path, metric: str = METRIC) -> Judgement | None:
    """The verdict on the scores of one network on one set; None if trainings are missing."""
    with gzip.open(file) as packed:
        rows = list(csv.DictReader(io.TextIOWrapper(packed)))
    seeds: dict[str, set[str]] = {}
    for row in rows:
        seeds.setdefault(row["upsample"], set()).add(row["seed"])
    complete = {name for name, found in seeds.items() if len(found) == SEEDS}
    kept = [row for row in rows if row["upsample"] in complete]
    if len(complete) < 2:
        return None
    return judge(
        kept,
        variant="upsample",
        seed="seed",
        unit="image",
        group="group",
        score=metric,
        higher_is_better=True,
    )


def draw_means(scores: Scores, operators: list[str], random: np.random.Generator) -> np.ndarray:
    """Means (V,) of operators over seeds and groups that are drawn with replacement."""
    tables = scores.by_group(operators)
    seeds, groups = next(iter(tables.values())).shape
    drawn_seeds = random.integers(seeds, size=seeds)
    drawn_groups = random.integers(groups, size=groups)
    return np.array([tables[name][drawn_seeds][:, drawn_groups].mean() for name in operators])


def rank_correlation(
    first: Scores, second: Scores, operators: list[str]
) -> tuple[float, float, float]:
    """Spearman's correlation of two networks' means, and its 95 % interval by drawing anew."""
    means = [[scores.means()[name] for name in operators] for scores in (first, second)]
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        pair = [draw_means(scores, operators, random) for scores in (first, second)]
        drawn.append(spearmanr(*pair).statistic)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return spearmanr(*means).statistic, low, high


def print_scores(name: str, by_network: dict[str, Judgement]) -> None:
    """Means and bounds of all operators under each network."""
    operators = sorted({op for each in by_network.values() for op in each.scores.values})
    print(f"\n### {name}: mean IoU x 100, and at most so far below the best\n")
    print("| upsample | " + " | ".join(by_network) + " |")
    print("|---" * (1 + len(by_network)) + "|")
    for operator in operators:
        cells = []
        for verdict in by_network.values():
            if operator not in verdict.scores.values:
                cells.append("")
                continue
            mean = 100 * verdict.scores.means()[operator]
            note = "" if operator in verdict.candidates else ", not the best"
            cells.append(f"{mean:.2f} ({100 * verdict.regret[operator]:.2f}{note})")
        print(f"| `{operator}` | " + " | ".join(cells) + " |")


def print_transfer(by_network: dict[str, Judgement]) -> None:
    """What the choice under one network loses under another."""
    print("\n| chosen under | used under | choice | below the best there | at most | ranks |")
    print("|---|---|---|---|---|---|")
    for source, target in permutations(by_network, 2):
        first = by_network[source].scores
        second = by_network[target].scores
        operators = [name for name in first.values if name in second.values]
        means = first.means()
        choice = max(operators, key=means.__getitem__)
        there = second.means()
        loss = max(there.values()) - there[choice]
        bound = by_network[target].regret[choice]
        rank, low, high = rank_correlation(first, second, operators)
        print(
            f"| {source} | {target} | `{choice}` | {100 * loss:.2f} | {100 * bound:.2f} | "
            f"{rank:.2f} ({low:.2f} to {high:.2f}) |"
        )


def main() -> None:
    by_set: dict[str, dict[str, Judgement]] = {}
    for file in sorted(SCORES.glob("*.csv.gz")):
        network, _, name = file.name.removesuffix(".csv.gz").partition("-")
        verdict = read_judgement(file)
        if verdict is not None:
            by_set.setdefault(name, {})[network] = verdict
    for name, by_network in by_set.items():
        print_scores(name, by_network)
        if len(by_network) > 1:
            print_transfer(by_network)


if __name__ == "__main__":
    main()
