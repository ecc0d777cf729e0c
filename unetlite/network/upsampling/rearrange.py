"""Operators that put values into place: zero insertion, pixel shuffle, unpooling."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.upsampling.base import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
    blurred,
    conv,
)
from unetlite.network.upsampling.transposed import make_transpose


@UPSAMPLERS.register("zeros")
class Zeros(Upsampler):
    """Zero insertion ("bed of nails"), then a 3 x 3 convolution.

    Equals a transposed convolution with k = 3, p = 1, op = 1 and the flipped kernel, with four
    times fewer MACs (docs/arithmetic.md, fact 20). Training computes that form; in evaluation
    `folded` gives it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        blur: bool = False,
    ):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size=3)
        self.blur = blur

    def transposed_kernel(self) -> Tensor:
        """(C_in, C_out, 3, 3)."""
        return self.conv.weight.flip(-1, -2).transpose(0, 1)

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        if self.training:
            kernel = self.transposed_kernel()
            x = F.conv_transpose2d(
                x,
                kernel,
                self.conv.bias,
                stride=2,
                padding=1,
                output_padding=1,
            )
        else:
            x = self.conv(insert_zeros(x, 2))  # (B, C_out, 2H, 2W)
        return blurred(x) if self.blur else x

    def folded(self, runtime: str) -> nn.Module:
        """The transposed convolution, which multiplies no zeros."""
        transpose = make_transpose(self.conv, self.transposed_kernel())
        transpose.blur = self.blur
        return transpose


def insert_zeros(x: Tensor, s: int = 2) -> Tensor:
    """`s - 1` zeros after every element of both axes: (..., H, W) -> (..., sH, sW)."""
    for axis in (-1, -2):
        zeros = [torch.zeros_like(x)] * (s - 1)
        # Joining maps exports with free sizes; writing into a larger map does not.
        x = torch.stack([x, *zeros], dim=axis).flatten(axis - 1, axis)
    return x


@UPSAMPLERS.register("pixelshuffle")
class PixelShuffle(nn.Conv2d, Upsampler):
    """Sub-pixel convolution: four times the channels, dealt out to 2 x 2 blocks (Shi et al. 2016).

    Starts as nearest-neighbour upsampling of one convolution: the four sub-pixels share weight
    (ICNR, Aitken et al. 2017) and bias, so that a constant map stays constant.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        kernel_size: Literal[1, 3] = 3,
        blur: bool = False,
    ):
        super().__init__(
            in_channels,
            4 * out_channels,
            kernel_size,
            padding=kernel_size // 2,
        )
        self.blur = blur

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            for parameter in self.parameters():
                # Channel 4c + k is sub-pixel k of channel c.
                parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:  # type: ignore[override]
        x = super().forward(x)  # (B, 4 C_out, H, W)
        x = F.pixel_shuffle(x, 2)  # (B, C_out, 2H, 2W)
        return blurred(x) if self.blur else x


@UPSAMPLERS.register("unpool")
class Unpool(Upsampler):
    """Max-unpooling: a 3 x 3 (or 1 x 1) convolution, then every value goes to the maximum's place.

    All other pixels are zero (Noh et al. 2015; Badrinarayanan et al. 2017, SegNet). The place is
    that of the maximum of the encoder's map in the same 2 x 2 block.
    """

    needs_positions = True
    needs_skip_channels = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        kernel_size: Literal[1, 3] = 3,
        blur: bool = False,
    ):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size)
        self.blur = blur

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        assert skip.positions is not None
        x = self.conv(x)  # (B, C_out, H, W)
        batch, channels, height, width = x.shape
        # F.max_unpool2d is this scatter, but does not export.
        flat = x.new_zeros(1).expand(batch, channels, 4 * height * width)
        flat = flat.scatter(2, skip.positions.flatten(2), x.flatten(2))
        x = flat.unflatten(2, (2 * height, 2 * width))
        return blurred(x) if self.blur else x
