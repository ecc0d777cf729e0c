"""Lightweight operators: by the words of the papers."""

import math

import pytest
import torch
import torch.nn.functional as F

from unetlite.network.upsampling import UPSAMPLERS


def slow_separable(module, x):
    """Rahman et al. 2024, EUCB: a shuffle of channels in as many groups does nothing."""
    _, depthwise, norm, _, pointwise = module
    resized = F.interpolate(x, scale_factor=2, mode="nearest")
    channels = []
    for k in range(x.shape[1]):
        channels.append(F.conv2d(resized[:, k, None], depthwise.weight[k, None], padding=1))
    filtered = torch.cat(channels, dim=1)
    mean = filtered.mean((0, 2, 3), keepdim=True)
    variance = filtered.var((0, 2, 3), correction=0, keepdim=True)
    shape = (1, -1, 1, 1)
    normed = (filtered - mean) / (variance + norm.eps).sqrt()
    normed = normed * norm.weight.view(shape) + norm.bias.view(shape)
    mixed = torch.einsum("oi,bihw->bohw", pointwise.weight[..., 0, 0], normed.relu())
    return mixed + pointwise.bias.view(shape)


@torch.no_grad()
def test_separable_agrees_with_a_slow_implementation_of_the_paper():
    torch.manual_seed(0)
    module = UPSAMPLERS["separable"](6, 8, 8).double()
    for parameter in module.parameters():
        parameter.normal_(std=0.5)  # far from where it starts
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(module(x, None), slow_separable(module, x))


def test_bilinear_additive_by_its_words():
    """Resize first, then the sum of each four channels: Wojna et al. 2019, section 3.3."""
    up = UPSAMPLERS["bilinear_additive"](8, 3, 3)
    x = torch.randn(2, 8, 5, 7)
    resized = F.interpolate(x, scale_factor=2, mode="bilinear")
    summed = torch.stack([resized[:, k : k + 4].sum(1) for k in (0, 4)], 1)
    torch.testing.assert_close(up(x, None), up.conv(summed))


@pytest.mark.parametrize(("in_channels", "out_channels"), [(8, 2), (8, 4), (5, 3), (3, 8)])
@pytest.mark.parametrize("kernel_size", [2, 3, 4])
@torch.no_grad()
def test_residual_by_its_words(in_channels, out_channels, kernel_size):
    """The resize of every input channel is added to one output channel: Wojna et al. 2019."""
    up = UPSAMPLERS["residual"](in_channels, out_channels, 3, kernel_size=kernel_size)
    transpose = UPSAMPLERS["transpose"](in_channels, out_channels, 3, kernel_size=kernel_size)
    transpose.load_state_dict(up.state_dict())
    x = torch.randn(2, in_channels, 5, 7)
    expected = transpose(x, None)
    resized = F.interpolate(x, scale_factor=2, mode="bilinear")
    count = math.ceil(in_channels / out_channels)
    for channel in range(in_channels):
        expected[:, channel // count] += resized[:, channel]
    torch.testing.assert_close(up(x, None), expected)
