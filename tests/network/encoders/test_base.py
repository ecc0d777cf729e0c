"""The contract of an encoder, kept by the convolutional one and by one that begins at stride 2."""

import pytest
import torch
import torch.nn.functional as F
from helpers import OPERATORS, image, label
from torch import nn

from unetlite.errors import UsageError
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.encoders import ConvEncoder, Encoder
from unetlite.network.folding import fold
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.network.upsampling import EncoderFeatures
from unetlite.settings.schema import UNetConfig

WIDTHS = (3, 4, 5, 6, 7, 8)


class Pyramid(Encoder):
    """Strides 2 to 32, as the feature pyramids of timm, and the image itself at stride 1."""

    def __init__(self):
        super().__init__()
        self.in_channels = 3
        self.feature_channels = WIDTHS
        self.stages = nn.ModuleList()
        for level in range(5):
            self.stages.append(nn.Conv2d(WIDTHS[level], WIDTHS[level + 1], 3, 2, 1))

    def forward(self, x):
        maps = [x]
        for stage in self.stages:
            maps.append(stage(maps[-1]).relu())
        return [EncoderFeatures(each, None) for each in maps[:-1]], maps[-1]


def make_encoder(down, in_channels=3):
    config = UNetConfig(
        in_channels=in_channels, widths=(4, 5, 6, 7), downsample={"name": down}, norm="group"
    )
    return ConvEncoder(config)


ENCODERS = {
    **{down: make_encoder(down) for down in DOWNSAMPLERS},
    "one channel": make_encoder("max", in_channels=1),
    "pyramid": Pyramid(),
}


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_maps_have_the_strides_and_channels_that_the_encoder_states(name):
    encoder = ENCODERS[name].eval()
    height, width = encoder.stride, 3 * encoder.stride
    features, coarsest = encoder(torch.rand(2, encoder.in_channels, height, width))
    assert len(features) == encoder.depth
    maps = [*(feature.map for feature in features), coarsest]
    for level, channels in enumerate(encoder.feature_channels):
        assert maps[level].shape == (2, channels, height // 2**level, width // 2**level)
    for feature in features:
        assert (feature.positions is not None) == encoder.gives_positions


@torch.no_grad()
def test_positions_are_those_of_the_maxima():
    encoder = make_encoder("max").eval()
    features, _ = encoder(torch.rand(1, 3, 16, 24))
    for feature in features:
        expected = F.max_pool2d(feature.map, 2)
        values = feature.map.flatten(2).gather(2, feature.positions.flatten(2))
        assert torch.equal(values, expected.flatten(2))


@pytest.mark.parametrize("down", sorted(DOWNSAMPLERS))
def test_composed_spans_are_those_of_the_whole_encoder(down):
    """The convolutional encoder measures layers; the base class, an image."""
    encoder = make_encoder(down)
    assert encoder.input_spans() == Encoder.input_spans(encoder)


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
@torch.no_grad()
def test_any_encoder_fits_under_any_decoder(operator):
    config = UNetConfig(widths=WIDTHS, upsample=operator)
    if operator["name"] == "unpool":
        with pytest.raises(UsageError, match="positions"):
            UNet(config, Pyramid())
        return
    network = UNet(config, Pyramid()).eval()
    for size in ((1, 1), (33, 70)):
        logits = network(image(1, 3, *size))
        assert logits.shape == (1, 2, *size)
        torch.testing.assert_close(fold(network)(image(1, 3, *size)), logits, rtol=1e-4, atol=1e-4)


def test_the_receptive_field_of_any_encoder_is_that_of_the_gradients():
    network = UNet(UNetConfig(widths=WIDTHS, norm="none"), Pyramid())
    field = receptive_field(network)
    for parameter in network.double().parameters():  # positive, so that no path is cut
        nn.init.uniform_(parameter, 0.1, 0.2)
    x = torch.full((1, 3, 512, 1), 200.0, dtype=torch.float64, requires_grad=True)
    logits = network(x)
    sizes = []
    for row in range(256, 288):
        (gradient,) = torch.autograd.grad(logits[0, 0, row].sum(), x, retain_graph=True)
        rows = gradient.abs().sum((0, 1, 3)).nonzero()
        sizes.append(int(rows.max() - rows.min()) + 1)
    assert field == max(sizes)


def test_an_encoder_of_another_depth_is_refused_with_both_depths():
    with pytest.raises(UsageError, match=r"halves the image \d times, but .* doubles it 1 times"):
        UNet(UNetConfig(widths=(4, 8)), Pyramid())
