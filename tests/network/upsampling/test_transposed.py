"""Transposed convolutions: by the words of the paper, and their copies."""

import pytest
import torch
import torch.nn.functional as F

from unetlite.network.upsampling import UPSAMPLERS
from unetlite.network.upsampling.transposed import make_transpose


def slow_large_context(module, x):
    """Agnihotri et al. 2024: the sum of two transposed convolutions."""
    size = module.kernel_size[0]
    large = F.conv_transpose2d(x, module.weight, module.bias, 2, size // 2, 1)
    return large + F.conv_transpose2d(x, module.small.weight, None, 2, 1, 1)


@pytest.mark.parametrize("kernel_size", [7, 11])
@torch.no_grad()
def test_large_context_agrees_with_two_convolutions(kernel_size):
    module = UPSAMPLERS["large_context"](6, 8, 8, kernel_size=kernel_size).double()
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(module(x, None), slow_large_context(module, x))


@pytest.mark.parametrize("bias", [False, True])
def test_a_transpose_of_a_layer_has_copies_of_its_weights(bias):
    layer = torch.nn.ConvTranspose2d(3, 5, 4, 2, 1, bias=bias)
    transpose = make_transpose(layer, layer.weight)
    x = torch.randn(1, 3, 4, 5)
    expected = layer(x)
    torch.testing.assert_close(transpose(x, None), expected)
    torch.nn.init.zeros_(layer.weight)
    torch.testing.assert_close(transpose(x, None), expected)
