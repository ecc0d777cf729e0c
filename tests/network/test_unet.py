"""Properties of the network that hold for every operator."""

import copy
from dataclasses import asdict

import pytest
import torch
import yaml
from helpers import OPERATORS, image, label
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from

from unetlite.errors import UsageError
from unetlite.network.complexity import count_parameters
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet, pad_to_multiple
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import UNetConfig
from unetlite.validation import validate

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 0.1}
FORMATS = (torch.contiguous_format, torch.channels_last)

every_operator = pytest.mark.parametrize("operator", OPERATORS, ids=label)


def build(operator, **options):
    network = UNet(UNetConfig(**{"widths": (4, 6, 8), "upsample": operator, **options}))
    initialise(network, seed=0)
    return network


def test_every_registered_operator_is_tested_and_configured():
    """By a line in OPERATORS, in tests/helpers.py, and a file in configs/upsample."""
    assert {operator["name"] for operator in OPERATORS} == set(UPSAMPLERS)
    files = (CONFIGS / "upsample").iterdir()
    assert {yaml.safe_load(file.read_text())["name"] for file in files} == set(UPSAMPLERS)


CONTRACT = [(operator, "max") for operator in OPERATORS]
CONTRACT += [({"name": "nearest"}, down) for down in sorted(DOWNSAMPLERS)]


@pytest.mark.parametrize(("operator", "down"), CONTRACT, ids=str)
@torch.no_grad()
def test_the_contract(operator, down):
    """Any size, type and memory format: logits of the image's size, and the same values.

    In training, too, where some operators compute an equal form that is faster; but for norms over
    a batch, and for chance.
    """
    reference = build(operator, downsample={"name": down}, norm="group").double().eval()
    for size in ((1, 1), (5, 7), (12, 8)):
        x = image(2, 3, *size)
        expected = reference(x)
        assert expected.shape == (2, 2, *size)
        for dtype, tolerance in TOLERANCE.items():
            for memory_format in FORMATS:
                network = copy.deepcopy(reference).to(dtype).to(memory_format=memory_format)
                out = network(x)
                assert out.dtype == dtype
                if operator["name"] == "unpool" and dtype == torch.bfloat16:
                    continue  # rounding moves maxima, and with them everything that follows
                torch.testing.assert_close(out.double(), expected, rtol=tolerance, atol=tolerance)
                if size == (5, 7) and operator["name"] != "separable" and down != "stochastic":
                    out = network.train()(x).double()
                    torch.testing.assert_close(out, expected, rtol=tolerance, atol=tolerance)


@settings(max_examples=30, deadline=None)
@given(height=integers(1, 70), width=integers(1, 70), operator=sampled_from(OPERATORS))
def test_logits_have_the_size_of_the_image(height, width, operator):
    network = build(operator, widths=(4, 6, 8, 10, 12), num_classes=3).eval()
    with torch.no_grad():
        logits = network(image(1, 3, height, width))
    assert logits.shape == (1, 3, height, width)
    assert logits.isfinite().all()


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("size", [(16, 24), (37, 21)])
@torch.no_grad()
def test_the_memory_format_of_the_image_does_not_matter(weights, size):
    network = build({"name": "fade"}).eval().to(memory_format=weights)
    x = image(2, 3, *size)
    expected = network(x)
    out = network(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)


GRADIENTS = [(operator, "batch", "concat") for operator in OPERATORS]
for each in ("transpose", "fade", "unpool"):
    GRADIENTS += [({"name": each}, "batch", skip) for skip in ("add", "none")]
GRADIENTS += [({"name": "nearest"}, norm, "concat") for norm in ("group", "instance", "none")]


@pytest.mark.parametrize(("operator", "norm", "skip"), GRADIENTS, ids=str)
def test_gradients_reach_every_parameter(operator, norm, skip):
    network = build(operator, norm=norm, skip=skip)
    network(image(2, 3, 17, 22)).square().mean().backward()
    without = []
    for name, parameter in network.named_parameters():
        if parameter.grad is None or not parameter.grad.any():
            without.append(name)
    assert without == []


