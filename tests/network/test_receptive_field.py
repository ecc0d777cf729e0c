"""The receptive field, against the gradients of whole networks."""

import pytest
import torch
from helpers import OPERATORS, label
from torch import nn

from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS, Upsampler
from unetlite.settings.schema import UNetConfig

CONTENT = ("unpool", "separable", "carafe", "sapa", "fade", "dysample", "lda_aqu")
LINEAR = [operator for operator in OPERATORS if operator["name"] not in CONTENT]


class Guided(Upsampler):
    """Adds a convolution of the encoder's map, with more pixels than the coarser map gives."""

    def __init__(self, in_channels, out_channels, skip_channels):
        super().__init__()
        self.below = nn.Conv2d(in_channels, out_channels, 1)
        self.beside = nn.Conv2d(skip_channels, out_channels, 9, padding=4)

    def forward(self, x, skip):
        return nn.functional.interpolate(self.below(x), scale_factor=2) + self.beside(skip.map)


@pytest.fixture(autouse=True)
def guided(monkeypatch):
    monkeypatch.setitem(UPSAMPLERS, "guided", Guided)


def field_by_gradients(network):
    """The largest over positions; positive weights, so that no path is cut or cancelled."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0, generator=generator)
    x = torch.full((1, 1, 160, 8), 200.0, dtype=torch.float64, requires_grad=True)
    logits = network.double()(x)
    sizes = []
    for row in range(76, 84):
        (gradient,) = torch.autograd.grad(logits[0, 0, row].sum(), x, retain_graph=True)
        rows = gradient[0, 0].abs().sum(1).nonzero()
        sizes.append(int(rows.max() - rows.min()) + 1)
    return max(sizes)


@pytest.mark.parametrize("operator", [*LINEAR, {"name": "guided"}], ids=label)
@pytest.mark.parametrize(("down", "skip"), [("mean", "concat"), ("strided", "none")])
def test_it_is_that_of_the_gradients(operator, down, skip):
    network = UNet(
        UNetConfig(
            in_channels=1,
            widths=(4, 4, 4),
            upsample=operator,
            downsample={"name": down},
            norm="none",
            skip=skip,
        )
    )
    field = receptive_field(network)
    assert field == field_by_gradients(network)


# Of the recurrence over the configuration that version 0.1 had, for widths of three strides.
FORMER = {"unpool": 56, "separable": 52, "carafe": 68, "sapa": 68, "fade": 68, "dysample": 52}


@pytest.mark.parametrize("name", FORMER)
def test_operators_that_read_content_have_the_receptive_field_of_version_0_1(name):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample={"name": name}))
    assert receptive_field(network) == FORMER[name]


def test_before_training_nine_places_reach_as_far_as_bicubic_interpolation():
    fields = []
    for operator in ({"name": "lda_aqu"}, {"name": "bicubic", "kernel_size": 1}):
        fields.append(receptive_field(UNet(UNetConfig(widths=(4, 6, 8), upsample=operator))))
    assert fields[0] == fields[1]


def test_neither_norms_nor_weights_nor_channels_matter():
    expected = None
    for norm in ("batch", "group", "instance", "none"):
        for widths in ((1, 1, 1), (3, 40, 8)):
            network = UNet(UNetConfig(widths=widths, norm=norm))
            with torch.inference_mode():
                for parameter in network.parameters():
                    parameter.zero_()
                field = receptive_field(network)
            expected = expected or field
            assert field == expected


def test_a_deep_network_with_a_dilated_bottleneck_needs_no_large_image():
    """Two kernels of 129 elements in place of 3, at stride 256."""
    plain = receptive_field(UNet(UNetConfig(widths=(2,) * 9)))
    dilated = receptive_field(UNet(UNetConfig(widths=(2,) * 9, bottleneck_dilation=64)))
    assert dilated - plain == 4 * 63 * 256
