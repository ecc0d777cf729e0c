"""What `unetlite explain` says, against PyTorch's gradients and its counter."""

import pytest
import torch
from helpers import OPERATORS, image, label
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.network.behaviour import behaviour
from unetlite.network.downsampling import DOWNSAMPLERS
from unetlite.network.measures import layers, receptive_field
from unetlite.network.unet import UNet, initialise
from unetlite.network.upsampling import UPSAMPLERS, Skip
from unetlite.settings import UNetConfig

LOOKING = ("unpool", "separable", "carafe", "sapa", "fade", "dysample")  # at content, encoder or statistics
LINEAR = [operator for operator in OPERATORS if operator["name"] not in LOOKING]


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80", "TERM": "dumb"})


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_multiplications_are_those_of_pytorchs_counter_and_of_the_formula(operator):
    network = UNet(UNetConfig(widths=(4, 6, 8), upsample=operator)).eval()
    rows = layers(network, 33, 50)
    with FlopCounterMode(display=False) as counter:
        network(image(1, 3, 33, 50))
    assert sum(row.multiplications for row in rows) == counter.get_total_flops() // 2
    assert sum(row.parameters for row in rows) + sum(
        p.numel()
        for name, m in network.named_modules()
        if isinstance(m, nn.BatchNorm2d) and ".up." not in name
        for p in m.parameters()
    ) == sum(p.numel() for p in network.parameters())
    for row in rows:
        if row.kind == "Conv2d":
            conv, (channels, height, width) = network.get_submodule(row.name), row.shape
            assert row.multiplications == channels * height * width * conv.in_channels * conv.kernel_size[0] ** 2


class Guided(nn.Module):
    """Adds a convolution of the encoder's map, so that an output sees farther there than below."""

    def __init__(self, in_channels, out_channels, skip_channels):
        super().__init__()
        self.below = nn.Conv2d(in_channels, out_channels, 1)
        self.beside = nn.Conv2d(skip_channels, out_channels, 9, padding=4)

    def forward(self, x, skip):
        return nn.functional.interpolate(self.below(x), scale_factor=2) + self.beside(skip.map)


@pytest.fixture(autouse=True)
def guided(monkeypatch):
    monkeypatch.setitem(UPSAMPLERS, "guided", Guided)


@pytest.mark.parametrize("operator", [*LINEAR, {"name": "guided"}], ids=label)
@pytest.mark.parametrize("down", ["mean", "strided"])
def test_receptive_fields_are_those_of_the_gradients(operator, down):
    """The largest over positions, of a network with positive weights, so that no path is cut or cancelled."""
    network = UNet(
        UNetConfig(in_channels=1, widths=(4, 4, 4), upsample=operator, downsample={"name": down}, norm="none")
    ).double()
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0, generator=torch.Generator().manual_seed(0))
    x = torch.full((1, 1, 160, 8), 200.0, dtype=torch.float64, requires_grad=True)
    logits = network(x)
    seen = 0
    for row in range(76, 84):
        (gradient,) = torch.autograd.grad(logits[0, 0, row].sum(), x, retain_graph=True)
        rows = gradient[0, 0].abs().sum(1).nonzero()[:, 0]
        seen = max(seen, int(rows.max() - rows.min()) + 1)
    assert receptive_field(network.config) == seen


@pytest.mark.parametrize("operator", LINEAR, ids=label)
def test_the_equivalent_kernel_is_one(operator):
    """A transposed convolution with the kernel that is shown does, inside, what the operator does."""
    up = UPSAMPLERS.build(operator, 4, 3, 3)
    initialise(up, seed=0)
    kernel = behaviour(up, 4, 3, 3).kernel
    x = torch.randn(1, 4, 12, 12, dtype=torch.float64)
    up = up.double()
    skip = Skip(torch.ones(1, 3, 24, 24, dtype=torch.float64), None)
    expected = up(x, skip) - up(torch.zeros_like(x), skip)
    padding = (kernel.shape[-1] - 2) // 2
    out = nn.functional.conv_transpose2d(x, kernel, stride=2, padding=padding)
    inside = slice(8, -8)
    torch.testing.assert_close(out[..., inside, inside], expected[..., inside, inside])


def test_the_overlap_of_transposed_convolutions():
    overlaps = {k: behaviour(UPSAMPLERS["transpose"](2, 2, 2, kernel_size=k), 2, 2, 2).overlap for k in (2, 3, 4)}
    assert overlaps[2].unique().tolist() == [1]
    assert sorted(overlaps[3].unique().tolist()) == [1, 2, 4]
    assert overlaps[4].unique().tolist() == [4]


@pytest.mark.parametrize("down", sorted(DOWNSAMPLERS))
def test_every_layer_is_listed_for_settings(down):
    result = run("explain", "upsample=nearest", f"downsample={down}", "model.bottleneck_dilation=2", "--size", "96x64")
    assert result.exit_code == 0, result.output
    for word in (
        "encoder.0.0",
        "16x96x64",
        "bottleneck.0",
        "decoder.3.up",
        "head",
        "a logit sees",
        "kernel 4 x 4",
        "ripple",
    ):
        assert word in result.output, word


def test_all_operators_side_by_side():
    result = run("explain", "--compare", "--size", "32")
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in UPSAMPLERS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.ckpt"], ["nowhere.ckpt", "no such checkpoint"]),
        (["upsample=magic"], ["magic", "transpose"]),
        (["--size", "big"], ["big", "96x128"]),
    ],
)
def test_mistakes_end_in_one_line(arguments, words):
    result = run("explain", *arguments)
    assert result.exit_code == 2
    assert all(word in result.stderr for word in words), result.output
    assert len(result.stderr.strip().splitlines()) == 1
