"""The scores by which variants are compared."""

from typing import NamedTuple


class Metric(NamedTuple):
    """A score of the test images."""

    title: str
    table: str  # of counts.csv, summed over all images; or "per_image": the mean over images
    kind: str  # "iou" or "dice" of the counts; or the column of per_image.csv


METRICS = {
    "miou": Metric("mean IoU", "overlap", "iou"),
    "dice": Metric("mean Dice", "overlap", "dice"),
    "boundary_iou_1px": Metric("boundary IoU within 1 pixel", "boundary_1px", "iou"),
    "miou_per_image": Metric("mean IoU of an image", "per_image", "miou"),
    "dice_per_image": Metric("mean Dice of an image", "per_image", "dice"),
}
