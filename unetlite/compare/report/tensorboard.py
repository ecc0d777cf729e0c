"""What TensorBoard shows of a comparison: verdict, pictures, and mean curves with a band."""

import re
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from unetlite.compare.curves import Curve, read_curves
from unetlite.compare.report.figures import SIDE
from unetlite.compare.report.report import Report
from unetlite.files import name_full_disk
from unetlite.judge.analysis import Analysis
from unetlite.visualize import picture_grid

MEAN = "score/mean_over_seeds"
LOW = "score_band/low"
HIGH = "score_band/high"
LAYOUT = {
    "validation": {"mean IoU over seeds, ± standard deviation": ["Margin", [MEAN, LOW, HIGH]]},
}
"""Of the CUSTOM SCALARS tab."""


def write_tensorboard(report: Report, directory: Path) -> Path:
    """Writes chart, pictures and mean curves to `comparison` in a directory, over earlier ones.

    Returns that path.
    """
    path = directory / "comparison"
    for file in path.rglob("events.out.tfevents.*"):
        file.unlink()
    pages = {
        "errors on test images": (report.figures.images, report.figures.legend),
        "features of the decoder": (report.figures.features, {}),
    }
    with name_full_disk(path), SummaryWriter(str(path)) as writer:
        writer.add_figure("verdict", interval_chart(report.analysis))
        for page, (rows, legend) in pages.items():
            for number, (title, pictures) in enumerate(rows.items()):
                grid = picture_grid({title: pictures}, legend, SIDE)
                writer.add_image(f"{page}/{number}", grid, dataformats="HWC")
        curves = read_curves(report.comparison.variants)
        if curves:
            writer.add_custom_scalars(LAYOUT)
            write_mean_curves(curves, path)
    return path


def write_mean_curves(curves: Mapping[str, Curve], path: Path) -> None:
    """A folder for each variant: the mean over its seeds, and ± one standard deviation."""
    for name, curve in curves.items():
        folder = path / re.sub(r"[^\w.=-]+", "_", name)
        means = curve.scores.mean(0)
        deviations = curve.scores.std(0, ddof=1) if len(curve.scores) > 1 else 0 * means
        with SummaryWriter(str(folder)) as writer:
            for step, mean, deviation in zip(curve.steps, means, deviations, strict=True):
                writer.add_scalar(MEAN, mean, int(step))
                writer.add_scalar(LOW, mean - deviation, int(step))
                writer.add_scalar(HIGH, mean + deviation, int(step))


def interval_chart(analysis: Analysis) -> Figure:
    """Means and intervals of the variants, best on top."""
    names = list(analysis.variants)
    figure = Figure(figsize=(7, 0.5 * len(names) + 1), layout="constrained")  # inches
    axes = figure.subplots()
    for height, name in enumerate(names):
        mean = analysis.variants[name].mean
        axes.plot(analysis.chart_interval(name), (height, height), "k")
        axes.plot(mean, height, "ok")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"{analysis.metric_title}, with intervals to the best of the others")
    return figure
