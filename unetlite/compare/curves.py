"""Learning curves, out of the runs' TensorBoard events."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats
from tensorboard.compat.proto.event_pb2 import Event

from unetlite.compare.runs import Comparison, Run
from unetlite.compare.statistics import LEVEL

TAGS = ("val/miou", "val/loss")


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
