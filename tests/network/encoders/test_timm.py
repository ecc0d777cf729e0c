"""timm's encoders: the contract, what they read, and that they are the same under any operator."""

import copy
import os

import numpy as np
import pytest
import torch
from helpers import as_trained, image, make_metadata
from torch import nn

from unetlite.errors import UsageError
from unetlite.inference.export import onnx_model
from unetlite.inference.model import Model
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.pytorch import PyTorch
from unetlite.network.budget import budget, match_budget
from unetlite.network.checkpoint import with_weights
from unetlite.network.complexity import list_layers, training_memory
from unetlite.network.encoders.timm import EvenConv, with_even_convolutions
from unetlite.network.initialization import initialise
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import UNetConfig

timm = pytest.importorskip("timm", reason="timm is not installed: unetlite[encoders]")

# Some of each kind: strides from 1, 2 and 4, TensorFlow's padding, gates, attention, no norm.
OFTEN = (
    "tf_efficientnet_lite0",
    "test_resnet",
    "test_convnext",
    "mobilenetv3_small_050",
    "mobilevit_xxs",
    "repghostnet_050",
)
FAMILIES = (
    *OFTEN,
    "resnet10t",
    "resnet18",
    "resnetblur18",
    "efficientnet_lite0",
    "mobilenetv2_100",
    "convnext_atto",
    "regnetx_002",
    "regnety_002",
    "densenet121",
    "hrnet_w18_small",
    "dla34",
    "vgg11",
    "ghostnet_050",
    "ese_vovnet19b_slim",
    "nf_regnet_b0",
    "mixnet_s",
    "edgenext_xx_small",
    "efficientvit_b0",
    "fasternet_t0",
    "cs3darknet_s",
)
EVERY = "UNETLITE_ENCODERS" in os.environ
"""All families, with their exports: half an hour on two cores."""

CHECKED = FAMILIES if EVERY else OFTEN


def timm_config(name="test_resnet", halvings=5, **options):
    """A network on an encoder of timm, with a narrow decoder."""
    values = {"upsample": {"name": "nearest"}, "decoder_widths": (8,) * halvings, **options}
    return UNetConfig(encoder=name, widths=None, **values)


def make_network(name="test_resnet", **options):
    network = UNet(timm_config(name, **options))
    initialise(network, seed=0)
    return network


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize("in_channels", [1, 5])
def test_an_encoder_takes_images_of_any_size_and_channels_and_trains(name, in_channels):
    network = make_network(name, in_channels=in_channels)
    for size in ((1, 1), (37, 101)):
        logits = network(image(2, in_channels, *size))
        assert logits.shape == (2, 2, *size)
        logits.square().mean().backward()
        for parameter_name, parameter in network.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
    encoder = network.eval().encoder
    height, width = encoder.stride, 2 * encoder.stride
    features, coarsest = encoder(torch.rand(1, in_channels, height, width))
    maps = [*(feature.map for feature in features), coarsest]
    for level, channels in enumerate(encoder.feature_channels):
        assert maps[level].shape == (1, channels, height // 2**level, width // 2**level)


@pytest.mark.parametrize("name", FAMILIES if EVERY else ["test_resnet"])
@pytest.mark.parametrize("in_channels", [1, 5] if EVERY else [3])
@torch.no_grad()
def test_an_exported_encoder_agrees_at_every_size(name, in_channels):
    network = make_network(name, in_channels=in_channels)
    network(image(4, in_channels, 64, 64))  # statistics of batch norms
    network.eval()
    session = make_session(onnx_model(network).SerializeToString())
    for size in ((2, 1, 1), (1, 37, 101)):
        pixels = image(size[0], in_channels, *size[1:])
        expected = network(pixels).numpy()
        (exported,) = session.run(None, {"image": pixels.numpy()})
        np.testing.assert_allclose(exported, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "test_resnet"])
def test_tiles_give_what_the_whole_image_does_and_smaller_ones_do_not(name):
    """Convolutions of stride 2 look further to one side than to the other."""
    network = as_trained({"name": "bilinear"}, **vars_of(name))
    metadata = make_metadata(network, receptive_field=receptive_field(network))
    needed = Model(PyTorch(network, metadata)).tiling
    tile = 2 * needed.halo + 32
    width = tile + 2 * needed.halo
    pixels = image(32, width, 3).numpy()
    runtime = PyTorch(network, metadata)
    whole = Model(runtime, tile=width).predict(pixels).probabilities
    tiled = Model(runtime, tile=tile)
    assert tiled.tile_warning is None
    np.testing.assert_allclose(tiled.predict(pixels).probabilities, whole, atol=2e-6)
    cut = Model(runtime, tile=tile, overlap=0)
    assert "overlap" in cut.tile_warning
    assert np.abs(cut.predict(pixels).probabilities - whole).max() > 1e-3


def vars_of(name):
    """The options of a network for `as_trained`."""
    return {"encoder": name, "widths": None, "decoder_widths": (8,) * 5}


def test_an_encoder_that_reads_the_whole_image_makes_tiles_approximate():
    for name, reads_anywhere in (("mobilenetv3_small_050", True), ("test_resnet", False)):
        network = make_network(name).eval()
        assert network.encoder.reads_anywhere == reads_anywhere
        metadata = make_metadata(
            network,
            receptive_field=receptive_field(network),
            encoder_reads_anywhere=network.encoder.reads_anywhere,
        )
        differ = Model(PyTorch(network, metadata)).tile_warning
        assert (differ is not None and name in differ) == reads_anywhere


