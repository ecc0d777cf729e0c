"""Zero insertion, pixel shuffle and unpooling: against PyTorch, and at the start."""

import pytest
import torch
import torch.nn.functional as F

from unetlite.network.initialization import initialise
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures
from unetlite.network.upsampling.rearrange import insert_zeros


def test_unpooling_is_pytorchs():
    up = UPSAMPLERS["unpool"](6, 4, 4)
    x = torch.randn(2, 6, 5, 7)
    fine = torch.randn(2, 4, 10, 14)
    _, positions = F.max_pool2d(fine, 2, return_indices=True)
    expected = F.max_unpool2d(up.conv(x), positions, 2)
    torch.testing.assert_close(up(x, EncoderFeatures(fine, positions)), expected)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_pixel_shuffle_starts_without_a_pattern(kernel_size):
    up = UPSAMPLERS["pixelshuffle"](6, 4, 4, kernel_size=kernel_size)
    initialise(up, seed=1)
    out = up(torch.randn(1, 6, 1, 1).expand(1, 6, 9, 9), None)[..., 2:-2, 2:-2]
    torch.testing.assert_close(out, out[..., :1, :1].expand_as(out))
    assert up.weight[:4].unique(dim=0).shape[0] == 1
    assert up.bias[4] != up.bias[0]


def test_zeros_follow_every_element():
    x = torch.tensor([[1.0, 2.0]])
    assert insert_zeros(x, 3).tolist() == [[1, 0, 0, 2, 0, 0], [0] * 6, [0] * 6]


@torch.no_grad()
def test_the_faster_form_of_training_is_equal():
    up = UPSAMPLERS["zeros"](4, 3, 3).double()
    x = torch.randn(2, 4, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(up.train()(x, None), up.eval()(x, None))
