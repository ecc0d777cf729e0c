"""Masks that predictions are scored against."""

from pathlib import Path

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data import public  # noqa: F401  its data sets register themselves in DATASETS
from unetlite.data.labels import ClassTable
from unetlite.data.raster import RasterSource, open_mask_rows
from unetlite.data.samples import DATASETS
from unetlite.errors import UsageError
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Band


class TruthMask:
    """The mask of an image, coded as in the data set that the network was trained on.

    Raises UsageError if the mask cannot be read, or has another size than the image.
    """

    def __init__(
        self,
        path: Path,
        metadata: Metadata,
        source: RasterSource,
    ):
        self.path = path
        self.num_classes = len(metadata.classes)
        self.table = class_table(metadata)
        mask = open_mask_rows(path, self.table.rgb, metadata.as_viewed)
        self.read = mask.rows
        if (mask.height, mask.width) != (source.height, source.width):
            raise UsageError(
                f"{path} is {mask.width} x {mask.height} pixels, "
                f"but its image {source.width} x {source.height}."
            )

    def count(self, band: Band) -> np.ndarray:
        """TP, FP and FN of a band, (K, 3). Raises UsageError for a value that is no class.

        As in training, pixels without data have no truth.
        """
        import torch

        from unetlite.metrics.overlap import count_overlap, stack_labels

        values = self.read(band.top, band.top + len(band.classes))
        truth = self.table.indices(values.astype(int), self.path)
        truth[band.classes == IGNORE] = IGNORE
        prediction = torch.from_numpy(band.classes[None])
        mask = torch.from_numpy(truth[None])
        labels = stack_labels(prediction, mask, self.num_classes)
        return count_overlap(labels, self.num_classes)[0].numpy()


def class_table(metadata: Metadata) -> ClassTable:
    """How the masks of a data set are coded. Those of coast hold class indices.

    Checkpoints of earlier versions say it by their settings alone.
    """
    stored = metadata.mask_values
    if stored is not None:
        return ClassTable(stored.get("classes"), stored.get("ignore", ()))
    data = metadata.config["data"]
    if data["name"] == "folder":
        return ClassTable(data.get("classes"), data.get("ignore", ()))
    table = getattr(DATASETS.get(data["name"]), "table", None)
    return table or ClassTable(metadata.classes)