@torch.no_grad()
def test_spans_hold_all_that_a_changed_pixel_changes():
    """HRNet upsamples its own maps, so that neighbours read intervals of different sizes."""
    network = make_network("hrnet_w18_small", norm="none").double().eval()
    spans = network.encoder.input_spans()
    strip = torch.rand(1, 3, 32, 1024, dtype=torch.float64)
    features, coarsest = network.encoder(strip)
    for column in (512, 527, 543):
        changed = strip.clone()
        changed[..., column] += 1
        others, other = network.encoder(changed)
        pairs = [(a.map, b.map) for a, b in zip(features, others, strict=True)]
        for level, (before, after) in enumerate([*pairs, (coarsest, other)]):
            offsets = column - 2**level * (before != after).any(2).any(1).nonzero()[:, 1]
            assert spans[level].first <= int(offsets.min())
            assert int(offsets.max()) <= spans[level].last
    assert spans[-1].last < 320  # and little more


def test_even_convolutions_are_those_of_timm_and_export_for_all_sizes():
    layers = nn.Sequential(
        timm.layers.Conv2dSame(3, 4, 3, stride=2),
        timm.layers.Conv2dSame(4, 4, 5, stride=2, groups=4, bias=False),
    )
    even = with_even_convolutions(copy.deepcopy(layers))
    assert [type(layer) for layer in even] == [EvenConv, EvenConv]
    x = torch.rand(1, 3, 16, 24)
    assert torch.equal(even(x), layers(x))
    free = {"input": {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}}
    program = torch.export.export(even, (x,), dynamic_shapes=free)
    larger = torch.rand(1, 3, 40, 8)
    assert torch.equal(program.module()(larger), layers(larger))


def test_the_encoder_is_the_same_under_any_operator_and_for_any_width_of_the_decoder():
    networks = [
        make_network(upsample={"name": "nearest"}),
        make_network(upsample={"name": "carafe"}, decoder_widths=(9, 8, 7, 6, 5)),
    ]
    first, second = (network.encoder.state_dict() for network in networks)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    other = UNet(timm_config())
    initialise(other, seed=1)
    assert not torch.equal(first["body.net.conv1.0.weight"], other.encoder.body.net.conv1[0].weight)


def test_a_frozen_encoder_stays_and_the_rest_learns():
    network = make_network(frozen=True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    network(image(2, 3, 32, 32)).square().mean().backward()
    optimizer.step()
    for name, value in network.state_dict().items():
        is_body = name.startswith("encoder.body.")
        if is_body or name in ("mean", "std"):
            assert torch.equal(value, before[name]), name
    for part in ("encoder.stem.0.0.weight", "decoder.0.conv.0.weight"):
        assert not torch.equal(network.state_dict()[part], before[part])
    config = timm_config()
    assert training_memory(timm_config(frozen=True), 2, 64) < training_memory(config, 2, 64)


def test_constants_that_a_checkpoint_does_not_hold_are_there_when_it_is_opened(tmp_path):
    network = make_network("resnetblur18").eval()
    assert set(dict(network.named_buffers())) - set(network.state_dict())
    file = tmp_path / "weights"
    file.write_bytes(bytes(sum(value.nbytes for value in network.state_dict().values())))
    opened = with_weights(network.config, network.state_dict(), file).eval()
    pixels = image(1, 3, 40, 33)
    assert torch.equal(opened(pixels), network(pixels))


def test_budgets_match_by_decoder_widths_alone():
    config = timm_config(decoder_widths=(32, 24, 16, 16, 8))
    matched = match_budget(config, "macs", "transpose")
    reference = timm_config(upsample={"name": "transpose"}, decoder_widths=(32, 24, 16, 16, 8))
    assert budget(matched, "macs") == pytest.approx(budget(reference, "macs"), rel=0.01)
    assert matched.decoder_widths != config.decoder_widths


def test_the_layers_begin_with_stem_and_encoder():
    layers = list_layers(make_network().eval(), 64, 96)
    names = [layer.name for layer in layers]
    assert names[:3] == ["encoder.stem.0.0", "encoder.stem.0.3", "encoder.body"]
    assert layers[2].shape == (96, 2, 3)
    assert layers[2].macs > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "resnet81"}, ["resnet81", "did you mean resnet18"]),
        ({"name": "hf-hub:a/b"}, ["hf-hub:a/b", "has none"]),
        ({"name": "swin_tiny_patch4_window7_224"}, ["images of 224 x 224 only"]),
        ({"name": "shvit_s1", "halvings": 6}, ["strides 16, 32, 64", "resnet18"]),
        ({"name": "inception_v4"}, ["does not take an image of 32 x 32"]),
        ({"halvings": 4}, ["halves the image 5 times", "[8, 8, 8, 8]", "give 5 numbers"]),
        ({"halvings": 0}, ["model.decoder_widths has no value"]),
        ({"upsample": {"name": "unpool"}}, ["upsample=unpool", "positions", "model=mini"]),
        ({"downsample": {"name": "mean"}}, ["downsample=mean", "leave it out"]),
        ({"bottleneck_dilation": 2}, ["model.bottleneck_dilation=2"]),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(options, words):
    with pytest.raises(UsageError) as error:
        UNet(timm_config(**options))
    for word in words:
        assert word in str(error.value)


def test_the_settings_say_what_is_missing():
    with pytest.raises(UsageError, match=r"model\.widths=\[4, 6\].*has its own"):
        compose_run(["model=pretrained", "model.widths=[4,6]"])
    with pytest.raises(UsageError, match="would never learn"):
        compose_run(["model=pretrained", "model.encoder.frozen=true", "model.encoder.weights=none"])
    settings = compose_run(["model=pretrained", "model.encoder.frozen=true"])
    config = settings.unet_config(in_channels=4)
    assert (config.encoder, config.frozen) == ("tf_efficientnet_lite0", True)
    assert config.stride == 32
