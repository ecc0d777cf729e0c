"""Reading a finished run."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import yaml

from unetlite.checkpoint import KEY, load_checkpoint
from unetlite.compare.statistics import contributions
from unetlite.errors import UsageError
from unetlite.run import RunFiles


class Metric(NamedTuple):
    """A score of the test images.

    Attributes:
        title: in words.
        table: the counts of `counts.csv` that it is made of, or "per_image" for a mean over a column of that table.
        kind: "iou" or "dice" of the counts; the column.
        digits: after the point.
    """

    title: str
    table: str
    kind: str
    lower_is_better: bool = False
    digits: int = 4


METRICS = {
    "miou": Metric("mean IoU", "overlap", "iou"),
    "dice": Metric("mean Dice", "overlap", "dice"),
    "boundary_iou_1px": Metric("boundary IoU within 1 pixel", "boundary_1px", "iou"),
    "boundary_iou_2pct": Metric("boundary IoU within 2 % of the diagonal", "boundary_2pct", "iou"),
    "miou_per_image": Metric("mean IoU of an image", "per_image", "miou"),
    "dice_per_image": Metric("mean Dice of an image", "per_image", "dice"),
    "surface_dice_1px": Metric("surface Dice within 1 pixel", "per_image", "surface_dice_1px"),
    "hausdorff95": Metric("95 % Hausdorff distance in pixels", "per_image", "hausdorff95", True, 2),
}


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        files: where it lies.
        config: the resolved configuration, nested.
        metrics: by name, such as "test/miou"; None for an absent class.
        images: names of the test images.
        spectrum: columns `cycles_per_pixel`, `logits` and `truth`.
    """

    files: RunFiles
    config: dict[str, Any]
    metrics: dict[str, float | None]
    images: tuple[str, ...]
    spectrum: dict[str, np.ndarray]
    _tables: dict[str, dict[str, np.ndarray]] = field(repr=False)

    @property
    def seed(self) -> int:
        """The seed of weights, order and augmentation."""
        return int(self.config["seed"])

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Where and with which versions it was trained."""
        return cast(dict[str, Any], load_checkpoint(self.files.best)[KEY].get("environment", {}))

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return [name.removeprefix("iou/") for name in self._tables["per_image"] if name.startswith("iou/")]

    def counts(self, table: str) -> np.ndarray:
        """True positives, false positives and false negatives (N, K, 3) of every test image and class."""
        columns = self._tables["counts"]
        counts = [[columns[f"{table}/{part}/{label}"] for part in ("tp", "fp", "fn")] for label in self.classes]
        return np.array(counts).transpose(2, 0, 1)

    def scores(self, metric: str) -> np.ndarray:
        """Values (N,) of a metric of METRICS, one a test image, whose mean is the run's score; NaN for no value."""
        _, table, kind, *_ = METRICS[metric]
        return self._tables[table][kind] if table == "per_image" else contributions(self.counts(table), kind)


def read_run(path: Path) -> Run:
    """The run in this directory.

    Raises:
        UsageError: a file of it is missing or damaged.
    """
    files = RunFiles(path)
    try:
        config = yaml.safe_load(files.config_file.read_text())
        metrics = json.loads(files.metrics.read_text())
        texts = {"per_image": read_table(files.per_image), "counts": read_table(files.counts)}
        images = tuple(texts["per_image"].pop("image"))
        texts["counts"].pop("image")
        tables = {name: {key: to_floats(column) for key, column in table.items()} for name, table in texts.items()}
        spectrum = {key: to_floats(column) for key, column in read_table(files.spectrum).items()}
        return Run(files, config, metrics, images, spectrum, tables)
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is no complete run ({reason}). Delete it, and train it again.") from None


def read_table(file: Path) -> dict[str, list[str]]:
    """The columns of a CSV file by their names."""
    with file.open(newline="") as opened:
        header, *rows = csv.reader(opened)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def to_floats(column: Iterable[str]) -> np.ndarray:
    """Numbers, NaN for an empty cell."""
    return np.array([float(value) if value else np.nan for value in column])
