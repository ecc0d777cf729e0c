"""What a comparison found, for TensorBoard: the verdict as a chart, and all variants' pictures side by side."""

from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from unetlite.compare.evidence import SIDE, Evidence
from unetlite.compare.runs import METRICS
from unetlite.compare.verdict import Analysis
from unetlite.pictures import WRONG, picture_grid


def write_tensorboard(analysis: Analysis, evidence: Evidence, directory: Path) -> Path:
    """Writes it to a directory of its own, and returns that; what was there before is replaced."""
    place = directory / "comparison"
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
        for page, rows, legend in (
            ("test images", evidence.images, {"wrong": WRONG}),
            ("decoder features", evidence.features, {}),
        ):
            for number, row in enumerate(rows):
                captions, pictures = zip(*row.pictures, strict=True)
                grid = picture_grid([pictures], [row.title], legend, captions, cell=SIDE)
                writer.add_image(f"{page}/{number}", grid, dataformats="HWC")
    return place
