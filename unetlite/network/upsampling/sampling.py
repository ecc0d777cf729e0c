"""Dynamic sampling: each output pixel is read at a place that is learnt."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor

from unetlite.network.upsampling.base import (
    UPSAMPLERS,
    EncoderFeatures,
    Upsampler,
    conv,
    pad_channels,
)
from unetlite.network.upsampling.reassembly import NearZeroConv2d


@UPSAMPLERS.register("dysample")
class DySample(Upsampler):
    """Dynamic sampling (Liu et al. 2023): output pixels are read, bilinearly, at learnt places.

    After a 1 x 1 convolution to y (B, C_out, H, W), a 1 x 1 convolution predicts an offset for each
    of the four sub-pixels in each of `groups` groups of channels (the paper's static scope: factor
    0.25), added to the place that bilinear interpolation reads. So it starts as `bilinear`; what is
    learnt can read anywhere in the map.

    `style` is the order: "lp" predicts, then shuffles pixels; "pl", the paper's for segmentation,
    shuffles y to (B, C_out / 4, 2H, 2W), then predicts from that, with fewer weights. `dynamic`
    multiplies the offset by 0.5 sigmoid(another 1 x 1 convolution) in place of 0.25.
    """

    reads_anywhere = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        groups: PositiveInt = 4,
        style: Literal["lp", "pl"] = "lp",
        dynamic: bool = False,
    ):
        super().__init__()
        self.groups = math.gcd(groups, out_channels)
        self.style = style
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        read_channels = out_channels
        offset_channels = 8 * self.groups  # x and y of four sub-pixels
        if style == "pl":
            read_channels = math.ceil(out_channels / 4)
            offset_channels = 2 * self.groups
        self.offset = NearZeroConv2d(read_channels, offset_channels, 1)
        self.scope = NearZeroConv2d(read_channels, offset_channels, 1) if dynamic else None

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        height, width = x.shape[-2:]
        # Places need more digits than bfloat16 has.
        dtype = torch.promote_types(x.dtype, torch.float32)
        offset = self.predict_offset(x, dtype)  # (B, 2 g, 2H, 2W), in pixels of x
        offset = self.split_groups(offset).permute(
            0,
            2,
            3,
            1,
        )  # (B g, 2H, 2W, 2): x, y
        columns = pixel_centres(2 * width, offset)
        rows = pixel_centres(2 * height, offset)
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)  # (2H, 2W, 2)
        two = offset.new_tensor(2.0)
        pixel = torch.stack([two / width, two / height])  # on an axis from -1 to 1
        sampled = F.grid_sample(
            self.split_groups(x.to(dtype)),
            grid + offset * pixel,
            padding_mode="border",
            align_corners=False,
        )  # (B g, C_out / g, 2H, 2W)
        sampled = sampled.unflatten(0, (-1, self.groups)).flatten(1, 2)
        return sampled.to(x.dtype)  # (B, C_out, 2H, 2W)

    def predict_offset(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, C_out, H, W) -> (B, 2 g, 2H, 2W)."""
        if self.style == "pl":
            x = F.pixel_shuffle(pad_channels(x), 2)
        offset = self.offset(x).to(dtype)
        if self.scope is None:
            offset = 0.25 * offset
        else:
            offset = 0.5 * self.scope(x).to(dtype).sigmoid() * offset
        return offset if self.style == "pl" else F.pixel_shuffle(offset, 2)

    def split_groups(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B g, C / g, H, W)."""
        return x.unflatten(1, (self.groups, -1)).flatten(0, 1)


def pixel_centres(size: int, like: Tensor) -> Tensor:
    """The centres of `size` pixels on an axis from -1 to 1."""
    indices = torch.arange(size, device=like.device, dtype=like.dtype)
    return (indices + 0.5) * (2.0 / size) - 1