@every_operator
@torch.no_grad()
def test_padding_repeats_the_edge_and_is_cropped_away(operator):
    network = build(operator).eval()
    x = image(1, 3, 13, 10)
    padded = torch.nn.functional.pad(x.float(), (0, 2, 0, 3), mode="replicate")  # to 16 x 12
    torch.testing.assert_close(network(x), network(padded)[..., :13, :10])
    assert torch.equal(pad_to_multiple(x.float(), 4), padded)


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_one_pixel_is_an_image_with_every_norm(norm):
    assert build(OPERATORS[0], norm=norm).eval()(image(1, 3, 1, 1)).isfinite().all()


@torch.no_grad()
def test_raw_pixels_are_normalised_inside():
    network = build(OPERATORS[0]).eval()
    x = image(1, 3, 16, 16)
    expected = network(x)
    mean = torch.tensor([10.0, 20.0, 30.0])
    std = torch.tensor([2.0, 3.0, 4.0])
    network.set_normalisation(mean, std)
    scaled = (x - 127.5) / 127.5 * std.view(1, 3, 1, 1) + mean.view(1, 3, 1, 1)
    torch.testing.assert_close(network(scaled), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("widths", "millions"),
    [((16, 32, 64, 128, 256), 1.94), ((64, 128, 256, 512, 1024), 31.04)],
    ids=["mini", "classic"],
)
def test_parameters_of_the_models(widths, millions):
    """31.0 M is the U-Net of Ronneberger et al. 2015; mini has a quarter of its widths."""
    with torch.device("meta"):
        network = UNet(UNetConfig(widths=widths))
    assert count_parameters(network) / 1e6 == pytest.approx(millions, abs=0.01)


def test_the_configuration_survives_a_checkpoint(tmp_path):
    config = UNetConfig(widths=[4, 8], upsample={"name": "nearest", "kernel_size": 1}, norm="group")
    torch.save(asdict(config), tmp_path / "config.pt")
    assert UNetConfig(**torch.load(tmp_path / "config.pt", weights_only=True)) == config


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"upsample": {"name": "magic"}}, ["magic", "bilinear", "nearest", "transpose"]),
        (
            {"upsample": {"name": "transpose", "kernel_size": 5}},
            ["upsample.kernel_size=5", "2, 3, 4, 6 or 8"],
        ),
        ({"upsample": {"name": "nearest", "mode": 1}}, ["mode", "kernel_size"]),
        ({"upsample": {"name": "carafe", "window": "big"}}, ["upsample.window=big", "3, 5 or 7"]),
        ({"upsample": {"name": "carafe", "window": 4}}, ["upsample.window=4", "3, 5 or 7"]),
        ({"downsample": {"name": "magic"}}, ["magic", "max"]),
        (
            {"upsample": {"name": "unpool"}, "downsample": {"name": "mean"}},
            ["unpool", "mean", "downsample=max"],
        ),
        ({"norm": "layer"}, ["model.norm=layer", "batch", "group"]),
        ({"widths": [16]}, ["model.widths", "16"]),
        ({"widths": [True, True, True]}, ["model.widths=True"]),
        ({"widths": [4, 5, 6], "decoder_widths": [3]}, ["model.decoder_widths=[3]", "2 numbers"]),
        ({"bottleneck_dilation": "two"}, ["model.bottleneck_dilation=two", "integer"]),
    ],
)
def test_a_wrong_option_is_refused_with_the_choices(options, words):
    with pytest.raises(UsageError) as error:
        UNet(validate(UNetConfig, options, "model"))
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("pixel_type", ["uint16", "float32"])
def test_pixels_of_any_type_are_normalised_and_outliers_bounded(pixel_type):
    config = UNetConfig(widths=(4, 6), in_channels=2, pixel_type=pixel_type)
    network = UNet(config)
    network.set_normalisation(torch.tensor([100.0, 500.0]), torch.tensor([10.0, 0.0]))
    pixels = torch.tensor([[[[90.0, 65535.0]], [[500.0, 501.0]]]])
    normalised = network.normalise(pixels)
    assert normalised[0, 0, 0].tolist() == [-1, 10]
    assert normalised[0, 1, 0, 0] == 0
    if pixel_type == "float32":
        missing = torch.full((1, 2, 1, 1), torch.nan)
        assert network.normalise(missing).flatten().tolist() == [0, 0]
    integers = pixels.to(getattr(torch, pixel_type))
    torch.testing.assert_close(network.eval()(integers), network(pixels))
