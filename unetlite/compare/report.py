"""The report: one HTML file that needs no other, the same as JSON; the table, also in the terminal; for TensorBoard."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_UP
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from PIL import Image
from rich.table import Table
from rich.text import Text
from torch.utils.tensorboard import SummaryWriter

from unetlite.compare.charts import trade_offs
from unetlite.compare.costs import WAYS, Costs
from unetlite.compare.evidence import SIDE, Evidence
from unetlite.compare.runs import METRICS, Comparison, Run
from unetlite.compare.verdict import ENOUGH_GROUPS, Analysis, Summary, analyse, listed, short, strange_runs, verdict
from unetlite.files import write_text
from unetlite.pictures import WRONG, picture_grid


@dataclass(frozen=True)
class Report:
    """All that a comparison came to; `analysis` is of the metric that decides, `others` describe."""

    comparison: Comparison
    analysis: Analysis
    others: dict[str, dict[str, Summary]]
    costs: Costs
    evidence: Evidence
    margin: float | None = None

    @property
    def price(self) -> tuple[dict[str, float], str]:
        """What decides between equally good variants, and its unit: latency, or where it was not measured the work."""
        if self.costs.fastest:
            return self.costs.fastest, "ms"
        work = {name: cost.multiplications / 1e6 for name, cost in self.costs.variants.items()}
        return work, "million multiplications"

    @property
    def verdicts(self) -> list[str]:
        """What to choose; without trainings that collapsed too, if there are such."""
        found = [verdict(self.analysis, *self.price, self.margin)]
        seeds = {seed for _, seed in strange_runs(self.comparison, self.analysis.metric)}
        if 0 < len(seeds) < len(self.comparison.seeds):
            found[0] = f"With every training: {found[0]}"
            if without := analyse(self.comparison.without(seeds), self.analysis.metric):
                left_out = listed(list(map(str, sorted(seeds))))
                found.append(f"Without seed {left_out}: {verdict(without, *self.price, self.margin)}")
        return found

    @property
    def cautions(self) -> list[str]:
        """What a reader must know before believing the verdict."""
        comparison = self.comparison
        found = [f"{reason}." for reason in strange_runs(comparison, self.analysis.metric).values()]
        if comparison.allowed:
            found.append(f"The runs also differ in {', '.join(comparison.allowed)}, as was allowed.")
        known = comparison.environments
        values = {key: dict.fromkeys(str(each.get(key)) for each in known) for each in known for key in each}
        if differing := [f"{key} ({', '.join(each)})" for key, each in values.items() if len(each) > 1]:
            found.append(f"The runs were trained with different {listed(differing)}.")
        if self.analysis.groups == 1:
            found.append("All test images are of one group: the bounds hold for it, and say nothing of others.")
        elif self.analysis.best and self.analysis.widened > 1.05:
            narrower = f"With {ENOUGH_GROUPS} the bounds would be about {1 / self.analysis.widened:.0%} as wide."
            found.append(f"The test images come from {self.analysis.groups} groups only. {narrower}")
        return found

    @property
    def basis(self) -> str:
        comparison, first = self.comparison, self.comparison.runs[0]
        count, seeds = len(comparison.seeds), ", ".join(map(str, comparison.seeds))
        variants = f"{len(comparison.variants)} variants of {comparison.by}, {count} seed{'s' * (count > 1)} each"
        groups = len(set(first.groups))
        images = f"{len(first.images)} test images" + f" in {groups} groups" * (groups < len(first.images))
        race = f" A race, at its look after {count} seeds." if comparison.started else ""
        steps = first.config["trainer"].get("max_steps", -1)
        race += f" {steps} steps a training." * (steps > 0)
        return f"{variants} ({seeds}), {images}, data set {first.config['data']['name']}.{race}"


class Cell(NamedTuple):
    """A cell of the table: what is shown, what it is sorted by, a second line, and whether it is the best."""

    text: str
    value: float | str
    note: str = ""
    best: bool = False


def table(report: Report) -> list[dict[str, Cell]]:
    """What decides, a row of cells by heading for every variant, best first; all rows have the same headings."""
    analysis, costs = report.analysis, report.costs
    rows = []
    for name, summary in analysis.variants.items():
        cost, row = costs.variants[name], {report.comparison.by: Cell(name, name)}
        winner = analysis.best is not None and analysis.best.candidates == [name]
        row[METRICS[analysis.metric].title] = over_seeds(summary.by_seed, winner)
        if analysis.best:
            regret = analysis.best.regret[name]
            note = "may be the best" if name in analysis.best.candidates else "is not the best"
            row["below the best, at most"] = Cell(short(regret, ROUND_UP), regret, note)
        if costs.fastest:
            way = min(cost.latency, key=lambda way: cost.latency[way])
            row["predicts, ms"] = Cell(f"{costs.fastest[name]:.3g}", costs.fastest[name], WAYS[way])
        if cost.training_step:
            row["trains a step, ms"] = Cell(f"{cost.training_step:.0f}", cost.training_step)
        row["parameters"] = Cell(f"{cost.parameters / 1e6:.2f} M", cost.parameters)
        row["multiplications"] = Cell(f"{cost.multiplications / 1e6:.0f} M", cost.multiplications, "folded")
        rows.append(row)
    return rows


def details(report: Report) -> list[dict[str, Cell]]:
    """The other scores, those of the classes, ripple and every latency, in the same way."""
    rows = []
    for name in report.analysis.variants:
        row, runs = {report.comparison.by: Cell(name, name)}, report.comparison.variants[name]
        for metric, summaries in report.others.items():
            row[METRICS[metric].title] = over_seeds(summaries[name].by_seed)
        for kind in ("last", "best"):
            if values := known(runs, f"miou_{kind}"):
                row[f"mean IoU, {kind} epoch"] = over_seeds(values)
        if values := known(runs, "phase_ripple"):
            row["ripple"] = Cell(f"{mean(values):.3%}", mean(values), "of the variance")
        for way, milliseconds in report.costs.variants[name].latency.items():
            row[f"{WAYS[way]}, ms"] = Cell(f"{milliseconds:.3g}", milliseconds)
        for label in runs[0].classes:
            if values := known(runs, f"iou/{label}"):
                row[f"IoU of {label}"] = over_seeds(values)
        rows.append(row)
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    return [{heading: row.get(heading, Cell("", "")) for heading in headings} for row in rows]


def known(runs: Sequence[Run], score: str) -> list[float]:
    """A test score of the runs that have it."""
    return [value for run in runs if (value := run.metrics.get(f"test/{score}")) is not None]


def over_seeds(values: Sequence[float], best: bool = False) -> Cell:
    """Mean and, of several, ± standard deviation."""
    deviation = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return Cell(f"{mean(values):.4f}{deviation}", mean(values), best=best)


def as_terminal(report: Report) -> Table:
    """The main columns of the table, within 80 characters."""
    rows, by = table(report), report.comparison.by
    kept = [heading for heading in rows[0] if heading not in (by, "multiplications", "trains a step, ms")]
    shown = Table(by)
    for heading in kept:
        shown.add_column(fill(heading, 15), no_wrap=True)  # names are wrapped, numbers are not
    for row in rows:
        shown.add_row(*(Text(row[heading].text, "bold" if row[heading].best else "") for heading in [by, *kept]))
    return shown


def as_json(report: Report) -> dict[str, Any]:
    """The verdict and every figure of tables, differences and costs: plain values, and dataclasses of them."""
    comparison, analysis = report.comparison, report.analysis
    pairs = [
        {"first": first, "second": second, **difference._asdict()}
        for (first, second), difference in analysis.differences.items()
        if difference.mean > 0 or (difference.mean == 0 and first < second)
    ]
    judged = {key: value for key, value in asdict(analysis).items() if key not in ("differences", "best")}
    if analysis.best:
        judged |= {"candidates": analysis.best.candidates, "regret": analysis.best.regret, "lead": analysis.best.lead}
    return {
        "verdict": report.verdicts,
        "cautions": report.cautions,
        "compared": comparison.by,
        "margin": report.margin,
        "judged": {**judged, "pairs": pairs},
        "described": report.others,
        "left_out": comparison.left_out,
        "costs": report.costs,
        "runs": {name: [run.metrics for run in runs] for name, runs in comparison.variants.items()},
        "configuration": comparison.shared,
        "environments": comparison.environments,
    }


def fill_template(report: Report, name: str) -> str:
    """The page `report.html`; or `report.md`, the verdict and the table alone, for a paper or an issue."""
    templates = PackageLoader("unetlite.compare")
    environment = Environment(loader=templates, autoescape=name.endswith("html"), keep_trailing_newline=True)
    environment.filters |= {"address": address, "yaml": partial(yaml.safe_dump, sort_keys=False)}
    given = {"report": report, "rows": table(report), "details": details(report), "trade_offs": trade_offs}
    return environment.get_template(name).render(metric=METRICS[report.analysis.metric], **given)


def address(picture: np.ndarray) -> str:
    """An RGB picture as the address of itself."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_report(report: Report, directory: Path) -> list[Path]:
    """`report.html`, `report.json` and `report.md`, each whole or not at all."""
    texts = {
        "report.html": fill_template(report, "report.html"),
        "report.json": json.dumps(as_json(report), indent=1, default=asdict) + "\n",
        "report.md": fill_template(report, "report.md"),
    }
    for name, text in texts.items():
        write_text(directory / name, text)
    return [directory / name for name in texts]


def write_tensorboard(report: Report, directory: Path) -> Path:
    """The verdict as a chart, and all pictures, in the place of what was there, in a directory that is returned."""
    place, analysis, evidence = directory / "comparison", report.analysis, report.evidence
    for old in place.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(str(place)) as writer:
        figure = Figure(figsize=(7, 0.5 * len(analysis.variants) + 1), layout="constrained")
        axes = figure.subplots()
        for height, (name, summary) in enumerate(analysis.variants.items()):
            axes.plot(analysis.around(name) or (summary.mean,) * 2, (height, height), color="black")
            axes.plot(summary.mean, height, "o", color="black")
        axes.set_yticks(range(len(analysis.variants)), list(analysis.variants))
        axes.invert_yaxis()
        axes.set_xlabel(f"{METRICS[analysis.metric].title}, with intervals to the best of the others")
        writer.add_figure("verdict", figure)
        pages = {"test images": (evidence.images, {"wrong": WRONG}), "decoder features": (evidence.features, {})}
        for page, (rows, legend) in pages.items():
            for number, (title, pictures) in enumerate(rows.items()):
                grid = picture_grid({title: pictures}, legend, SIDE)
                writer.add_image(f"{page}/{number}", grid, dataformats="HWC")
    return place
