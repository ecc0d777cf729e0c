"""Names of version 0.1: seeds go by them, and its state dicts load."""

import pytest
import torch

from unetlite.network.initialization import initialise
from unetlite.network.names import FORMER_PREFIXES, replace_prefix, upgrade_names
from unetlite.network.unet import UNet
from unetlite.seeding import derive_seed
from unetlite.settings.schema import UNetConfig

FORMER_ORDER = ["encoder.0.0.weight", "encoder.1.0.weight", "down.0.weight", "down.1.weight"]
FORMER_ORDER += ["bottleneck.0.weight", "decoder.0.up.weight", "decoder.1.up.weight", "head.weight"]


def build():
    network = UNet(UNetConfig(widths=(4, 6, 8), downsample={"name": "strided"}))
    initialise(network, seed=0)
    return network


def former_names(state_dict, prefix=""):
    """A state dict as version 0.1 wrote it."""
    former = {}
    for name, value in state_dict.items():
        former[prefix + replace_prefix(name, FORMER_PREFIXES)] = value
    return former


def test_parameters_have_the_order_of_version_0_1():
    """The state of an optimiser is kept by index."""
    names = list(former_names(dict(build().named_parameters())))
    assert [name for name in names if name in FORMER_ORDER] == FORMER_ORDER
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["encoder.0.0", "down.1", "bottleneck.3", "decoder.0.conv.0"])
def test_seeds_go_by_the_names_of_version_0_1(name):
    drawn = former_names(build().state_dict())[f"{name}.weight"]
    _, channels, *kernel = drawn.shape
    torch.manual_seed(derive_seed(0, name))
    layer = torch.nn.Conv2d(channels, len(drawn), kernel)
    assert torch.equal(layer.weight, drawn)


@pytest.mark.parametrize("prefix", ["", "network."])
def test_names_of_version_0_1_become_those_of_today(prefix):
    today = {prefix + name: value for name, value in build().state_dict().items()}
    former = former_names(build().state_dict(), prefix)
    assert former.keys() != today.keys()
    upgraded = upgrade_names(former, prefix)
    assert list(upgraded) == list(today)
    for name, value in upgraded.items():
        assert torch.equal(value, today[name])
    assert upgrade_names(today, prefix) == today
