"""Resize-convolution: the forms of training and of evaluation are one function."""

import pytest
import torch

from unetlite.network.upsampling import UPSAMPLERS


@pytest.mark.parametrize("name", ["nearest", "bicubic"])
@pytest.mark.parametrize("size", [(1, 1), (5, 7)])
@torch.no_grad()
def test_the_faster_form_of_training_is_equal(name, size):
    up = UPSAMPLERS[name](4, 3, 3).double()
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    torch.testing.assert_close(up.train()(x, None), up.eval()(x, None))
