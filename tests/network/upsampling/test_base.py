"""What every operator keeps, and what a new one needs."""

import pytest
import torch
import torch.nn.functional as F
from helpers import OPERATORS, image, label
from torch import nn

from unetlite.errors import UsageError
from unetlite.network.folding import fold
from unetlite.network.initialization import initialise
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures, Upsampler
from unetlite.network.upsampling.base import blurred
from unetlite.settings.schema import UNetConfig


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
@pytest.mark.parametrize("height", [1, 2, 3, 8])
def test_an_operator_doubles_exactly(operator, height):
    up = UPSAMPLERS.build(operator, 6, 5, 5)
    fine = torch.randn(2, 5, 2 * height, 14)
    _, positions = F.max_pool2d(fine, 2, return_indices=True)
    x = torch.randn(2, 6, height, 7)
    assert up(x, EncoderFeatures(fine, positions)).shape == (2, 5, 2 * height, 14)


@pytest.fixture
def repeat():
    """The smallest operator of a user's own."""

    @UPSAMPLERS.register("repeat")
    class Repeat(Upsampler):
        def __init__(self, in_channels, out_channels, skip_channels, *, gain: float = 1.0):
            super().__init__()
            self.gain = gain
            self.mix = nn.Conv2d(in_channels, out_channels, 1)

        def forward(self, x, skip):
            x = self.gain * self.mix(x)
            return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    yield Repeat
    del UPSAMPLERS["repeat"]


def test_a_class_under_a_name_is_all_that_a_new_operator_needs(repeat):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample={"name": "repeat", "gain": 2.0}))
    initialise(network, seed=0)
    assert network.decoder[0].up.gain == 2.0
    network(image(2, 3, 9, 10)).square().mean().backward()
    assert network.decoder[0].up.mix.weight.grad.any()
    network.eval()
    x = image(1, 3, 9, 10)
    torch.testing.assert_close(fold(network)(x), network(x), rtol=1e-4, atol=1e-5)
    plain = UNet(UNetConfig(widths=(4, 6, 8), upsample={"name": "nearest", "kernel_size": 1}))
    assert receptive_field(network) == receptive_field(plain)


def test_a_new_operator_without_the_base_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match="'mine': derive Mine from Upsampler"):

        @UPSAMPLERS.register("mine")
        class Mine(nn.Module):
            pass

    assert "mine" not in UPSAMPLERS


def test_an_unknown_option_of_a_new_operator_is_refused(repeat):
    with pytest.raises(UsageError, match=r"upsample\.gian is not known; there are gain"):
        UPSAMPLERS.build({"name": "repeat", "gian": 2.0}, 4, 4, 4)


def test_the_blur_is_the_mean_of_four_shifted_means():
    """[1, 3, 3, 1] is [1, 1] convolved with itself three times; the first removes period 2."""
    x = torch.randn(2, 3, 7, 6)
    expected = F.pad(x, (2, 2, 2, 2))
    for axis in (2, 3):
        for _ in range(3):
            size = expected.shape[axis] - 1
            expected = (expected.narrow(axis, 0, size) + expected.narrow(axis, 1, size)) / 2
    torch.testing.assert_close(blurred(x), expected[..., :-1, :-1])


def test_a_subclass_does_not_take_over_the_folded_form_of_its_base():
    class Scaled(type(UPSAMPLERS.build({"name": "bilinear"}, 4, 4, 4))):
        def resize(self, x):
            return 2 * super().resize(x)

    operator = Scaled(4, 4, 4, kernel_size=1)
    assert operator.folded("pytorch") is operator
