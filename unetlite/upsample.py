"""The upsampling operators. Each maps (B, C_in, H, W) to (B, C_out, 2H, 2W) exactly, for every H, W >= 1.

`switches` is what the matching downsampling step remembered; only unpooling operators read it.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.errors import UsageError
from unetlite.registry import Registry

UPSAMPLERS = Registry("upsampling operator")


@UPSAMPLERS.register("transpose")
class Transpose(nn.ConvTranspose2d):
    """Transposed convolution with stride 2: each input pixel adds a weighted copy of the kernel to the output.

    Size (Dumoulin and Visin 2016, relationship 14): o = 2(i - 1) - 2p + k + op, which is 2i with

        k = 2: p = 0, op = 0    copies do not overlap
        k = 3: p = 1, op = 1    copies overlap unevenly, 1, 2 or 4 times (checkerboards: Odena et al. 2016)
        k = 4: p = 1, op = 0    copies overlap evenly
    """

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int = 2):
        geometry = {2: (0, 0), 3: (1, 1), 4: (1, 0)}
        if kernel_size not in geometry:
            raise UsageError(f"upsample.kernel_size={kernel_size}: a transposed convolution takes 2, 3 or 4.")
        padding, output_padding = geometry[kernel_size]
        super().__init__(
            in_channels, out_channels, kernel_size, stride=2, padding=padding, output_padding=output_padding
        )

    def forward(self, x: Tensor, switches: Tensor | None = None) -> Tensor:  # type: ignore[override]
        return super().forward(x)  # (B, C_out, 2H, 2W)


class _ResizeConvolution(nn.Module):
    """Resize by two in `mode`, then a convolution (Odena et al. 2016, "resize-convolution")."""

    mode: str

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int = 3):
        super().__init__()
        if kernel_size not in (1, 3):
            raise UsageError(f"upsample.kernel_size={kernel_size}: the convolution after a resize takes 1 or 3.")
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor, switches: Tensor | None = None) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode=self.mode)  # (B, C_in, 2H, 2W)
        return self.conv(x)  # (B, C_out, 2H, 2W)


@UPSAMPLERS.register("nearest")
class Nearest(_ResizeConvolution):
    """Every pixel becomes a 2 x 2 block of itself, then a 3 x 3 (or 1 x 1) convolution."""

    mode = "nearest"


@UPSAMPLERS.register("bilinear")
class Bilinear(_ResizeConvolution):
    """Bilinear resize, then a 3 x 3 (or 1 x 1) convolution.

    Pixel centres are aligned (`align_corners=False`), so a shift of the input by one pixel shifts the output by two;
    the taps per axis are (1/4, 3/4) and (3/4, 1/4), clamped at the border.
    """

    mode = "bilinear"
