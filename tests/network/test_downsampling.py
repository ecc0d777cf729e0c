"""Downsampling: gradients, and stochastic pooling against its definition."""

import math

import pytest
import torch
from helpers import image

from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig


@pytest.mark.parametrize("down", sorted(DOWNSAMPLERS))
def test_gradients_pass_every_downsampling(down):
    network = UNet(UNetConfig(widths=(4, 6, 8), downsample={"name": down}))
    network(image(2, 3, 18, 21)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.any(), name


def test_stochastic_pooling_draws_in_proportion_and_averages_in_evaluation():
    torch.manual_seed(0)
    pool = DOWNSAMPLERS["stochastic"](1)
    x = torch.tensor([[1.0, 2.0], [0.0, 5.0]]).repeat(100, 100)[None, None]
    drawn = pool.train()(x)[0].flatten()
    for value in (1.0, 2.0, 0.0, 5.0):
        frequency = float((drawn == value).float().mean())
        standard_error = math.sqrt(0.25 / len(drawn))
        assert abs(frequency - value / 8) < 5 * standard_error
    weighted = (1 * 1 + 2 * 2 + 5 * 5) / 8
    torch.testing.assert_close(pool.eval()(x)[0], torch.full((1, 1, 100, 100), weighted))


def test_stochastic_pooling_of_values_that_are_not_positive():
    torch.manual_seed(0)
    pool = DOWNSAMPLERS["stochastic"](1)
    x = torch.tensor([[-1.0, -2.0], [-3.0, -2.0]]).repeat(1, 50)[None, None]
    assert set(pool.train()(x)[0].unique().tolist()) == {-1.0, -2.0, -3.0}
    assert pool.eval()(x)[0].unique().tolist() == [-2.0]
    assert not pool.eval()(torch.zeros(1, 1, 4, 4))[0].any()
