"""Properties of the network that hold for every operator."""

from dataclasses import asdict

import pytest
import torch
import yaml
from helpers import OPERATORS, image, label
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from

from unetlite.errors import UsageError
from unetlite.network.measures import parameters
from unetlite.network.unet import UNet, initialise, pad_to_multiple
from unetlite.network.upsampling import UPSAMPLERS, Skip
from unetlite.settings import CONFIGS, UNetConfig, compose_run, network_config

WIDTHS = (4, 6, 8, 10, 12)


every_operator = pytest.mark.parametrize("operator", OPERATORS, ids=label)


def build(operator, **options):
    network = UNet(UNetConfig(widths=WIDTHS, upsample=operator, **options))
    initialise(network, seed=0)
    return network


def test_every_registered_operator_is_tested():
    """By a line in OPERATORS, in tests/helpers.py, and chosen by a file in configs/upsample."""
    assert {operator["name"] for operator in OPERATORS} == set(UPSAMPLERS)
    assert {yaml.safe_load(file.read_text())["name"] for file in (CONFIGS / "upsample").iterdir()} == set(UPSAMPLERS)


@every_operator
@pytest.mark.parametrize("height", [1, 2, 3, 8])
def test_an_operator_doubles_exactly(operator, height):
    up = UPSAMPLERS.build(operator, 6, 5, 5)
    left = torch.randn(2, 5, 2 * height, 14)
    skip = Skip(left, torch.nn.functional.max_pool2d(left, 2, return_indices=True)[1])
    assert up(torch.randn(2, 6, height, 7), skip).shape == (2, 5, 2 * height, 14)


@settings(max_examples=60, deadline=None)
@given(height=integers(1, 70), width=integers(1, 70), operator=sampled_from(OPERATORS))
def test_logits_have_the_size_of_the_image(height, width, operator):
    with torch.no_grad():
        logits = build(operator, num_classes=3).eval()(image(1, 3, height, width))
    assert logits.shape == (1, 3, height, width)
    assert logits.isfinite().all()


@every_operator
@pytest.mark.parametrize("size", [(32, 48), (37, 21)])
def test_memory_formats_agree(operator, size):
    network, x = build(operator).eval(), image(2, 3, *size)
    expected = network(x)
    for weights in (torch.channels_last, torch.contiguous_format):
        for pixels in (torch.channels_last, torch.contiguous_format):
            network.to(memory_format=weights)
            torch.testing.assert_close(network(x.contiguous(memory_format=pixels)), expected, rtol=1e-4, atol=1e-5)


@every_operator
@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
@pytest.mark.parametrize("skip", ["concat", "add", "none"])
def test_gradients_reach_every_parameter(operator, norm, skip):
    network = build(operator, norm=norm, skip=skip)
    network(image(2, 3, 33, 47)).square().mean().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # Where there is no skip connection, the network is still connected from end to end.
    assert without == []


def test_no_parameter_outside_the_operator_depends_on_it():
    states = []
    for position, operator in enumerate(OPERATORS):
        torch.manual_seed(position)  # what was drawn before must not matter
        states.append({k: v for k, v in build(operator).state_dict().items() if ".up." not in k})
    for state in states[1:]:
        assert state.keys() == states[0].keys()
        assert all(torch.equal(state[name], states[0][name]) for name in state)


def test_another_seed_draws_other_parameters():
    a, b = build(OPERATORS[0]), build(OPERATORS[0])
    initialise(b, seed=1)
    convolutions = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    drawn = [name for name, module in a.named_modules() if isinstance(module, convolutions)]
    assert not any(torch.equal(a.get_submodule(name).weight, b.get_submodule(name).weight) for name in drawn)


