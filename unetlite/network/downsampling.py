"""The downsampling operators."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.registry import Registry

Pooled = tuple[Tensor, Tensor | None]
"""A map (B, C, H/2, W/2), and positions of the same shape or None."""


class Downsampler(nn.Module):
    """Base class of the downsampling operators, built with the channels C of the map.

    Maps (B, C, H, W), H and W even, to what is in Pooled.
    """

    gives_positions = False
    """It gives the position of the maximum of each 2 x 2 block, as F.max_pool2d does."""


DOWNSAMPLERS: Registry[Downsampler] = Registry(
    "downsampling operator",
    "downsample",
    Downsampler,
)


class Pooling(Downsampler):
    """A downsampling operator without parameters."""

    def __init__(self, channels: int):
        super().__init__()


@DOWNSAMPLERS.register("max")
class Max(Pooling):
    """2 x 2 max-pooling. PyTorch finds the positions of the maxima in any case."""

    gives_positions = True

    def forward(self, x: Tensor) -> Pooled:
        return F.max_pool2d(x, kernel_size=2, return_indices=True)  # both (B, C, H/2, W/2)


@DOWNSAMPLERS.register("mean")
class Mean(Pooling):
    """2 x 2 mean-pooling."""

    def forward(self, x: Tensor) -> Pooled:
        return F.avg_pool2d(x, kernel_size=2), None  # (B, C, H/2, W/2)


@DOWNSAMPLERS.register("stochastic")
class Stochastic(Pooling):
    """2 x 2 stochastic pooling (Zeiler and Fergus 2013).

    Training draws one of the four values a_i with probability p_i = a_i / sum a. Evaluation gives
    the mean with these weights, sum p_i a_i. The paper defines it for values that are not negative,
    such as those behind a ReLU. Here a negative value gets the probability 0, and in a block
    without a positive value each gets 1/4.
    """

    def forward(self, x: Tensor) -> Pooled:
        blocks = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4))  # (B, C, 4, H/2, W/2)
        weights = blocks.float().clamp(min=0)
        without_positive = weights.amax(2, keepdim=True) <= 0
        weights = weights + without_positive  # four equal weights
        if self.training:
            # The largest of a_i / e_i with independent exponential e_i is i with probability p_i.
            noise = torch.empty_like(weights).exponential_()
            drawn = (weights / noise).argmax(2, keepdim=True)
            return blocks.gather(2, drawn).squeeze(2), None  # (B, C, H/2, W/2)
        probabilities = weights / weights.sum(2, keepdim=True)
        weighted = blocks * probabilities.to(blocks.dtype)
        return weighted.sum(2), None


@DOWNSAMPLERS.register("strided")
class Strided(nn.Conv2d, Downsampler):
    """3 x 3 convolution with stride 2 (Springenberg et al. 2015).

    Size: o = floor((i + 2 - 3) / 2 + 1) = i / 2 for even i.
    """

    def __init__(self, channels: int):
        super().__init__(channels, channels, kernel_size=3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Pooled:  # type: ignore[override]
        return super().forward(x), None  # (B, C, H/2, W/2)
