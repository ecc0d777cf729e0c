"""The report: one HTML file that needs no other, the same as JSON, and the table as Markdown."""

import base64
import csv
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader
from PIL import Image

from unetlite.compare import figures
from unetlite.compare.analysis import TITLES, Analysis, verdict
from unetlite.compare.cost import WAYS, Costs
from unetlite.compare.curves import Curve
from unetlite.compare.evidence import Evidence, Row
from unetlite.compare.runs import Comparison, controlled
from unetlite.run import MAY_DIFFER

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


def as_markdown(result: Result) -> str:
    """The verdict and the table, for a paper or an issue."""
    headings, rows = table(result)
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    for row in rows:
        cells = (f"**{cell.text}**" if cell.best else cell.text for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    notes = "Mean ± standard deviation over seeds. Bold: better than every other variant (Holm-corrected, 5 %)."
    return "\n\n".join([*result.verdicts, "\n".join(lines), f"{basis(result)} {notes}"]) + "\n"


def as_json(result: Result) -> dict[str, Any]:
    """Every number of the report, as plain values."""
    comparison = result.comparison
    return {
        "verdict": result.verdicts,
        "compared": comparison.by,
        "metric": result.metric,
        "seeds": comparison.seeds,
        "test_images": len(comparison.first.images),
        "left_out": comparison.left_out,
        "metrics": {
            metric: {
                "leaders": analysis.leaders,
                "variants": {name: asdict(summary) for name, summary in analysis.variants.items()},
                "pairs": [{**asdict(pair), "shown": pair.shown} for pair in analysis.pairs],
            }
            for metric, analysis in result.analyses.items()
        },
        "costs": asdict(result.costs),
        "runs": {name: [run.metrics for run in runs] for name, runs in comparison.variants.items()},
        "configuration": shared_config(comparison),
        "environments": environments(comparison),
    }


def as_html(result: Result, title: str) -> str:
    """The whole page."""
    comparison, analysis = result.comparison, result.analysis
    palette = figures.Palette(list(comparison.variants))
    headings, rows = table(result)
    spectra, truth, frequencies = read_spectra(comparison)
    classes = {
        label: {name: [run.metrics[f"test/iou/{label}"] or 0.0 for run in runs]
                for name, runs in comparison.variants.items()}
        for label in comparison.first.classes
    }  # fmt: skip
    width = comparison.first.metrics["test/boundary_iou_2pct_width"]
    found = environments(comparison)
    template = Environment(loader=PackageLoader("unetlite.compare"), autoescape=True).get_template("report.html")
    return template.render(
        title=title,
        basis=basis(result),
        by=comparison.by,
        verdicts=result.verdicts,
        columns=headings,
        rows=rows,
        cost_note=cost_note(result.costs),
        trade_offs=figures.trade_offs(analysis, result.costs, palette),
        pairs=analysis.pairs,
        differences=figures.differences(analysis) if analysis.pairs else "",
        learning_curves=figures.learning_curves(result.curves, palette),
        class_bars=figures.class_bars(classes, palette),
        spectra=figures.spectra(spectra, truth, frequencies, palette),
        missing=result.evidence.missing,
        images=[embedded(row) for row in result.evidence.images],
        close_ups=[embedded(row) for row in result.evidence.close_ups],
        ripples=embedded(result.evidence.ripples),
        left_out=comparison.left_out,
        notes=["The runs were trained in different environments, see below."] if len(found) > 1 else [],
        width_note=f", 2 % of the diagonal being {width:.3g} pixels here on average",
        config=yaml.safe_dump(shared_config(comparison), sort_keys=False),
        environment=yaml.safe_dump(found, sort_keys=False),
    )


def basis(result: Result) -> str:
    """What the figures rest on."""
    comparison = result.comparison
    seeds = ", ".join(map(str, comparison.seeds))
    count = len(comparison.seeds)
    return (
        f"{len(comparison.variants)} variants of {comparison.by}, {count} seed{'s' * (count > 1)} each ({seeds}), "
        f"{len(comparison.first.images)} test images, data set {comparison.first.config['data']['name']}."
    )


def cost_note(costs: Costs) -> str:
    """How costs were measured."""
    size = " x ".join(map(str, costs.size))
    note = f"Costs are those of one image of {size} pixels in float32; memory is that of its maps at the peak."
    if costs.fastest:
        note += f" Latencies: medians (quartiles below) of runs taken in turn, {costs.threads} threads."
        note += f" {costs.missing[0].upper()}{costs.missing[1:]}." if costs.missing else ""
    return note


def shared_config(comparison: Comparison) -> dict[str, Any]:
    """The settings that all runs share."""
    flat = [controlled(run.config, (*MAY_DIFFER, "seed", comparison.by)) for runs in comparison.variants.values()
            for run in runs]  # fmt: skip
    return {key: value for key, value in flat[0].items() if all(other.get(key) == value for other in flat)}


def environments(comparison: Comparison) -> list[dict[str, Any]]:
    """The different places and versions that the runs were trained with."""
    found: list[dict[str, Any]] = []
    for runs in comparison.variants.values():
        for run in runs:
            if (here := run.about.get("environment", {})) not in found:
                found.append(here)
    return found


def read_spectra(comparison: Comparison) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Mean over seeds of each variant's spectrum, that of the truth, and the frequencies."""

    def read(file: Path) -> np.ndarray:
        with file.open(newline="") as opened:
            return np.array([[float(cell) for cell in row] for row in list(csv.reader(opened))[1:]])

    tables = {
        name: np.mean([read(run.path / "spectrum.csv") for run in runs], axis=0)
        for name, runs in comparison.variants.items()
    }  # (bins, 3): frequency, logits, truth
    first = next(iter(tables.values()))
    return {name: values[:, 1] for name, values in tables.items()}, first[:, 2], first[:, 0]


def embedded(row: Row) -> dict[str, Any]:
    """A row whose pictures are in the page itself."""
    return {"title": row.title, "pictures": [(caption, data_uri(picture)) for caption, picture in row.pictures]}


def data_uri(picture: np.ndarray) -> str:
    """An RGB picture as the address of itself."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_report(result: Result, directory: Path, title: str) -> list[Path]:
    """`report.html`, `report.json` and `report.md`, each whole or not at all."""
    texts = {
        "report.html": as_html(result, title),
        "report.json": json.dumps(as_json(result), indent=1) + "\n",
        "report.md": as_markdown(result),
    }
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in texts.items():
        partial = directory / f".{name}.partial"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, directory / name)
        files.append(directory / name)
    return files
