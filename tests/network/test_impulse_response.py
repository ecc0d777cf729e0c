"""What operators do to one pixel and to a constant."""

import pytest
import torch
from helpers import OPERATORS, label
from torch import nn

from unetlite.network.impulse_response import last_response, measure_response
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures
from unetlite.settings.schema import UNetConfig

CONTENT = ("unpool", "separable", "carafe", "sapa", "fade", "dysample", "lda_aqu")
LINEAR = [operator for operator in OPERATORS if operator["name"] not in CONTENT]


@pytest.mark.parametrize("operator", LINEAR, ids=label)
def test_the_equivalent_kernel_is_one(operator):
    """A transposed convolution with the kernel does, inside, what the operator does."""
    up = UPSAMPLERS.build(operator, 4, 3, 3)
    initialise(up, seed=0)
    kernel = measure_response(up, 4, 3).kernel
    x = torch.randn(1, 4, 12, 12, dtype=torch.float64)
    up = up.double()
    skip = EncoderFeatures(torch.ones(1, 3, 24, 24, dtype=torch.float64), None)
    expected = up(x, skip) - up(torch.zeros_like(x), skip)
    padding = (kernel.shape[-1] - 2) // 2
    out = nn.functional.conv_transpose2d(x, kernel, stride=2, padding=padding)
    inside = slice(8, -8)
    torch.testing.assert_close(out[..., inside, inside], expected[..., inside, inside])


@pytest.mark.parametrize(
    ("kernel_size", "counts"), [(2, [1]), (3, [1, 2, 4]), (4, [4])], ids=["2", "3", "4"]
)
def test_the_overlap_of_transposed_convolutions(kernel_size, counts):
    up = UPSAMPLERS["transpose"](2, 2, 2, kernel_size=kernel_size)
    overlap = measure_response(up, 2, 2).overlap
    assert sorted(overlap.unique().tolist()) == counts


EVEN = ["nearest-3", "bilinear-3", "bicubic-3", "bilinear_additive", "separable", "pixelshuffle-3"]
EVEN += ["dysample", "dysample-pl-True", "carafe", "sapa", "fade", "lda_aqu"]
EVEN += ["transpose-6-True", "zeros-True", "pixelshuffle-True", "unpool-True"]
UNEVEN = ["transpose-2", "transpose-3", "transpose-4", "residual", "zeros", "unpool-3"]


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_the_ripple_at_initialisation_is_as_theory_says(operator):
    """None from resizing; some from independent taps; most from zeros and uneven overlap."""
    up = UPSAMPLERS.build(operator, 8, 8, 8)
    initialise(up, seed=0)
    ripple = measure_response(up, 8, 8).ripple
    if label(operator) in EVEN:
        assert ripple < 1e-3
    elif label(operator) in UNEVEN:
        assert ripple > 0.1


def test_the_last_operator_of_a_network_is_measured_and_left_as_it_was():
    network = UNet(UNetConfig(widths=(4, 6, 8)))
    initialise(network, seed=0)
    response = last_response(network)
    weight = network.decoder[-1].up.weight
    torch.testing.assert_close(response.kernel, weight.double())
    assert weight.dtype == torch.float32
    assert network.training
