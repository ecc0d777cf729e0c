"""A finished run, as its directory records it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.compare.metrics import METRICS
from unetlite.errors import UsageError
from unetlite.metrics.influence import per_image_influence
from unetlite.run_directory import RunFiles
from unetlite.tables import read_csv


@dataclass(frozen=True)
class Run:
    """A finished run with N test images."""

    files: RunFiles
    config: dict[str, Any]  # resolved and nested
    metrics: dict[str, float | None]  # by name, such as "test/miou"; None for an absent class
    environment: dict[str, Any]  # device and versions of the training; empty if not recorded
    images: list[str]  # names of the test images
    groups: list[str]  # of each image; the image itself in runs from before there were groups
    columns: dict[str, np.ndarray]  # (N,) of per_image.csv and counts.csv; NaN for an empty cell

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def classes(self) -> list[str]:
        return [name.removeprefix("iou/") for name in self.columns if name.startswith("iou/")]

    def counts(self, table: str) -> np.ndarray:
        """TP, FP and FN (N, K, 3) of every test image and class."""
        by_class = []
        for name in self.classes:
            by_class.append([self.columns[f"{table}/{kind}/{name}"] for kind in ("tp", "fp", "fn")])
        return np.array(by_class).transpose(2, 0, 1)  # (K, 3, N) -> (N, K, 3)

    def image_scores(self, metric: str) -> np.ndarray:
        """Values (N,) of a metric of METRICS, whose mean is the run's score; NaN for no value."""
        _, table, kind = METRICS[metric]
        if table == "per_image":
            return self.columns[kind]
        return per_image_influence(self.counts(table), kind)

    def test_set(self) -> tuple[Any, ...]:
        """What identifies the test set: images, groups, classes, and the pixels of each class."""
        true_positive, _, false_negative = np.moveaxis(self.counts("overlap"), -1, 0)  # (N, K)
        pixels = true_positive + false_negative
        return self.images, self.groups, self.classes, pixels.tolist()


def read_run(path: Path) -> Run:
    """The run in this directory. Raises UsageError if a file of it is missing or damaged."""
    files = RunFiles(path)
    environment: dict[str, Any] = {}
    columns = {}
    try:
        table = read_csv(files.counts)
        table.update(read_csv(files.per_image))  # both begin with the images and their groups
        images = table.pop("image")
        groups = table.pop("group", images)
        for name, cells in table.items():
            columns[name] = np.array([float(cell or "nan") for cell in cells])
        if files.environment_file.exists():
            environment = json.loads(files.environment_file.read_text())
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{path} is not a complete run ({reason}). Delete it, and train it again."
        ) from None
    return Run(
        files,
        files.stored_config(),
        files.stored_metrics(),
        environment,
        images,
        groups,
        columns,
    )
