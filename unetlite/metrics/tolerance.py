"""Recall and precision of a class within a tolerance of a few pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.utilities.data import dim_zero_cat

from unetlite.classes import IGNORE
from unetlite.metrics.boundary import sliding
from unetlite.metrics.overlap import PerImageCounts


class NearMatches(PerImageCounts):
    """Recall and precision of each class within `width` pixels.

    A true pixel is found if a pixel within `width` rows and columns is predicted as its class; a
    predicted one is right if such a pixel is of its class in truth. Recall is the share of the true
    pixels that are found, precision that of the predicted ones that are right; NaN without any.
    Ignored pixels do not count.

    >>> near = NearMatches(["background", "line"], width=1)
    >>> truth = torch.tensor([[[0, 0, 1, 0, 0, 0, 0]]])
    >>> near.update(torch.tensor([[[0, 1, 0, 0, 0, 0, 1]]]), truth)
    >>> for name, share in near.compute().items():
    ...     print(f"{name:24} {share:.4f}")
    recall_1px/background    1.0000
    precision_1px/background 1.0000
    recall_1px/line          1.0000
    precision_1px/line       0.5000
    """

    totals: list[Tensor]

    def __init__(self, classes: Sequence[str], width: int):
        super().__init__(classes)
        self.width = width
        self.add_state("totals", default=[], dist_reduce_fx="cat")

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        labelled = mask != IGNORE
        counts = []
        totals = []
        for k in range(len(self.classes)):
            truth = mask == k
            predicted = (prediction == k) & labelled
            found = truth & self.widen(predicted)
            right = predicted & self.widen(truth)
            counts.append(torch.stack([found.sum((1, 2)), right.sum((1, 2))], dim=1))  # (B, 2)
            totals.append(torch.stack([truth.sum((1, 2)), predicted.sum((1, 2))], dim=1))
        self.counts.append(torch.stack(counts, dim=1))  # (B, K, 2)
        self.totals.append(torch.stack(totals, dim=1))

    def widen(self, pixels: Tensor) -> Tensor:
        """True (B, H, W) within `width` rows and columns of a pixel that is True."""
        padded = F.pad(pixels.byte(), 4 * [self.width])
        for axis in (1, 2):
            padded = sliding(
                torch.maximum,
                padded,
                2 * self.width + 1,
                axis,
            )
        return padded.bool()

    def compute(self) -> dict[str, Tensor]:
        """Of the data set: recall_<width>px/<class> and precision_<width>px/<class>."""
        counts = self.all_counts().sum(0).cpu().double()  # (K, 2)
        totals = dim_zero_cat(self.totals).sum(0).cpu()
        shares = counts / totals
        scores = {}
        for k, name in enumerate(self.classes):
            scores[f"recall_{self.width}px/{name}"] = shares[k, 0]
            scores[f"precision_{self.width}px/{name}"] = shares[k, 1]
        return scores
