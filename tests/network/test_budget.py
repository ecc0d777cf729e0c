"""Equal budgets: what matching changes, what it keeps, and when it refuses."""

from dataclasses import replace

import pytest
import torch
from helpers import OPERATORS, image, label

from unetlite.errors import UsageError
from unetlite.network.budget import budget, match_budget, one_channel_off
from unetlite.network.complexity import list_layers
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig

WIDTHS = (16, 32, 64, 128)
NEAREST = {"name": "nearest"}


def encoder_weights(config):
    network = UNet(config)
    initialise(network, seed=0)
    return network.encoder.state_dict()


def check_match(config, kind, reference):
    """Matches, and returns the configuration with the reference's budget within 1 %."""
    matched = match_budget(config, kind, reference)
    target = budget(replace(config, upsample={"name": reference}), kind)
    assert budget(matched, kind) == pytest.approx(target, rel=0.01)
    return matched


# Counting takes a second an operator, and is the same for all of a name.
MATCHED = [(operator, "params") for operator in {op["name"]: op for op in OPERATORS}.values()]
MATCHED += [({"name": name}, "macs") for name in ("nearest", "unpool")]


@pytest.mark.parametrize(("operator", "kind"), MATCHED, ids=str)
@torch.no_grad()
def test_a_matched_network_costs_the_same_and_has_the_same_encoder(operator, kind):
    """Of the reference with its default options: another kernel of it is matched too."""
    config = UNetConfig(widths=WIDTHS, upsample=operator)
    matched = check_match(config, kind, "transpose")
    before = encoder_weights(config)
    after = encoder_weights(matched)
    assert after.keys() == before.keys()
    for name, weight in before.items():
        assert torch.equal(after[name], weight)
    assert UNet(matched).eval()(image(1, 3, 17, 23)).shape == (1, 2, 17, 23)


@pytest.mark.parametrize("name", ["bilinear_additive", "unpool"])
def test_a_small_network_is_matched_by_single_channels(name):
    """Here all widths times one factor miss by more than 1 %."""
    check_match(UNetConfig(widths=(8, 16, 32, 64), upsample={"name": name}), "macs", "transpose")


@pytest.mark.parametrize("kind", ["macs", "params"])
@pytest.mark.parametrize("skip", ["add", "none"])
@torch.no_grad()
def test_other_skips_are_matched_too(kind, skip):
    config = UNetConfig(widths=WIDTHS, upsample={"name": "transpose"}, skip=skip)
    matched = check_match(config, kind, "nearest")
    assert UNet(matched).eval()(image(1, 3, 17, 23)).shape == (1, 2, 17, 23)


@pytest.mark.parametrize("kind", ["macs", "params"])
def test_matching_an_operator_to_itself_changes_nothing(kind):
    for widths in (None, (40, 30, 20)):
        config = UNetConfig(widths=WIDTHS, upsample=NEAREST, decoder_widths=widths)
        assert match_budget(config, kind, "nearest") == config


@pytest.mark.parametrize(
    "options",
    [
        # Predicting its weights alone costs more.
        {"widths": (4, 6), "upsample": {"name": "carafe"}},
        # Its width is bound to the encoder's.
        {"widths": (16, 32), "upsample": {"name": "pixelshuffle"}, "skip": "add"},
    ],
    ids=str,
)
def test_a_budget_that_cannot_be_met_is_refused_with_the_closest(options):
    name = options["upsample"]["name"]
    words = rf"upsample={name} .* within 1 % of model\.match_to=nearest; the closest, \[1\], is"
    with pytest.raises(UsageError, match=words):
        match_budget(UNetConfig(**options), "params", "nearest")


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_a_budget_is_the_sum_over_the_layers(operator):
    config = UNetConfig(
        widths=(4, 6, 8), upsample=operator, num_classes=3, decoder_widths=(7, 5), norm="none"
    )
    layers = list_layers(UNet(config), 4, 4)
    assert budget(config, "macs") == sum(layer.macs for layer in layers)
    assert budget(config, "params") == sum(layer.parameters for layer in layers)


def test_no_width_falls_below_one_channel():
    assert one_channel_off((1, 3)) == [(2, 3), (1, 2), (1, 4)]
