"""Transposed convolutions."""

import copy
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.network.upsampling.base import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
    blurred,
)


@UPSAMPLERS.register("transpose")
class Transpose(nn.ConvTranspose2d, Upsampler):
    """Transposed convolution with stride 2: every pixel adds a weighted kernel to the output.

    Size (Dumoulin and Visin 2016, relationship 14): o = 2(i - 1) - 2p + k + op, which is 2i with

        k = 2: p = 0, op = 0    copies do not overlap
        k = 3: p = 1, op = 1    copies overlap unevenly, 1, 2 or 4 times
                                (checkerboards: Odena et al. 2016)
        k = 4: p = 1, op = 0    copies overlap evenly, as with k = 6 (p = 2) and k = 8 (p = 3)

    `blur` filters the output, see `blurred`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        kernel_size: Literal[2, 3, 4, 6, 8] = 2,
        blur: bool = False,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=2,
            padding=(kernel_size - 1) // 2,
            output_padding=kernel_size % 2,
        )
        self.blur = blur

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:  # type: ignore[override]
        x = super().forward(x)  # (B, C_out, 2H, 2W)
        return blurred(x) if self.blur else x


def make_transpose(layer: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor) -> Transpose:
    """The transposed convolution with a weight (C_in, C_out, k, k) and the bias of `layer`."""
    kernel_size: Any = weight.shape[-1]
    transpose = Transpose(
        layer.in_channels,
        layer.out_channels,
        0,
        kernel_size=kernel_size,
    )
    transpose.weight = nn.Parameter(weight.detach().clone())  # in its type and on its device
    transpose.bias = copy.deepcopy(layer.bias)
    return transpose


@UPSAMPLERS.register("large_context")
class LargeContext(nn.ConvTranspose2d, Upsampler):
    """Transposed convolution with a large kernel, plus one of 3 x 3 that keeps fine details.

    For feature maps that upsampling disturbs less (Agnihotri et al. 2024). Both have p = k // 2 and
    op = 1, so their centres coincide, and one transposed convolution with the sum of the kernels
    equals their sum.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        kernel_size: Literal[7, 11] = 7,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=2,
            padding=kernel_size // 2,
            output_padding=1,
        )
        self.small = nn.ConvTranspose2d(
            in_channels,
            out_channels,
            kernel_size=3,
            stride=2,
            padding=1,
            output_padding=1,
            bias=False,
        )

    def sum_of_kernels(self) -> Tensor:
        """(C_in, C_out, k, k)."""
        border = (self.kernel_size[0] - 3) // 2
        return self.weight + F.pad(self.small.weight, 4 * [border])

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:  # type: ignore[override]
        return F.conv_transpose2d(
            x,
            self.sum_of_kernels(),
            self.bias,
            stride=2,
            padding=self.kernel_size[0] // 2,
            output_padding=1,
        )  # (B, C_out, 2H, 2W)

    def folded(self, runtime: str) -> nn.Module:
        """One transposed convolution with the sum of the kernels."""
        return make_transpose(self, self.sum_of_kernels())
