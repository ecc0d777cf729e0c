"""The downsampling operators. Each maps (B, C, H, W), H and W even, to ((B, C, H/2, W/2), positions or None)."""

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


@DOWNSAMPLERS.register("strided")
class Strided(nn.Conv2d):
    """3 x 3 convolution with stride 2 (Springenberg et al. 2015): o = floor((i + 2 - 3) / 2 + 1) = i / 2 for even i."""

    def __init__(self, channels: int):
        super().__init__(channels, channels, kernel_size=3, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:  # type: ignore[override]
        return super().forward(x), None  # (B, C, H/2, W/2)
