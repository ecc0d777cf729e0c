"""Operators x data sets, what each can lose and what it costs: python docs/results/matrix.py OUTPUTS [REPORT.json]

OUTPUTS holds the runs, as coast/<operator>/seed<k>; REPORT.json, which `unetlite compare` wrote, has the costs. With
two seeds `unetlite compare` gives no verdict. Here the bounds are computed all the same: fourteen operators share one
estimate of the noise, and in simulations (benchmarks/significance.py has the model) the best was lost in 3.8 % of 600
rounds, as promised; but in 10 % if one operator has nine times the variance of the others.
"""

import json
import sys
from pathlib import Path

from unetlite.compare.runs import read_comparison
from unetlite.compare.statistics import best_of, by_group, differences

METRICS = {"miou": "mean IoU", "boundary_iou_1px": "boundary IoU"}
SETS = ("coast", "nuclei", "camvid")


def judged(directory: Path, metric: str) -> dict[str, tuple[float, float, bool]]:
    """By operator its mean score, what it is below the best at most, both in hundredths, and if it may be the best."""
    comparison = read_comparison(directory)
    scores, groups = comparison.scores(metric)
    best = best_of(differences({name: by_group(table, groups) for name, table in scores.items()}))
    return {k: (100 * table.mean(), 100 * best.regret[k], k in best.candidates) for k, table in scores.items()}


def main() -> None:
    outputs = Path(sys.argv[1])
    costs = json.loads(Path(sys.argv[2]).read_text())["costs"]["variants"] if len(sys.argv) > 2 else {}
    found = {(name, metric): judged(outputs / name, metric) for name in SETS for metric in METRICS}
    operators = list(found["coast", "miou"])

    def shortfall(name: str, operator: str) -> float:
        table = found[name, "miou"]
        return max(mean for mean, *_ in table.values()) - table[operator][0]

    operators.sort(key=lambda operator: sum(shortfall(name, operator) for name in SETS))
    for metric, title in METRICS.items():
        print(f"\n| {title} x 100 | {' | '.join(SETS)} |{' predicts, ms | trains a step, ms |' if costs else ''}")
        print(f"|{'---|' * (1 + len(SETS) + 2 * bool(costs))}")
        for operator in operators:
            row = []
            for name in SETS:
                mean, regret, candidate = found[name, metric][operator]
                digits = 2 if name == "coast" else 1
                row.append(f"{mean:.{digits}f} ({regret:.{digits}f}{'' if candidate else ', not the best'})")
            if costs:
                row += [f"{min(costs[operator]['latency'].values()):.0f}", f"{costs[operator]['training_step']:.0f}"]
            print(f"| `{operator}` | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
