"""The verdict and the pictures of a report for TensorBoard."""

from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from unetlite.compare.figures import SIDE
from unetlite.compare.report import Report
from unetlite.files import name_full_disk
from unetlite.judge.analysis import Analysis
from unetlite.visualize import WRONG, picture_grid


def write_tensorboard(report: Report, directory: Path) -> Path:
    """Writes a chart and all pictures to `comparison` in a directory, over earlier ones.

    Returns that path.
    """
    path = directory / "comparison"
    for file in path.glob("events.out.tfevents.*"):
        file.unlink()
    pages = {
        "test images": (report.figures.images, {"wrong": WRONG}),
        "decoder features": (report.figures.features, {}),
    }
    with name_full_disk(path), SummaryWriter(str(path)) as writer:
        writer.add_figure("verdict", interval_chart(report.analysis))
        for page, (rows, legend) in pages.items():
            for number, (title, pictures) in enumerate(rows.items()):
                grid = picture_grid({title: pictures}, legend, SIDE)
                writer.add_image(f"{page}/{number}", grid, dataformats="HWC")
    return path


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
