"""The report: one HTML file that needs no other, the same as JSON, and the table as Markdown."""

import base64
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader
from PIL import Image

from unetlite.compare import figures
from unetlite.compare.comparison import Comparison, controlled
from unetlite.compare.cost import Costs
from unetlite.compare.evidence import Row
from unetlite.compare.result import Cell, Result, environments, table
from unetlite.compare.runs import METRICS, Run
from unetlite.run import MAY_DIFFER

EMPTY = Cell("", "")


def as_markdown(result: Result) -> str:
    """The verdict and the table, for a paper or an issue."""
    columns = table(result)
    headings = [result.comparison.by, *(column.heading for column in columns)]
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    for name in result.analysis.variants:
        cells = [column.cells.get(name, EMPTY) for column in columns]
        lines.append(f"| {' | '.join([name, *(f'**{c.text}**' if c.best else c.text for c in cells)])} |")
    notes = "Mean ± standard deviation over seeds. Bold: better than every other variant (Holm-corrected, 5 %)."
    return "\n\n".join([*result.verdicts, *result.cautions, "\n".join(lines), f"{basis(result)} {notes}"]) + "\n"


def as_json(result: Result) -> dict[str, Any]:
    """The verdict and every figure of tables, differences and costs, as plain values."""
    comparison = result.comparison
    return {
        "verdict": result.verdicts,
        "cautions": result.cautions,
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
    columns = table(result)
    spectra = {
        name: {key: np.mean([run.spectrum[key] for run in runs], axis=0) for key in runs[0].spectrum}
        for name, runs in comparison.variants.items()
    }
    classes = {
        label: {name: [score(run, label) for run in runs] for name, runs in comparison.variants.items()}
        for label in comparison.first.classes
    }
    width = comparison.first.metrics["test/boundary_iou_2pct_width"]
    template = Environment(loader=PackageLoader("unetlite.compare"), autoescape=True).get_template("report.html")
    return template.render(
        title=title,
        basis=basis(result),
        by=comparison.by,
        verdicts=result.verdicts,
        cautions=result.cautions,
        columns=[comparison.by, *(column.heading for column in columns)],
        rows=[[Cell(name, name), *(column.cells.get(name, EMPTY) for column in columns)] for name in analysis.variants],
        cost_note=cost_note(result.costs),
        trade_offs=figures.trade_offs(analysis, result.costs, palette),
        better="Down" if METRICS[analysis.metric].lower_is_better else "Up",
        pairs=analysis.pairs,
        differences=figures.differences(analysis) if analysis.pairs else "",
        learning_curves=figures.learning_curves(result.curves, palette),
        class_scores=figures.class_scores(classes, palette),
        spectra=figures.spectra(spectra, palette),
        missing=result.evidence.missing,
        images=[embedded(row) for row in result.evidence.images],
        close_ups=[embedded(row) for row in result.evidence.close_ups],
        ripples=embedded(result.evidence.ripples),
        last_class=comparison.first.classes[-1],
        left_out=comparison.left_out,
        width_note=f", 2 % of the diagonal being {width:.3g} pixels here on average",
        config=yaml.safe_dump(shared_config(comparison), sort_keys=False),
        environment=yaml.safe_dump(environments(comparison), sort_keys=False),
    )


def score(run: Run, label: str) -> float:
    """A run's test IoU of a class, NaN for one that is absent."""
    value = run.metrics[f"test/iou/{label}"]
    return float("nan") if value is None else value


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
    note = (
        f"Multiplications and memory (of the maps, at the peak) are those of one image of {size} pixels. Times were "
        f"measured in turn ({costs.processor}, {costs.threads} threads): medians, with quartiles below. Predictions "
        "are of such an image in float32; a training step has the batch, crop and precision of the runs."
    )
    return note + (f" Not measured: {'; '.join(costs.missing)}." if costs.missing else "")


def shared_config(comparison: Comparison) -> dict[str, Any]:
    """The settings that all runs share."""
    return controlled(comparison.first.config, (*MAY_DIFFER, "seed", comparison.by, *comparison.allowed))


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
