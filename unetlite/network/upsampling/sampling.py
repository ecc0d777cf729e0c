"""Dynamic sampling: each output pixel is read at a place that is learnt."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

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
        # Places need more digits than bfloat16 has.
        dtype = torch.promote_types(x.dtype, torch.float32)
        offset = self.predict_offset(x, dtype)  # (B, 2 g, 2H, 2W), in pixels of x
        offset = split_groups(offset, self.groups).movedim(1, -1)  # (B g, 2H, 2W, 2): x, y
        sampled = F.grid_sample(
            split_groups(x.to(dtype), self.groups),
            places(offset),
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


@UPSAMPLERS.register("lda_aqu")
class LdaAqu(Upsampler):
    """Local deformable attention (Du et al. 2024, LDA-AQU): a mean of nine inputs at learnt places.

    Places and weights depend on the content alone, not on the encoder. After a 1 x 1 convolution to
    y (B, C_out, H, W), with linear maps q and k of layer-normalised pixels to C_out / `reduction`
    channels, with s the place of an output (i', j') in y, and n, m in -1 .. 1:

        Q = bilinear(q(y)),  K = k(y)
        D[i', j'] = `reach` * tanh(conv1(silu(depthwise3(Q))))[i', j'], nine offsets
        p[i', j'][n, m] = s[i', j'] + (n, m) + D[i', j'][n, m]
        W[i', j'] = softmax over n, m of Q[i', j'] . K[p[i', j'][n, m]] / sqrt(d) + b[n, m]
        out[i', j'] = sum over n, m of W[i', j'][n, m] * y[p[i', j'][n, m]]

    y and K are read bilinearly, and the border repeats. Each of `groups` groups of channels has
    places and weights of its own, from d channels of Q and K. `reach` is the paper's range factor,
    in pixels of y. It starts near the mean of the 3 x 3 pixels around s.
    """

    reads_anywhere = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        skip_channels: int,
        *,
        groups: PositiveInt = 2,
        reduction: PositiveInt = 4,
        reach: PositiveFloat = 11.0,
    ):
        super().__init__()
        self.groups = math.gcd(groups, out_channels)
        self.reach = reach
        self.conv = conv(in_channels, out_channels, kernel_size=1)
        self.norm = nn.LayerNorm(out_channels)
        depth = math.ceil(out_channels / (self.groups * reduction))
        self.query = nn.Linear(out_channels, self.groups * depth, bias=False)
        self.key = nn.Linear(out_channels, self.groups * depth, bias=False)
        depthwise = nn.Conv2d(
            depth,
            depth,
            kernel_size=3,
            padding=1,
            groups=depth,
        )
        self.offset = nn.Sequential(
            depthwise,
            nn.SiLU(),
            NearZeroConv2d(depth, 18, 1),
        )
        self.bias = nn.Parameter(torch.zeros(9, 1, 1))

    def reset_parameters(self) -> None:
        for embed in (self.query, self.key):
            nn.init.trunc_normal_(embed.weight, std=0.02)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, skip: EncoderFeatures) -> Tensor:
        x = self.conv(x)  # (B, C_out, H, W)
        # Places need more digits than bfloat16 has.
        dtype = torch.promote_types(x.dtype, torch.float32)
        normed = self.norm(x.movedim(1, -1))  # (B, H, W, C_out)
        query = split_groups(self.query(normed).movedim(-1, 1), self.groups)  # (B g, d, H, W)
        query = F.interpolate(query, scale_factor=2, mode="bilinear")
        key = split_groups(self.key(normed).movedim(-1, 1), self.groups)  # (B g, d, H, W)
        grid = places(self.predict_offset(query, dtype)).flatten(1, 2)  # (B g, 18 H, 2W, 2)
        keys = read_nine(key.to(dtype), grid)  # (B g, d, 9, 2H, 2W)
        scores = (query.to(dtype).unsqueeze(2) * keys).sum(1) / math.sqrt(key.shape[1])
        weights = (scores + self.bias).softmax(1).unsqueeze(1)  # (B g, 1, 9, 2H, 2W)
        values = read_nine(split_groups(x.to(dtype), self.groups), grid)
        means = (weights * values).sum(2)  # (B g, C_out / g, 2H, 2W)
        return means.unflatten(0, (-1, self.groups)).flatten(1, 2).to(x.dtype)

    def predict_offset(self, query: Tensor, dtype: torch.dtype) -> Tensor:
        """Where nine inputs are, less s, in pixels of y: (B, d, 2H, 2W) -> (B, 9, 2H, 2W, 2)."""
        offset = self.reach * self.offset(query).to(dtype).tanh()  # (B, 18, 2H, 2W)
        steps = offset.new_tensor([-1.0, 0.0, 1.0])
        window = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (3, 3, 2)
        offset = offset.unflatten(1, (9, 2)).movedim(2, -1)
        return offset + window.view(9, 1, 1, 2)


def split_groups(x: Tensor, groups: int) -> Tensor:
    """(B, C, H, W) -> (B g, C / g, H, W)."""
    return x.unflatten(1, (groups, -1)).flatten(0, 1)


def read_nine(x: Tensor, grid: Tensor) -> Tensor:
    """Bilinearly, nine places an output: (B, C, H, W), (B, 18 H, 2W, 2) -> (B, C, 9, 2H, 2W)."""
    sampled = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return sampled.unflatten(2, (9, -1))


def places(offset: Tensor) -> Tensor:
    """Where outputs are read, on axes from -1 to 1.

    `offset` (..., 2H, 2W, 2), of x and y in pixels of the input, is from each output's own place.
    """
    height, width = offset.shape[-3:-1]
    columns = pixel_centres(width, offset)
    rows = pixel_centres(height, offset)
    # A sum of two vectors, not a mesh: exporters compute only small constants, and would leave
    # other operators in the file of a large image than in that of a small one.
    across = torch.stack([columns, torch.zeros_like(columns)], dim=-1)  # (2W, 2)
    down = torch.stack([torch.zeros_like(rows), rows], dim=-1)  # (2H, 2)
    grid = across + down.unsqueeze(1)  # (2H, 2W, 2)
    four = offset.new_tensor(4.0)
    pixel = torch.stack([four / width, four / height])  # of the input
    return grid + offset * pixel


def pixel_centres(size: int, like: Tensor) -> Tensor:
    """The centres of `size` pixels on an axis from -1 to 1."""
    indices = torch.arange(size, device=like.device, dtype=like.dtype)
    return (indices + 0.5) * (2.0 / size) - 1
