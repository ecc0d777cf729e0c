"""Interpolation, then a convolution with few parameters."""

import copy
import math
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.blocks import fuse_batch_norms
from unetlite.network.upsampling.base import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
    conv,
    pad_channels,
)
from unetlite.network.upsampling.transposed import Transpose


@UPSAMPLERS.register("bilinear_additive")
class BilinearAdditive(Upsampler):
    """Bilinear resize, the sum of every four channels, a 3 x 3 convolution (Wojna et al. 2019).

    The channels are consecutive, and zeros beyond C_in. The sum comes first here, where there are
    fewer pixels: both are linear, and commute.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
    ):
        super().__init__()
        self.conv = conv(math.ceil(in_channels / 4), out_channels, kernel_size=3)

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = pad_channels(x).unflatten(1, (-1, 4)).sum(2)  # (B, C_in / 4, H, W)
        x = F.interpolate(x, scale_factor=2, mode="bilinear")
        return self.conv(x)  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("residual")
class Residual(Transpose):
    """Transposed convolution, plus the additive bilinear resize of the input (Wojna et al. 2019).

    With N = ceil(C_in / C_out), which is the paper's 4 where C_out = C_in / 4:

        out[c] = transpose(x)[c] + bilinear(sum over k in 0 .. N - 1 of x[N c + k])

    The channels of a sum are consecutive, and zeros beyond C_in. So it has the weights of
    `transpose`, and they learn what a resize lacks. The sum comes first, as in `bilinear_additive`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        kernel_size: Literal[2, 3, 4] = 2,
    ):
        super().__init__(
            in_channels,
            out_channels,
            skip_channels,
            kernel_size=kernel_size,
        )

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:  # type: ignore[override]
        learnt = super().forward(x, skip)  # (B, C_out, 2H, 2W)
        summed = sum_channels(x, self.out_channels)  # (B, C_out, H, W)
        return learnt + F.interpolate(summed, scale_factor=2, mode="bilinear")


def sum_channels(x: Tensor, channels: int) -> Tensor:
    """Sums of consecutive channels, with zeros beyond the last: (B, C, H, W) -> (B, C', H, W)."""
    count = math.ceil(x.shape[1] / channels)
    missing = count * channels - x.shape[1]
    padded = F.pad(x, (0, 0, 0, 0, 0, missing))
    return padded.unflatten(1, (channels, count)).sum(2)


@UPSAMPLERS.register("separable")
class Separable(nn.Sequential, Upsampler):
    """Nearest, a depthwise 3 x 3 convolution, batch norm, ReLU, and a 1 x 1 convolution.

    EUCB of Rahman et al. 2024. The paper's channel shuffle is left out: it only renames the
    channels that the last convolution takes all of.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
    ):
        depthwise = nn.Conv2d(
            in_channels,
            in_channels,
            3,
            padding=1,
            groups=in_channels,
            bias=False,
        )
        super().__init__(
            nn.Upsample(scale_factor=2),
            depthwise,
            nn.BatchNorm2d(in_channels),
            nn.ReLU(),
            conv(in_channels, out_channels, kernel_size=1),
        )

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:  # type: ignore[override]
        return super().forward(x)  # (B, C_out, 2H, 2W)

    def folded(self, runtime: str) -> nn.Module:
        """The batch norm in the depthwise convolution."""
        operator = copy.deepcopy(self)
        fuse_batch_norms(operator)
        return operator
