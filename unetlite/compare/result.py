"""A comparison's result, and the table that every form of the report shows."""

from statistics import mean, stdev
from typing import NamedTuple

from unetlite.compare.analysis import TITLES, Analysis, verdict
from unetlite.compare.cost import WAYS, Costs
from unetlite.compare.curves import Curve
from unetlite.compare.evidence import Evidence
from unetlite.compare.runs import Comparison

SHOWN = ("miou", "boundary_iou_1px", "boundary_iou_2pct", "surface_dice_1px", "hausdorff95")
BOUNDARY = "boundary_iou_1px"


class Result(NamedTuple):
    """All that a comparison came to; `metric` is the one that decides."""

    comparison: Comparison
    metric: str
    analyses: dict[str, Analysis]
    costs: Costs
    curves: dict[str, dict[str, Curve]]
    evidence: Evidence

    @property
    def analysis(self) -> Analysis:
        """Of the metric that decides."""
        return self.analyses[self.metric]

    @property
    def verdicts(self) -> list[str]:
        """First in the metric that decides, then on boundaries."""
        fastest = self.costs.fastest
        metrics = [metric for metric in dict.fromkeys((self.metric, BOUNDARY)) if metric in self.analyses]
        if not self.analysis.leaders:
            metrics = metrics[:1]
        return [verdict(self.comparison, self.analyses[metric], fastest) for metric in metrics]


class Cell(NamedTuple):
    """A cell of the table: what is shown, what it is sorted by, a second line, and whether it is the best."""

    text: str
    value: float | str
    note: str = ""
    best: bool = False


def table(result: Result) -> tuple[list[str], list[list[Cell]]]:
    """Headings, and a row of cells a variant, the best first."""
    metrics = [metric for metric in dict.fromkeys((result.metric, *SHOWN)) if metric in result.analyses]
    costs = next(iter(result.costs.variants.values()))
    headings = [
        result.comparison.by,
        *(TITLES[metric] for metric in metrics),
        "phase ripple before training",
        "phase ripple",
        "parameters",
        "multiplications, folded",
        *(["training step, ms"] if costs.training_step else []),
        "memory, MB",
        *(f"{WAYS[way]}, ms" for way in costs.milliseconds),
    ]
    rows = []
    for name in result.analysis.variants:
        row = [Cell(name, name)]
        for metric in metrics:
            analysis = result.analyses[metric]
            summary = analysis.variants[name]
            digits = 2 if metric == "hausdorff95" else 4
            spread = "" if summary.deviation is None else f" ± {summary.deviation:.{digits}f}"
            interval = f"{summary.low:.{digits}f} to {summary.high:.{digits}f}"
            row.append(Cell(f"{summary.mean:.{digits}f}{spread}", summary.mean, interval, analysis.winner == name))
        row += [ripple_cell(result.comparison, name, f"{stage}/phase_ripple") for stage in ("init", "test")]
        cost = result.costs.variants[name]
        row += [
            Cell(f"{cost.parameters / 1e6:.2f} M", cost.parameters),
            Cell(f"{cost.multiplications / 1e6:.0f} M", cost.multiplications),
            *([Cell(f"{cost.training_step:.0f}", cost.training_step)] if cost.training_step else []),
            Cell(f"{cost.memory / 1e6:.1f}", cost.memory),
        ]
        for way, milliseconds in cost.milliseconds.items():
            low, high = cost.spread[way]
            row.append(Cell(f"{milliseconds:.2f}", milliseconds, f"{low:.2f} to {high:.2f}"))
        rows.append(row)
    return headings, rows


def ripple_cell(comparison: Comparison, variant: str, metric: str) -> Cell:
    """Mean and standard deviation over seeds of a metric without a value per image."""
    values = [value for run in comparison.variants[variant] if (value := run.metrics.get(metric)) is not None]
    if not values:
        return Cell("", "")
    spread = f" ± {stdev(values):.1e}" if len(values) > 1 else ""
    return Cell(f"{mean(values):.1e}{spread}", mean(values))
