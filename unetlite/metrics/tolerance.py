"""Recall and precision of a class within a tolerance of a few pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

from unetlite.classes import IGNORE
from unetlite.metrics.boundary import sliding


class NearMatches(Metric):
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

    full_state_update = False
    matched: Tensor  # (K, 2): true pixels that are found, predicted ones that are right
    totals: Tensor  # (K, 2): true pixels, predicted ones

    def __init__(self, classes: Sequence[str], width: int):
        super().__init__()
        self.classes = tuple(classes)
        self.width = width
        for name in ("matched", "totals"):
            zeros = torch.zeros(len(self.classes), 2, dtype=torch.int64)
            self.add_state(name, default=zeros, dist_reduce_fx="sum")

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        labelled = mask != IGNORE
        for k in range(len(self.classes)):
            truth = mask == k
            predicted = (prediction == k) & labelled
            found = truth & self.widen(predicted)
            right = predicted & self.widen(truth)
            self.matched[k] += torch.stack([found.sum(), right.sum()])
            self.totals[k] += torch.stack([truth.sum(), predicted.sum()])

    def widen(self, pixels: Tensor) -> Tensor:
        """True (B, H, W) within `width` rows and columns of a pixel that is True."""
        padded = F.pad(pixels.byte(), 4 * [self.width])
        for axis in (1, 2):
            padded = sliding(torch.maximum, padded, 2 * self.width + 1, axis)
        return padded.bool()

    def compute(self) -> dict[str, Tensor]:
        """Of the data set: recall_<width>px/<class> and precision_<width>px/<class>."""
        shares = self.matched.cpu().double() / self.totals.cpu()
        scores = {}
        for k, name in enumerate(self.classes):
            scores[f"recall_{self.width}px/{name}"] = shares[k, 0]
            scores[f"precision_{self.width}px/{name}"] = shares[k, 1]
        return scores
