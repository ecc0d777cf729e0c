"""Tables of images: scores and counts of pixels, of test images and of validation images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor
from torchmetrics import MetricCollection

from unetlite.run_directory import RunDirectory
from unetlite.tables import write_csv
from unetlite.training.callbacks import KeptCallback
from unetlite.training.segmenter import Segmenter


class ValidationCounts(KeptCallback):
    """Writes the pixel counts of validation images, by the weights that are tested.

    They are those after the last epoch; with `of_best` those of the epoch with the best val/miou.
    """

    kept = ("best",)

    def __init__(self, file: Path, of_best: bool):
        self.file = file
        self.of_best = of_best
        self.best = -1.0

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        score = float(trainer.callback_metrics.get("val/miou", 0.0))
        if self.of_best and score <= self.best:
            return
        self.best = score
        rows = trainer.datamodule.validated  # type: ignore[attr-defined]
        write_columns(self.file, rows, image_counts(pl_module.val_scores, pl_module.classes))


def write_test_tables(
    run: RunDirectory, segmenter: Segmenter, tested: Mapping[str, list[str]]
) -> None:
    """Writes the scores of each test image, and its pixel counts."""
    write_columns(run.per_image, tested, image_scores(segmenter))
    write_columns(run.counts, tested, image_counts(segmenter.test_scores, segmenter.classes))


def write_columns(
    path: Path, images: Mapping[str, list[str]], columns: Mapping[str, Tensor]
) -> None:
    """Writes a table with a row for each image."""
    values = [*images.values(), *(column.tolist() for column in columns.values())]
    write_csv(path, [*images, *columns], zip(*values, strict=True))


def image_scores(segmenter: Segmenter) -> dict[str, Tensor]:
    """The columns (N,) of `per_image.csv`. Means are over the classes that an image has."""
    scores: Any = segmenter.test_scores
    iou, dice = scores["overlap"].per_image()  # both (N, K)
    boundary_iou, _ = scores["boundary_iou_1px"].per_image()  # (N, K)
    columns = {
        "miou": iou.nanmean(1),
        "dice": dice.nanmean(1),
        "boundary_iou_1px": boundary_iou.nanmean(1),
    }
    for name, table in (("iou", iou), ("dice", dice)):
        for k, label in enumerate(segmenter.classes):
            columns[f"{name}/{label}"] = table[:, k]
    return columns


def image_counts(collection: MetricCollection, classes: Sequence[str]) -> dict[str, Tensor]:
    """The columns (N,) of `counts.csv`: true and false positives and false negatives by class."""
    scores: Any = collection
    counts = {
        "overlap": scores["overlap"].all_counts(),  # (N, K, 3)
        "boundary_1px": scores["boundary_iou_1px"].all_counts(),
    }
    columns = {}
    for name, table in counts.items():
        for k, label in enumerate(classes):
            for j, kind in enumerate(("tp", "fp", "fn")):
                columns[f"{name}/{kind}/{label}"] = table[:, k, j]
    return columns
