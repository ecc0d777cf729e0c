"""The downsampling operators. Each maps (B, C, H, W), H and W even, to ((B, C, H/2, W/2), positions or None)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.registry import Registry

DOWNSAMPLERS = Registry("downsampling operator", "downsample")


class Pooling(nn.Module):
    """A downsampling operator without parameters."""

    def __init__(self, channels: int):
        super().__init__()


@DOWNSAMPLERS.register("max")
class Max(Pooling):
    """2 x 2 max-pooling. The positions are those of the maxima, which PyTorch finds in any case."""

    gives_positions = True

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return F.max_pool2d(x, kernel_size=2, return_indices=True)  # both (B, C, H/2, W/2)


@DOWNSAMPLERS.register("mean")
class Mean(Pooling):
    """2 x 2 mean-pooling."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return F.avg_pool2d(x, kernel_size=2), None  # (B, C, H/2, W/2)


@DOWNSAMPLERS.register("stochastic")
class Stochastic(Pooling):
    """2 x 2 stochastic pooling (Zeiler and Fergus 2013).

    In training one of the four values a_i is drawn with probability p_i = a_i / sum a; in evaluation the result is
    the mean with these weights, sum p_i a_i. It is defined for values that are not negative, such as those behind a
    ReLU. Otherwise a negative value gets the probability 0, and in a window without a positive value each gets 1/4.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        windows = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4))  # (B, C, 4, H/2, W/2)
        weights = windows.float().clamp(min=0)
        weights = weights + (weights.amax(2, keepdim=True) <= 0)  # without a positive value: four equal weights
        if self.training:
            # The largest of a_i / e_i with independent exponential e_i is i with probability p_i.
            drawn = (weights / torch.empty_like(weights).exponential_()).argmax(2, keepdim=True)
            return windows.gather(2, drawn).squeeze(2), None  # (B, C, H/2, W/2)
        return (windows * (weights / weights.sum(2, keepdim=True)).to(windows.dtype)).sum(2), None


@DOWNSAMPLERS.register("strided")
class Strided(nn.Conv2d):
    """3 x 3 convolution with stride 2 (Springenberg et al. 2015): o = floor((i + 2 - 3) / 2 + 1) = i / 2 for even i."""

    def __init__(self, channels: int):
        super().__init__(channels, channels, kernel_size=3, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:  # type: ignore[override]
        return super().forward(x), None  # (B, C, H/2, W/2)
