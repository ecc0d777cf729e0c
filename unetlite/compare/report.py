"""The report: one HTML file that needs no other, the same as JSON, and the table as Markdown."""

import base64
import csv
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
from unetlite.compare.cost import Costs
from unetlite.compare.evidence import Row
from unetlite.compare.result import Result, table
from unetlite.compare.runs import Comparison, controlled
from unetlite.run import MAY_DIFFER


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
