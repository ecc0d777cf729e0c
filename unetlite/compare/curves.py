"""Learning curves: out of the runs' TensorBoard events, and their means back into TensorBoard."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from tensorboard.compat.proto.event_pb2 import Event
from torch.utils.tensorboard import SummaryWriter

from unetlite.compare.evidence import SIDE, Evidence
from unetlite.compare.runs import METRICS, Comparison, Run
from unetlite.compare.statistics import LEVEL
from unetlite.compare.verdict import Analysis
from unetlite.pictures import WRONG, picture_grid

TAGS = ("val/miou", "val/boundary_iou_1px", "val/loss", "train/loss_epoch")


class Curve(NamedTuple):
    """A variant's mean over seeds: steps and mean (T,), and how far its interval of 95 % reaches; None for one seed."""

    steps: np.ndarray
    mean: np.ndarray
    reach: np.ndarray | None


def mean_curves(comparison: Comparison) -> dict[str, dict[str, Curve]]:
    """By variant, and by tag. Steps that not every seed has, as after early stopping, are left out."""
    curves: dict[str, dict[str, Curve]] = {name: {} for name in comparison.variants}
    for name, runs in comparison.variants.items():
        scalars = [read_scalars(run) for run in runs]
        for tag in TAGS:
            if steps := sorted(set.intersection(*(set(values[tag]) for values in scalars))):
                table = np.array([[values[tag][step] for step in steps] for values in scalars])  # (S, T)
                reach = stats.t.isf((1 - LEVEL) / 2, len(runs) - 1) * stats.sem(table) if len(runs) > 1 else None
                curves[name][tag] = Curve(np.array(steps), table.mean(0), reach)
    return curves


def read_scalars(run: Run) -> dict[str, dict[int, float]]:
    """The values of TAGS by step; after an interruption the later value counts."""
    found: dict[str, dict[int, float]] = {tag: {} for tag in TAGS}
    for file in sorted(run.files.path.glob("events.out.tfevents.*")):
        for record in records(file.read_bytes()):
            event = Event.FromString(record)
            for value in event.summary.value:
                if value.tag in found:
                    found[value.tag][event.step] = value.simple_value
    return found


def records(content: bytes) -> Iterator[bytes]:
    """The records of a TFRecord file, each between its length and its sum; TensorBoard's reader sums in Python."""
    start = 0
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 8], "little")
        if end + 4 <= len(content):  # what a kill has cut off is left out
            yield content[start + 12 : end]
        start = end + 4


def write_tensorboard(
    curves: Mapping[str, Mapping[str, Curve]], analysis: Analysis, evidence: Evidence, directory: Path
) -> Path:
    """A directory for TensorBoard: each variant's mean curves with intervals, and its pictures of test images."""
    place = directory / "comparison"
    for old in place.glob("*/events.out.tfevents.*"):
        old.unlink()
    # The last is shown first.
    charts = {tag: ["Margin", [tag, f"within/{tag}/low", f"within/{tag}/high"]] for tag in reversed(TAGS)}
    for name, by_tag in curves.items():
        with SummaryWriter(str(place / re.sub(r"[/\\]", "_", name))) as writer:
            if any(curve.reach is not None for curve in by_tag.values()):
                writer.add_custom_scalars({"mean and 95 % interval over seeds": charts})
            for tag, (steps, mean, reach) in by_tag.items():
                lines = {tag: mean}
                if reach is not None:
                    lines |= {f"within/{tag}/low": mean - reach, f"within/{tag}/high": mean + reach}
                for line, values in lines.items():
                    for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                        writer.add_scalar(line, value, step)
    with SummaryWriter(str(place / "all")) as writer:
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
