"""Dynamic sampling against a slow implementation of the paper."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unetlite.network.initialization import initialise
from unetlite.network.upsampling import UPSAMPLERS


def slow_dysample(module, x):
    """Section 3 of Liu et al. 2023, one output pixel at a time, in pixels of the input."""
    y = module.conv(x)

    def predict(layer):
        if module.style == "lp":
            return F.pixel_shuffle(layer(y), 2)
        return layer(F.pixel_shuffle(y, 2))

    scope = 0.25 if module.scope is None else 0.5 * predict(module.scope).sigmoid()
    offsets = scope * predict(module.offset)  # (B, 2 g, 2H, 2W)
    batch, channels, height, width = y.shape
    out = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=y.dtype)
    per_group = channels // module.groups
    for b in range(batch):
        for c in range(channels):
            group = c // per_group
            for i in range(2 * height):
                for j in range(2 * width):
                    dx, dy = offsets[b, 2 * group, i, j], offsets[b, 2 * group + 1, i, j]
                    # Sub-pixels lie a quarter of a pixel from the centre; the border repeats.
                    column = min(max(j // 2 + (0.25 if j % 2 else -0.25) + float(dx), 0), width - 1)
                    row = min(max(i // 2 + (0.25 if i % 2 else -0.25) + float(dy), 0), height - 1)
                    top, left = math.floor(row), math.floor(column)
                    for r, wr in ((top, 1 - (row - top)), (top + 1, row - top)):
                        for s, ws in ((left, 1 - (column - left)), (left + 1, column - left)):
                            if wr * ws > 0:
                                out[b, c, i, j] += wr * ws * y[b, c, r, s]
    return out


@pytest.mark.parametrize("style", ["lp", "pl"])
@pytest.mark.parametrize("dynamic", [False, True])
@torch.no_grad()
def test_agreement_with_a_slow_implementation_of_the_paper(style, dynamic):
    torch.manual_seed(0)
    module = UPSAMPLERS["dysample"](6, 8, 8, style=style, dynamic=dynamic).double()
    for parameter in module.parameters():
        parameter.normal_(std=0.5)  # far from where it starts
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(module(x, None), slow_dysample(module, x))


def test_dysample_starts_as_bilinear():
    up = UPSAMPLERS["dysample"](6, 8, 8)
    nn.init.zeros_(up.offset.weight)
    x = torch.randn(2, 6, 5, 7)
    bilinear = F.interpolate(up.conv(x), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(up(x, None), bilinear)
    initialise(up, seed=0)
    bilinear = F.interpolate(up.conv(x), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(up(x, None), bilinear, rtol=0, atol=0.01)
