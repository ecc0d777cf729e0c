"""A comparison's result, and the table that every form of the report shows."""

from collections.abc import Mapping
from statistics import mean, stdev
from typing import Any, NamedTuple

from unetlite.compare.analysis import Analysis, verdict
from unetlite.compare.comparison import Comparison
from unetlite.compare.cost import Costs
from unetlite.compare.curves import Curve
from unetlite.compare.evidence import Evidence
from unetlite.compare.latency import WAYS, Spread
from unetlite.compare.runs import METRICS

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

    @property
    def cautions(self) -> list[str]:
        """What a reader must know before believing the verdict."""
        found = []
        if self.comparison.allowed:
            found.append(f"The runs also differ in {', '.join(self.comparison.allowed)}, as was allowed.")
        if len(environments(self.comparison)) > 1:
            found.append("The runs were trained on different machines, or with different versions.")
        return found


class Cell(NamedTuple):
    """A cell of the table: what is shown, what it is sorted by, a second line, and whether it is the best."""

    text: str
    value: float | str
    note: str = ""
    best: bool = False


class Column(NamedTuple):
    """A column of the table: a short name, what stands above it, and a cell for every variant that has one."""

    key: str
    heading: str
    cells: dict[str, Cell]


def table(result: Result) -> list[Column]:
    """The columns but for the variants' names, rows to be in the order of `result.analysis.variants`."""
    metrics = [metric for metric in dict.fromkeys((result.metric, *SHOWN)) if metric in result.analyses]
    costs = result.costs.variants
    columns = [score_column(result.analyses[metric]) for metric in metrics]
    columns += [
        ripple_column(result.comparison, "init/phase_ripple", "phase ripple before training"),
        ripple_column(result.comparison, "test/phase_ripple", "phase ripple"),
        Column(
            "parameters", "parameters", {v: Cell(f"{c.parameters / 1e6:.2f} M", c.parameters) for v, c in costs.items()}
        ),
        Column(
            "multiplications",
            "multiplications, folded",
            {v: Cell(f"{c.multiplications / 1e6:.0f} M", c.multiplications) for v, c in costs.items()},
        ),
        Column("memory", "memory, MB", {v: Cell(f"{c.memory / 1e6:.1f}", c.memory) for v, c in costs.items()}),
        time_column("training_step", "training step, ms", {v: c.training_step for v, c in costs.items()}),
    ]
    columns += [time_column(way, f"{title}, ms", {v: c.latency.get(way) for v, c in costs.items()})
                for way, title in WAYS.items()]  # fmt: skip
    return [column for column in columns if column.cells]


def score_column(analysis: Analysis) -> Column:
    """A metric's mean ± standard deviation over seeds, and its interval."""
    metric = METRICS[analysis.metric]
    cells = {}
    for name, summary in analysis.variants.items():
        spread = "" if summary.deviation is None else f" ± {summary.deviation:.{metric.digits}f}"
        interval = summary.interval or summary.bootstrap
        note = " to ".join(f"{bound:.{metric.digits}f}" for bound in interval)
        cells[name] = Cell(f"{summary.mean:.{metric.digits}f}{spread}", summary.mean, note, analysis.winner == name)
    return Column(analysis.metric, metric.title, cells)


def ripple_column(comparison: Comparison, metric: str, heading: str) -> Column:
    """Mean ± standard deviation over seeds of a metric without a value per image."""
    cells = {}
    for name, runs in comparison.variants.items():
        if values := [value for run in runs if (value := run.metrics.get(metric)) is not None]:
            spread = f" ± {stdev(values):.1e}" if len(values) > 1 else ""
            cells[name] = Cell(f"{mean(values):.1e}{spread}", mean(values))
    return Column(metric, heading, cells)


def time_column(key: str, heading: str, times: Mapping[str, Spread | None]) -> Column:
    """Median and quartiles, where measured."""
    cells = {
        name: Cell(f"{time.median:.2f}", time.median, f"{time.low:.2f} to {time.high:.2f}")
        for name, time in times.items()
        if time is not None
    }
    return Column(key, heading, cells)


def environments(comparison: Comparison) -> list[dict[str, Any]]:
    """The different places and versions that the runs were trained with."""
    found: list[dict[str, Any]] = []
    for run in comparison.runs:
        if run.environment not in found:
            found.append(run.environment)
    return found
