"""The report: one HTML file that needs no other, the same as JSON, and the table as Markdown and in the terminal."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader
from PIL import Image
from rich.table import Table
from rich.text import Text

from unetlite.compare import charts
from unetlite.compare.costs import WAYS, Costs
from unetlite.compare.curves import Curve
from unetlite.compare.evidence import Evidence
from unetlite.compare.runs import METRICS, Comparison
from unetlite.compare.verdict import Analysis, verdict
from unetlite.files import whole

BOUNDARY = "boundary_iou_1px"
SHOWN = ("miou", BOUNDARY, "boundary_iou_2pct", "surface_dice_1px", "hausdorff95")
RIPPLES = {"init/phase_ripple": "phase ripple before training", "test/phase_ripple": "phase ripple"}


@dataclass(frozen=True)
class Report:
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
        metrics = {self.metric: None, BOUNDARY: None} if self.analysis.leaders else {self.metric: None}
        return [verdict(self.analyses[metric], self.costs.fastest) for metric in metrics if metric in self.analyses]

    @property
    def cautions(self) -> list[str]:
        """What a reader must know before believing the verdict."""
        found = []
        if self.comparison.allowed:
            found.append(f"The runs also differ in {', '.join(self.comparison.allowed)}, as was allowed.")
        if len(self.comparison.environments) > 1:
            found.append("The runs were trained on different machines, or with different versions.")
        return found

    @property
    def basis(self) -> str:
        """What the figures rest on."""
        comparison, first = self.comparison, self.comparison.first
        count, seeds = len(comparison.seeds), ", ".join(map(str, comparison.seeds))
        variants = f"{len(comparison.variants)} variants of {comparison.by}, {count} seed{'s' * (count > 1)} each"
        return f"{variants} ({seeds}), {len(first.images)} test images, data set {first.config['data']['name']}."


class Cell(NamedTuple):
    """A cell of the table: what is shown, what it is sorted by, a second line, and whether it is the best."""

    text: str
    value: float | str
    note: str = ""
    best: bool = False


def table(report: Report) -> list[dict[str, Cell]]:
    """A row of cells by heading for every variant, best first; all rows have the same headings."""
    rows = [cells(report, name) for name in report.analysis.variants]
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    return [{heading: row.get(heading, Cell("", "")) for heading in headings} for row in rows]


def cells(report: Report, name: str) -> dict[str, Cell]:
    """Of one variant, by heading: its name, scores, ripple, costs and, where measured, times."""
    found = {report.comparison.by: Cell(name, name)}
    for metric in dict.fromkeys((report.metric, *SHOWN)):
        if analysis := report.analyses.get(metric):
            title, *_, digits = METRICS[metric]
            summary = analysis.variants[name]
            interval = " to ".join(f"{bound:.{digits}f}" for bound in summary.interval or ())
            found[title] = over_seeds(summary.by_seed, f".{digits}f", interval, analysis.winner == name)
    for metric, heading in RIPPLES.items():
        known = [run.metrics.get(metric) for run in report.comparison.variants[name]]
        if values := [value for value in known if value is not None]:
            found[heading] = over_seeds(values, ".1e")
    cost = report.costs.variants[name]
    found["parameters"] = Cell(f"{cost.parameters / 1e6:.2f} M", cost.parameters)
    found["multiplications, folded"] = Cell(f"{cost.multiplications / 1e6:.0f} M", cost.multiplications)
    found["memory, MB"] = Cell(f"{cost.memory / 1e6:.1f}", cost.memory)
    times = {"training step": cost.training_step} if cost.training_step else {}
    for title, (median, low, high) in (times | {WAYS[way]: spread for way, spread in cost.latency.items()}).items():
        found[f"{title}, ms"] = Cell(f"{median:.2f}", median, f"{low:.2f} to {high:.2f}")
    return found


def over_seeds(values: Sequence[float], style: str, note: str = "", best: bool = False) -> Cell:
    """Mean and, of several, ± standard deviation."""
    deviation = f" ± {stdev(values):{style}}" if len(values) > 1 else ""
    return Cell(f"{mean(values):{style}}{deviation}", mean(values), note, best)


def as_markdown(report: Report) -> str:
    """The verdict and the table, for a paper or an issue."""
    rows = table(report)
    texts = [[f"**{cell.text}**" if cell.best else cell.text for cell in row.values()] for row in rows]
    lines = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}", *(f"| {' | '.join(row)} |" for row in texts)]
    notes = ""
    if len(report.comparison.seeds) > 1:
        notes = " Mean ± standard deviation over seeds. Bold: better than every other variant (Holm-corrected, 5 %)."
    return "\n\n".join([*report.verdicts, *report.cautions, "\n".join(lines), report.basis + notes]) + "\n"


def as_terminal(report: Report) -> Table:
    """The main columns of the table, within 80 characters."""
    rows, by, fastest = table(report), report.comparison.by, report.costs.fastest
    main = [METRICS[report.metric].title, METRICS[BOUNDARY].title, "parameters"]
    kept = [heading for heading in rows[0] if heading in main]
    shown = Table(by)
    for heading in [fill(heading, 15) for heading in kept] + (["fastest,\nms"] if fastest else []):
        shown.add_column(heading, no_wrap=True)  # names are wrapped, numbers are not
    for row in rows:
        texts = [Text(row[heading].text, "bold" if row[heading].best else "") for heading in [by, *kept]]
        shown.add_row(*texts, *([f"{fastest[row[by].text]:.2f}"] if fastest else []))
    return shown


def as_json(report: Report) -> dict[str, Any]:
    """The verdict and every figure of tables, differences and costs, as plain values."""
    comparison = report.comparison
    return {
        "verdict": report.verdicts,
        "cautions": report.cautions,
        "compared": comparison.by,
        "metric": report.metric,
        "seeds": comparison.seeds,
        "test_images": len(comparison.first.images),
        "left_out": comparison.left_out,
        "metrics": {metric: asdict(analysis) for metric, analysis in report.analyses.items()},
        "costs": asdict(report.costs),
        "runs": {name: [run.metrics for run in runs] for name, runs in comparison.variants.items()},
        "configuration": comparison.shared,
        "environments": comparison.environments,
    }


def as_html(report: Report) -> str:
    """The whole page."""
    environment = Environment(loader=PackageLoader("unetlite.compare"), autoescape=True)
    environment.filters |= {"address": address, "yaml": partial(yaml.safe_dump, sort_keys=False)}
    template, look = environment.get_template("report.html"), charts.looks(list(report.comparison.variants))
    return template.render(report=report, rows=table(report), metric=METRICS[report.metric], charts=charts, look=look)


def address(picture: np.ndarray) -> str:
    """An RGB picture as the address of itself."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_report(report: Report, directory: Path) -> list[Path]:
    """`report.html`, `report.json` and `report.md`, each whole or not at all."""
    texts = {
        "report.html": as_html(report),
        "report.json": json.dumps(as_json(report), indent=1) + "\n",
        "report.md": as_markdown(report),
    }
    for name, text in texts.items():
        with whole(directory / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return [directory / name for name in texts]
