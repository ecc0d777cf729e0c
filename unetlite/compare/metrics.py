"""The scores by which variants are compared."""

from typing import NamedTuple


class Metric(NamedTuple):
    """A score of the test images."""

    title: str
    table: str  # of counts.csv
    kind: str  # "iou" or "dice" of the counts
    per_image: bool = False  # the mean of the images' scores, not the score of their sum


METRICS = {
    "miou": Metric("mean IoU", "overlap", "iou"),
    "dice": Metric("mean Dice", "overlap", "dice"),
    "boundary_iou_1px": Metric("boundary IoU within 1 pixel", "boundary_1px", "iou"),
    "miou_per_image": Metric("mean IoU of an image", "overlap", "iou", per_image=True),
    "dice_per_image": Metric("mean Dice of an image", "overlap", "dice", per_image=True),
}
