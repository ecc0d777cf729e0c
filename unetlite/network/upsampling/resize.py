"""Interpolation, then a convolution."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.upsampling.base import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
    conv,
)
from unetlite.network.upsampling.transposed import make_transpose


class ResizeConvolution(Upsampler):
    """Resize by two in `mode`, then a convolution (Odena et al. 2016, "resize-convolution")."""

    mode: str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        kernel_size: Literal[1, 3] = 3,
    ):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size)

    def resize(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 2H, 2W)."""
        return F.interpolate(x, scale_factor=2, mode=self.mode)

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        return self.conv(self.resize(x))  # (B, C_out, 2H, 2W)

    def folded(self, runtime: str) -> nn.Module:
        """A 1 x 1 convolution first, where there are four times fewer pixels.

        It commutes with interpolation, whose weights add up to one (docs/arithmetic.md, fact 18).
        """
        if self.conv.kernel_size == (1, 1):
            return ConvolutionResize(self.conv, self.mode)
        return self


class ConvolutionResize(nn.Module):
    """A convolution, then a resize by two in `mode`."""

    def __init__(self, conv: nn.Conv2d, mode: str):
        super().__init__()
        self.conv = conv
        self.mode = mode

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        return F.interpolate(self.conv(x), scale_factor=2, mode=self.mode)  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("nearest")
class Nearest(ResizeConvolution):
    """Every pixel becomes a 2 x 2 block of itself, then a 3 x 3 (or 1 x 1) convolution.

    In training the 3 x 3 kernel is used in its folded form, one transposed convolution with 2.25
    times fewer MACs. In evaluation `folded` gives that form.
    """

    mode = "nearest"
    folds_by_runtime = True

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        if self.training and self.conv.kernel_size == (3, 3):
            kernel = nearest_as_transposed(self.conv.weight)
            return F.conv_transpose2d(
                x,
                kernel,
                self.conv.bias,
                stride=2,
                padding=1,
            )
        return super().forward(x, skip)  # (B, C_out, 2H, 2W)

    def folded(self, runtime: str) -> nn.Module:
        """A transposed convolution of 4 x 4; in ONNX Runtime that is slow, and itself is kept."""
        if self.conv.kernel_size == (1, 1):
            return super().folded(runtime)
        if runtime == "onnxruntime":  # see `python benchmarks/exports.py forms`
            return self
        return make_transpose(self.conv, nearest_as_transposed(self.conv.weight))


def nearest_as_transposed(weight: Tensor) -> Tensor:
    """The kernel of the transposed convolution (k = 4, s = 2, p = 1) that equals `nearest`.

    It is the flipped 3 x 3 kernel convolved with a 2 x 2 box of ones (docs/arithmetic.md, fact 15):
    (C_out, C_in, 3, 3) -> (C_in, C_out, 4, 4).
    """
    padded = F.pad(weight.flip(-1, -2), (1, 1, 1, 1))  # (C_out, C_in, 5, 5)
    upper = padded[..., 1:, 1:] + padded[..., 1:, :-1]
    kernel = upper + padded[..., :-1, 1:] + padded[..., :-1, :-1]
    return kernel.transpose(0, 1)


@UPSAMPLERS.register("bilinear")
class Bilinear(ResizeConvolution):
    """Bilinear resize, then a 3 x 3 (or 1 x 1) convolution.

    Pixel centres are aligned (`align_corners=False`), so a shift of the input by one pixel shifts
    the output by two; the taps per axis are (1/4, 3/4) and (3/4, 1/4), clamped at the border.
    """

    mode = "bilinear"
    folded = ResizeConvolution.folded


@UPSAMPLERS.register("bicubic")
class Bicubic(ResizeConvolution):
    """Bicubic resize, then a 3 x 3 (or 1 x 1) convolution.

    Aligned as `bilinear`, with four taps per axis of the kernel with a = -0.75 (Keys 1981, eq. 15,
    there a = -0.5). In training a matrix product per axis resizes, because its gradient is a
    product, too: several times as fast.
    """

    mode = "bicubic"
    folded = ResizeConvolution.folded

    def resize(self, x: Tensor) -> Tensor:
        if not self.training:  # an export of the product would fix sizes
            return super().resize(x)
        height, width = x.shape[-2:]
        x = x.movedim(1, -1)  # (B, H, W, C), as it lies in memory
        x = bicubic_matrix(height, x) @ x.flatten(2)  # (B, 2H, W C)
        x = x.unflatten(2, (width, -1))  # (B, 2H, W, C)
        x = bicubic_matrix(width, x) @ x  # (B, 2H, 2W, C)
        return x.movedim(-1, 1)


def bicubic_matrix(size: int, like: Tensor) -> Tensor:
    """Bicubic interpolation of an axis of `size` pixels: (2 size, size). Exact in bfloat16."""
    columns = torch.eye(size, device=like.device)[None, None]
    matrix = F.interpolate(columns, size=(2 * size, size), mode="bicubic")
    return matrix[0, 0].to(like.dtype)
