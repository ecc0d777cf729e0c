"""Sampling at learnt places against slow implementations of the papers."""

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
                    out[b, c, i, j] = read(y[b, c], source(i) + float(dy), source(j) + float(dx))
    return out


def source(position):
    """Sub-pixels lie a quarter of a pixel from the centre."""
    return position // 2 + (0.25 if position % 2 else -0.25)


def read(maps, row, column):
    """Bilinearly, of maps (..., H, W); the border repeats."""
    row = min(max(row, 0), maps.shape[-2] - 1)
    column = min(max(column, 0), maps.shape[-1] - 1)
    top, left = math.floor(row), math.floor(column)
    value = 0
    for r, wr in ((top, 1 - (row - top)), (top + 1, row - top)):
        for s, ws in ((left, 1 - (column - left)), (left + 1, column - left)):
            if wr * ws > 0:
                value = value + wr * ws * maps[..., r, s]
    return value


def slow_lda_aqu(module, x):
    """Du et al. 2024: attention of one output pixel at a time to nine places, in pixels."""
    y = module.conv(x)
    batch, channels, height, width = y.shape
    centred = y - y.mean(1, keepdim=True)
    normed = centred / (y.var(1, correction=0, keepdim=True) + module.norm.eps).sqrt()
    normed = normed * module.norm.weight[:, None, None] + module.norm.bias[:, None, None]
    query = torch.einsum("dc,bchw->bdhw", module.query.weight, normed)
    query = F.interpolate(query, scale_factor=2, mode="bilinear")
    key = torch.einsum("dc,bchw->bdhw", module.key.weight, normed)
    depth = key.shape[1] // module.groups
    per_group = channels // module.groups
    out = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=y.dtype)
    for b in range(batch):
        for group in range(module.groups):
            q = query[b, group * depth : (group + 1) * depth]
            k = key[b, group * depth : (group + 1) * depth]
            value = y[b, group * per_group : (group + 1) * per_group]
            offset = module.reach * module.offset(q[None])[0].tanh()
            for i in range(2 * height):
                for j in range(2 * width):
                    scores = []
                    values = []
                    for n in range(9):
                        row = source(i) + n // 3 - 1 + float(offset[2 * n + 1, i, j])
                        column = source(j) + n % 3 - 1 + float(offset[2 * n, i, j])
                        product = q[:, i, j] @ read(k, row, column) / math.sqrt(depth)
                        scores.append(product + module.bias[n, 0, 0])
                        values.append(read(value, row, column))
                    weights = torch.stack(scores).softmax(0)
                    mean = weights @ torch.stack(values)
                    out[b, group * per_group : (group + 1) * per_group, i, j] = mean
    return out


SLOW = {"dysample": slow_dysample, "lda_aqu": slow_lda_aqu}
CASES = []
for style in ("lp", "pl"):
    for dynamic in (False, True):
        CASES.append(("dysample", {"style": style, "dynamic": dynamic}))
CASES.append(("lda_aqu", {"reach": 2.0}))
CASES.append(("lda_aqu", {"groups": 4, "reduction": 1, "reach": 0.5}))


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
@torch.no_grad()
def test_agreement_with_a_slow_implementation_of_the_paper(name, options):
    slow = SLOW[name]
    torch.manual_seed(0)
    module = UPSAMPLERS[name](6, 8, 8, **options).double()
    for parameter in module.parameters():
        parameter.normal_(std=0.5)  # far from where it starts
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(module(x, None), slow(module, x))


def test_dysample_starts_as_bilinear():
    up = UPSAMPLERS["dysample"](6, 8, 8)
    nn.init.zeros_(up.offset.weight)
    x = torch.randn(2, 6, 5, 7)
    bilinear = F.interpolate(up.conv(x), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(up(x, None), bilinear)
    initialise(up, seed=0)
    bilinear = F.interpolate(up.conv(x), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(up(x, None), bilinear, rtol=0, atol=0.01)


@torch.no_grad()
def test_lda_aqu_starts_as_the_mean_of_nine_places_a_pixel_apart():
    """Of which a box of three, and bilinear interpolation, are the factors."""
    up = UPSAMPLERS["lda_aqu"](6, 8, 8)
    initialise(up, seed=0)
    x = torch.randn(2, 6, 5, 7)
    padded = F.pad(up.conv(x), 4 * [2], mode="replicate")
    box = F.avg_pool2d(padded, 3, stride=1)  # with a border of one pixel
    expected = F.interpolate(box, scale_factor=2, mode="bilinear")[..., 2:-2, 2:-2]
    torch.testing.assert_close(up(x, None), expected, rtol=0, atol=0.02)