def test_what_a_module_sets_itself_stays_and_own_parameters_need_a_way_to_be_drawn():
    class Block(torch.nn.Sequential):
        def reset_parameters(self):
            torch.nn.init.constant_(self[0].bias, 3.0)

    block = Block(torch.nn.Linear(2, 2))
    initialise(block, seed=0)
    assert block[0].bias.tolist() == [3, 3]
    block.weight = torch.nn.Parameter(torch.randn(3))
    initialise(block, seed=0)  # it has a reset_parameters, which may leave what it likes
    bare = torch.nn.Module()
    bare.weight = torch.nn.Parameter(torch.randn(3))
    with pytest.raises(TypeError, match="no reset_parameters"):
        initialise(bare, seed=0)


@every_operator
def test_padding_repeats_the_edge_and_is_cropped_away(operator):
    network, x = build(operator).eval(), image(1, 3, 19, 30)
    padded = torch.nn.functional.pad(x.float(), (0, 2, 0, 13), mode="replicate")  # to 32 x 32
    torch.testing.assert_close(network(x), network(padded)[..., :19, :30])
    assert torch.equal(pad_to_multiple(x.float(), 16), padded)


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_one_pixel_is_an_image_with_every_norm(norm):
    assert build(OPERATORS[0], norm=norm).eval()(image(1, 3, 1, 1)).isfinite().all()


def test_raw_pixels_are_normalised_inside():
    network, x = build(OPERATORS[0]).eval(), image(1, 3, 16, 16)
    expected = network(x)
    mean, std = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([2.0, 3.0, 4.0])
    network.set_normalisation(mean, std)
    as_before = (x - 127.5) / 127.5 * std.view(1, 3, 1, 1) + mean.view(1, 3, 1, 1)
    torch.testing.assert_close(network(as_before), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("widths", "millions"),
    [((16, 32, 64, 128, 256), 1.94), ((64, 128, 256, 512, 1024), 31.04)],
    ids=["mini", "classic"],
)
def test_parameters_of_the_models(widths, millions):
    """31.0 M is the U-Net of Ronneberger et al. 2015; mini has a quarter of its widths, so a sixteenth of it."""
    with torch.device("meta"):
        network = UNet(UNetConfig(widths=widths))
    assert parameters(network) / 1e6 == pytest.approx(millions, abs=0.01)


def test_the_configuration_survives_a_checkpoint(tmp_path):
    config = UNetConfig(widths=[4, 8], upsample={"name": "nearest", "kernel_size": 1}, norm="group")
    torch.save(asdict(config), tmp_path / "config.pt")
    assert UNetConfig(**torch.load(tmp_path / "config.pt", weights_only=True)) == config


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"upsample": {"name": "magic"}}, ["magic", "bilinear", "nearest", "transpose"]),
        ({"upsample": {"name": "transpose", "kernel_size": 5}}, ["upsample.kernel_size=5", "2, 3, 4, 6 or 8"]),
        ({"upsample": {"name": "nearest", "mode": 1}}, ["mode", "kernel_size"]),
        ({"downsample": {"name": "magic"}}, ["magic", "max"]),
        ({"upsample": {"name": "unpool"}, "downsample": {"name": "mean"}}, ["unpool", "mean", "downsample=max"]),
        ({"norm": "layer"}, ["model.norm=layer", "batch", "group"]),
        ({"widths": [16]}, ["model.widths", "16"]),
        ({"widths": [True, True, True]}, ["model.widths=True"]),
        ({"decoder_widths": [3]}, ["model.decoder_widths=[3]", "4 numbers"]),
        ({"bottleneck_dilation": "two"}, ["model.bottleneck_dilation=two", "integer"]),
        ({"upsample": {"name": "carafe", "window": "big"}}, ["upsample.window=big", "3, 5 or 7"]),
        ({"upsample": {"name": "carafe", "window": 4}}, ["upsample.window=4", "3, 5 or 7"]),
    ],
)
def test_a_wrong_option_is_refused_with_the_choices(options, words):
    config = compose_run([])
    choices = {key: options.pop(key) for key in ("upsample", "downsample") if key in options}
    with pytest.raises(UsageError) as error:
        UNet(network_config({**config, **choices, "model": {**config["model"], **options}}))
    assert all(word in str(error.value) for word in words)
