"""A finished run, as its directory records it: read, and verified, in one place."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.checkpoint import hash_weights, load_checkpoint
from unetlite.compare.metrics import METRICS
from unetlite.errors import PARSE_ERRORS, UsageError
from unetlite.metrics.counts import per_image_influence, per_image_scores
from unetlite.run_directory import RunFiles, config_differences
from unetlite.settings.schema import METADATA_KEY
from unetlite.tables import read_csv

ROUNDING = 1e-6  # of scores; tables have nine digits


@dataclass(frozen=True)
class Run:
    """A finished run with N test images."""

    files: RunFiles
    config: dict[str, Any]  # resolved and nested
    metrics: dict[str, float | None]  # by name, such as "test/miou"; None for an absent class
    environment: dict[str, Any]  # device, versions and data of the training, as far as recorded
    weights: str  # SHA-256 of the tested network
    images: list[str]  # names of the test images
    groups: list[str]  # of each image; the image itself in runs from before there were groups
    columns: dict[str, np.ndarray]  # (N,) of counts.csv, numbers of pixels

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def data_hash(self) -> str | None:
        """Of the data that it was trained and tested on; None in runs of earlier versions."""
        return self.environment.get("data_hash")

    @property
    def classes(self) -> list[str]:
        return counted_classes(self.columns)

    def counts(self, table: str) -> np.ndarray:
        """TP, FP and FN (N, K, 3) of every test image and class."""
        return stack_counts(self.columns, table)

    def image_scores(self, metric: str) -> np.ndarray:
        """Values (N,) of a metric of METRICS, whose mean is the run's score; NaN for no value."""
        chosen = METRICS[metric]
        counts = self.counts(chosen.table)
        if chosen.per_image:
            return per_image_scores(counts, chosen.kind)
        return per_image_influence(counts, chosen.kind)

    def class_influence(self, label: str) -> np.ndarray:
        """What each test image (N,) adds to the IoU of one class, whose mean is that IoU."""
        k = self.classes.index(label)
        return per_image_influence(self.counts("overlap")[:, [k]])

    def scores(self) -> dict[str, float]:
        """The scores of the run by their names in `metrics.json`, from the counts alone."""
        scores = {}
        for metric in METRICS:
            values = self.image_scores(metric)
            valid = values[~np.isnan(values)]
            scores[f"test/{metric}"] = float(valid.mean()) if len(valid) else math.nan
        totals = self.total_counts.tolist()
        for label, (true_positive, *wrong) in zip(self.classes, totals, strict=True):
            errors = sum(wrong)
            if true_positive + errors > 0:
                scores[f"test/iou/{label}"] = true_positive / (true_positive + errors)
                scores[f"test/dice/{label}"] = 2 * true_positive / (2 * true_positive + errors)
        return scores

    @property
    def total_counts(self) -> np.ndarray:
        """TP, FP and FN (K, 3) over all test images."""
        return self.counts("overlap").sum(0)

    @property
    def class_pixels(self) -> np.ndarray:
        """The pixels (N, K) of each class in the masks of the test images."""
        true_positive, _, false_negative = np.moveaxis(self.counts("overlap"), -1, 0)
        return true_positive + false_negative

    def without(self, images: Collection[str]) -> "Run":
        """The same as if it had not been tested on these images.

        Test scores that are not made of counts of pixels have no value then, such as ripple.
        """
        kept = [name not in images for name in self.images]
        run = replace(
            self,
            images=list(compress(self.images, kept)),
            groups=list(compress(self.groups, kept)),
            columns={name: column[kept] for name, column in self.columns.items()},
        )
        metrics: dict[str, float | None] = {}
        for name, score in run.scores().items():
            metrics[name] = None if math.isnan(score) else score
        for name, value in self.metrics.items():
            if not name.startswith("test/"):
                metrics[name] = value
        return replace(run, metrics=metrics)

    def test_set(self) -> tuple[Any, ...]:
        """What identifies the test set: images, groups, classes, and the pixels of each class."""
        return self.images, self.groups, self.classes, self.class_pixels.tolist()


