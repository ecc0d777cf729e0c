"""Operators x data sets: scores, max regret and costs.

python docs/results/matrix.py OUTPUTS [REPORT.json]

OUTPUTS holds the runs, as coast/<operator>/seed<k>. REPORT.json, by `unetlite compare`, has
the costs. The scores of every training go to runs.json beside this file.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unetlite.compare.comparison import Comparison, read_comparison

METRICS = {"miou": "mean IoU", "boundary_iou_1px": "boundary IoU"}
SETS = ("coast", "nuclei", "camvid", "drive")
MATCHED = "camvid-macs"  # model.match=macs, with too few seeds for a verdict
KEPT = ("test/miou", "test/boundary_iou_1px", "val/miou")


class Score(NamedTuple):
    """Of an operator, in hundredths."""

    mean: float
    regret: float  # at most
    candidate: bool  # it may be the best

    def cell(self, digits: int) -> str:
        """For the table. The bound is rounded up."""
        regret = math.ceil(self.regret * 10**digits) / 10**digits
        note = "" if self.candidate else ", not the best"
        return f"{self.mean:.{digits}f} ({regret:.{digits}f}{note})"


def analyse(comparison: Comparison, metric: str) -> dict[str, Score]:
    """The scores by operator."""
    analysis = comparison.analyse(metric)
    best = analysis.best
    assert best is not None, "too few seeds"
    scores = {}
    for name, variant in analysis.variants.items():
        scores[name] = Score(100 * variant.mean, 100 * best.regret[name], name in best.candidates)
    return scores


def list_runs(comparison: Comparison) -> dict[str, dict[str, dict[str, Any]]]:
    """By operator and seed the scores of a training, rounded, and where it was run."""
    by_operator: dict[str, dict[str, dict[str, Any]]] = {}
    for name, runs in comparison.variants.items():
        by_operator[name] = {}
        for run in runs:
            record: dict[str, Any] = {key: round(run.metrics[key] or 0, 5) for key in KEPT}
            on_gpu = "H100" in run.environment["accelerator"]
            record["on"] = "H100" if on_gpu else "two cores"
            by_operator[name][f"seed{run.seed}"] = record
    return by_operator


def print_scores(
    title: str,
    scores: Mapping[str, Mapping[str, Score]],
    operators: Sequence[str],
    costs: Mapping[str, Any],
) -> None:
    """A row an operator, a column a data set, and the costs if they were measured."""
    head = [f"{title} x 100", *SETS]
    if costs:
        head += ["predicts, ms", "trains a step, ms"]
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for operator in operators:
        row = [f"`{operator}`"]
        for name in SETS:
            digits = 1 if name in ("nuclei", "camvid") else 2
            row.append(scores[name][operator].cell(digits))
        if costs:
            cost = costs[operator]
            row.append(f"{min(cost['latency'].values()):.0f}")
            row.append(f"{cost['training_step']:.0f}")
        print(f"| {' | '.join(row)} |")


def print_matched(comparison: Comparison, operators: Sequence[str]) -> None:
    """Means at equal MACs."""
    print("\n| CamVid, equal MACs | mean IoU x 100 | boundary IoU x 100 | parameters |")
    print("|---|---|---|---|")
    for operator in operators:
        runs = comparison.variants[operator]
        row = [f"`{operator}`"]
        for key in ("test/miou", "test/boundary_iou_1px"):
            values = [run.metrics[key] or 0 for run in runs]
            row.append(f"{100 * sum(values) / len(values):.1f}")
        row.append(f"{(runs[0].metrics['model/parameters'] or 0) / 1e6:.1f} M")
        print(f"| {' | '.join(row)} |")


def main() -> None:
    outputs = Path(sys.argv[1])
    costs = {}
    if len(sys.argv) > 2:
        costs = json.loads(Path(sys.argv[2]).read_text())["costs"]["variants"]
    comparisons = {}
    for name in (*SETS, MATCHED):
        if (outputs / name).is_dir():
            comparisons[name] = read_comparison(outputs / name)
    runs = {name: list_runs(comparison) for name, comparison in comparisons.items()}
    (Path(__file__).parent / "runs.json").write_text(json.dumps(runs, indent=0) + "\n")

    scores: dict[str, dict[str, dict[str, Score]]] = {}
    for metric in METRICS:
        scores[metric] = {name: analyse(comparisons[name], metric) for name in SETS}

    def shortfall(operator: str) -> float:
        total = 0.0
        for table in scores["miou"].values():
            total += max(score.mean for score in table.values()) - table[operator].mean
        return total

    operators = sorted(scores["miou"]["coast"], key=shortfall)
    for metric, title in METRICS.items():
        print_scores(title, scores[metric], operators, costs)
    if MATCHED in comparisons:
        print_matched(comparisons[MATCHED], operators)


if __name__ == "__main__":
    main()
