"""Operators x data sets, what each can lose and what it costs: python docs/results/matrix.py OUTPUTS [REPORT.json]

OUTPUTS holds the runs, as coast/<operator>/seed<k>; REPORT.json, which `unetlite compare` wrote, has the costs. Also
writes the scores of every training to runs.json beside this file.
"""

import json
import math
import sys
from pathlib import Path

from unetlite.compare.runs import Comparison, read_comparison
from unetlite.compare.verdict import analyse

METRICS = {"miou": "mean IoU", "boundary_iou_1px": "boundary IoU"}
SETS = ("coast", "nuclei", "camvid", "drive")
MATCHED = "camvid-macs"  # model.match=macs, with too few seeds for a verdict
KEPT = ("test/miou", "test/boundary_iou_1px", "val/miou")


def judged(comparison: Comparison, metric: str) -> dict[str, tuple[float, float, bool]]:
    """By operator its mean score, what it is below the best at most, both in hundredths, and if it may be the best."""
    analysis = analyse(comparison, metric)
    assert analysis is not None
    assert analysis.best is not None, "too few seeds"
    best = analysis.best
    return {k: (100 * v.mean, 100 * best.regret[k], k in best.candidates) for k, v in analysis.variants.items()}


def scores(comparison: Comparison) -> dict[str, dict[str, dict[str, object]]]:
    """By operator and seed what a training came to, rounded, and where it was run."""
    return {
        name: {
            f"seed{run.seed}": {key: round(run.metrics[key] or 0, 5) for key in KEPT}
            | {"on": "H100" if "H100" in run.environment["accelerator"] else "two cores"}
            for run in runs
        }
        for name, runs in comparison.variants.items()
    }


def main() -> None:
    outputs = Path(sys.argv[1])
    costs = json.loads(Path(sys.argv[2]).read_text())["costs"]["variants"] if len(sys.argv) > 2 else {}
    read = {name: read_comparison(outputs / name) for name in (*SETS, MATCHED) if (outputs / name).is_dir()}
    runs = {name: scores(comparison) for name, comparison in read.items()}
    (Path(__file__).parent / "runs.json").write_text(json.dumps(runs, indent=0) + "\n")
    found = {(name, metric): judged(read[name], metric) for name in SETS for metric in METRICS}
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
                digits = 1 if name in ("nuclei", "camvid") else 2
                most = math.ceil(regret * 10**digits) / 10**digits  # a bound is rounded up
                row.append(f"{mean:.{digits}f} ({most:.{digits}f}{'' if candidate else ', not the best'})")
            if costs:
                row += [f"{min(costs[operator]['latency'].values()):.0f}", f"{costs[operator]['training_step']:.0f}"]
            print(f"| `{operator}` | {' | '.join(row)} |")
    if MATCHED in runs:
        print("\n| CamVid, equal multiplications | mean IoU x 100 | boundary IoU x 100 | parameters |")
        print("|---|---|---|---|")
        for operator in operators:
            matched = read[MATCHED].variants[operator]
            means = [100 * sum(run.metrics[key] or 0 for run in matched) / len(matched) for key in KEPT[:2]]
            millions = (matched[0].metrics["model/parameters"] or 0) / 1e6
            print(f"| `{operator}` | {means[0]:.1f} | {means[1]:.1f} | {millions:.1f} M |")


if __name__ == "__main__":
    main()
