"""The downsampling operators. Each maps (B, C, H, W), H and W even, to ((B, C, H/2, W/2), switches or None)."""

import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.registry import Registry

DOWNSAMPLERS = Registry("downsampling operator")


@DOWNSAMPLERS.register("max")
class Max(nn.Module):
    """2 x 2 max-pooling. The switches are the positions of the maxima, which PyTorch finds in any case."""

    def __init__(self, channels: int):
        super().__init__()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return F.max_pool2d(x, kernel_size=2, return_indices=True)  # both (B, C, H/2, W/2)