def best_validated(runs: Sequence[Run]) -> Run:
    """The run with the best validation score of the weights that were tested.

    Test scores must not choose: they judge. Of equal runs it is the first.
    """
    return max(runs, key=lambda run: run.metrics.get("val/miou") or 0.0)


def read_run(path: Path) -> Run:
    """The run in this directory.

    Raises UsageError if a file of it is missing, damaged or changed, or if its files do not agree.
    """
    files = RunFiles(path)
    config = files.stored_config()
    metrics = files.stored_metrics()
    files.check_sums([files.metrics, *files.results()])
    if not config["test"]:
        raise UsageError(
            f"{path} was trained with test=false, and has no scores of test images to compare. "
            "Delete it, and train it again with test=true."
        )
    checkpoint = load_checkpoint(files.test_checkpoint)
    metadata = checkpoint[METADATA_KEY]
    try:
        run = Run(
            files,
            config,
            metrics,
            metadata.get("environment", {}),
            hash_weights(checkpoint["state_dict"]),
            *read_counts(files.counts),
        )
        check_checkpoint(run, metadata)
        check_scores(run, metadata)
    except (OSError, *PARSE_ERRORS) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{path} is not a complete run ({reason}). Delete it, and train it again."
        ) from None
    return run


def read_counts(file: Path) -> tuple[list[str], list[str], dict[str, np.ndarray]]:
    """Names and groups of N images, and the columns (N,) of pixel counts of a table.

    Raises OSError and ValueError for a file that is not such a table.
    """
    table = read_csv(file)
    images = table.pop("image")
    groups = table.pop("group", images)
    columns = {}
    for name, cells in table.items():
        columns[name] = np.array([parse_count(cell, name) for cell in cells])
    return images, groups, columns


def counted_classes(columns: Collection[str]) -> list[str]:
    """The classes that a table of counts is about, by the names of its columns."""
    prefix = "overlap/tp/"
    return [name.removeprefix(prefix) for name in columns if name.startswith(prefix)]


def stack_counts(columns: Mapping[str, np.ndarray], table: str) -> np.ndarray:
    """TP, FP and FN (N, K, 3) of N images and K classes, of columns (N,)."""
    by_class = []
    for name in counted_classes(columns):
        by_class.append([columns[f"{table}/{kind}/{name}"] for kind in ("tp", "fp", "fn")])
    return np.array(by_class).transpose(2, 0, 1)  # (K, 3, N) -> (N, K, 3)


def parse_count(cell: str, column: str) -> float:
    """A number of pixels. Raises ValueError if it is negative or not whole."""
    if not re.fullmatch(r"\d+", cell, re.ASCII):
        raise ValueError(f"{column} has the count {cell!r}")
    return float(cell)


def check_checkpoint(run: Run, metadata: dict[str, Any]) -> None:
    """Raises UsageError if the tested checkpoint is that of another run."""
    differences = config_differences(metadata["config"], run.config, run.data_hash)
    if metadata["classes"] != run.classes:
        differences.append(f"classes ({metadata['classes']} there, {run.classes} here)")
    if differences:
        raise UsageError(
            f"{run.files.test_checkpoint} is not a checkpoint of the run in its folder; it differs "
            f"in {', '.join(differences)}. Put the original back, or delete {run.files.path} and "
            "train again."
        )


def check_scores(run: Run, metadata: dict[str, Any]) -> None:
    """Raises UsageError if `metrics.json` differs from the tables, or from the checkpoint."""
    sources = {"counts.csv": run.scores(), "the checkpoint": metadata.get("metrics", {})}
    for source, scores in sources.items():
        for name, expected in scores.items():
            value = run.metrics.get(name, expected)  # an earlier version may not have it
            if not same_score(value, expected):
                raise UsageError(
                    f"{run.files.metrics} has {name} = {value}, and {source} of the run "
                    f"{expected:.9g}: one of them was changed. Put the original back, or delete "
                    f"{run.files.path} and train again."
                )


def same_score(value: float | None, expected: float) -> bool:
    """True if a score of `metrics.json` is the expected one, but for rounding; NaN is None."""
    if value is None or math.isnan(expected):
        return value is None and math.isnan(expected)
    return abs(value - expected) <= ROUNDING * max(1, abs(expected))
