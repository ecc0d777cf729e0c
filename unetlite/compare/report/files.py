"""The files of a report: a page that needs no other file, JSON, and Markdown."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader

from unetlite.compare.levers.table import draw_levers
from unetlite.compare.report.charts import trade_offs
from unetlite.compare.report.next_steps import next_steps
from unetlite.compare.report.report import Report
from unetlite.compare.report.tables import (
    class_iou_table,
    class_table,
    detail_table,
    difference_table,
    failure_table,
    lever_table,
    main_table,
)
from unetlite.files import write_json, write_text
from unetlite.visualize import Pictures, data_uri


def write_report(report: Report, directory: Path) -> list[Path]:
    """Writes `report.html`, `report.json` and `report.md`, each whole or not at all."""
    page = fill_template(report, "report.html")
    table = fill_template(report, "report.md")
    files = [directory / name for name in ("report.html", "report.json", "report.md")]
    write_text(files[0], page)
    write_json(files[1], report_json(report))
    write_text(files[2], table)
    return files


def report_json(report: Report) -> dict[str, Any]:
    """The verdict and all figures behind it: plain values, and dataclasses of them."""
    comparison = report.comparison
    runs = {}
    for name, of_variant in comparison.variants.items():
        runs[name] = [run.metrics for run in of_variant]
    return {
        "verdict": report.verdicts,
        "cautions": report.cautions,
        "worth": report.worth,
        "losses": report.losses,
        "next": [step._asdict() for step in next_steps(report)],
        "trained": report.trained,
        "trend": report.trend._asdict() if report.trend else None,
        "gains": report.gains + report.gains_basis,
        "prediction": report.prediction,
        "look_at": report.look_at,
        "compared": comparison.by,
        "margin": report.margin,
        "equivalence": report.equivalence,
        "protocol": report.protocol,
        "judged": {"metric": report.metric, **report.analysis.figures()},
        "described": report.others,
        "left_out": comparison.left_out,
        "failures": comparison.race.failures if comparison.race else [],
        "without_images": comparison.without_images,
        "suspects": report.suspects.sentences,
        "orientation": report.orientation,
        "levers": report.levers.outcome if report.levers else None,
        "costs": report.costs,
        "runs": runs,
        "configuration": comparison.shared,
        "environments": comparison.environments,
    }


def fill_template(report: Report, name: str) -> str:
    """`report.html`; or `report.md`, the verdict and the main table, for a paper or an issue."""
    environment = Environment(
        loader=PackageLoader("unetlite.compare"),
        autoescape=name.endswith("html"),
        keep_trailing_newline=True,
    )
    environment.filters["address"] = data_uri
    environment.filters["yaml"] = partial(yaml.safe_dump, sort_keys=False)
    return environment.get_template(name).render(
        report=report,
        steps=next_steps(report),
        rows=main_table(report),
        classes=class_table(report),
        details=detail_table(report),
        failures=failure_table(report),
        differences=difference_table(report),
        class_iou=class_iou_table(report),
        trade_offs=trade_offs,
        levers=lever_table(report),
        draw_levers=draw_levers,
        sample=sample_prediction(report),
        columns=balanced_columns,
    )


def sample_prediction(report: Report) -> dict[str, Pictures]:
    """A part of a test image, its truth, and the errors of the variant to take, by title."""
    for title, pictures in report.figures.images.items():
        errors = [caption for caption in pictures if caption.startswith(f"{report.chosen},")]
        shown = ["part", "truth", *errors]
        return {title: {caption: pictures[caption] for caption in shown}}
    return {}


def balanced_columns(count: int, max_columns: int) -> int:
    """Of pictures side by side, at most so many, so that all rows are about as long.

    >>> balanced_columns(10, 8)
    5
    """
    rows = math.ceil(count / max_columns)
    return math.ceil(count / rows)
