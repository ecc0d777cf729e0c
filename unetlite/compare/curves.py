"""Learning curves: out of the runs' TensorBoard events, and their means back into TensorBoard."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from unetlite.compare.comparison import Comparison
from unetlite.compare.runs import Run
from unetlite.compare.statistics import LEVEL

TAGS = ("val/miou", "val/boundary_iou_1px", "val/boundary_iou_2pct", "val/loss", "train/loss_epoch")
MEANS = "mean"
"""The directory of the curves, beside those of the variants."""


@dataclass(frozen=True)
class Curve:
    """A variant's mean over seeds with an interval of 95 % for it.

    Attributes:
        steps, mean, low, high: (T,) each; the interval is the mean itself for a single seed.
    """

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def mean_curves(comparison: Comparison) -> dict[str, dict[str, Curve]]:
    """By tag, and by variant. Steps that not every seed has, as after early stopping, are left out."""
    curves: dict[str, dict[str, Curve]] = {tag: {} for tag in TAGS}
    for name, runs in comparison.variants.items():
        scalars = [read_scalars(run) for run in runs]
        for tag in TAGS:
            steps = sorted(set.intersection(*(set(values[tag]) for values in scalars)))
            if not steps:
                continue
            table = np.array([[values[tag][step] for step in steps] for values in scalars])  # (S, T)
            seeds = len(table)
            mean, reach = table.mean(0), np.zeros(len(steps))
            if seeds > 1:
                reach = stats.t.isf((1 - LEVEL) / 2, seeds - 1) * table.std(0, ddof=1) / np.sqrt(seeds)
            curves[tag][name] = Curve(np.array(steps), mean, mean - reach, mean + reach)
    return {tag: by_variant for tag, by_variant in curves.items() if by_variant}


def read_scalars(run: Run) -> dict[str, dict[int, float]]:
    """The values of TAGS by step; after an interruption the later value counts."""
    events = EventAccumulator(str(run.files.path), size_guidance={"scalars": 0, "images": 1, "tensors": 1})
    events.Reload()
    found = set(events.Tags()["scalars"])
    return {tag: {e.step: e.value for e in events.Scalars(tag)} if tag in found else {} for tag in TAGS}


def write_means(comparison: Comparison, curves: dict[str, dict[str, Curve]], directory: Path) -> Path:
    """For TensorBoard: in `mean/<variant>`, means under the runs' own tags and intervals as margin charts."""
    target = directory / MEANS
    for old in target.glob("*/events.out.tfevents.*"):
        old.unlink()
    layout = {
        "mean and 95 % interval over seeds": {
            tag: ["Margin", [tag, f"interval/{tag}/low", f"interval/{tag}/high"]] for tag in curves
        }
    }
    for name in comparison.variants:
        with SummaryWriter(str(target / re.sub(r"[/\\]", "_", name))) as writer:
            writer.add_custom_scalars(layout)
            for tag, by_variant in curves.items():
                if name not in by_variant:
                    continue
                curve = by_variant[name]
                for step, *values in zip(
                    *(x.tolist() for x in (curve.steps, curve.mean, curve.low, curve.high)), strict=True
                ):
                    for which, value in zip((tag, f"interval/{tag}/low", f"interval/{tag}/high"), values, strict=True):
                        writer.add_scalar(which, value, int(step))
    return target
