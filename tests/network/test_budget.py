"""Equal budgets: what matching changes, what it keeps, and when it refuses."""

from dataclasses import replace

import pytest
import torch
from helpers import OPERATORS, image, label

from unetlite.errors import UsageError
from unetlite.network.measures import budget, layers, match_budget
from unetlite.network.unet import UNet, initialise
from unetlite.settings import UNetConfig, compose_run, read_settings
from unetlite.train import prepare

WIDTHS = (16, 32, 64, 128)
NEAREST = {"name": "nearest"}


def encoder(config):
    network = UNet(config)
    initialise(network, seed=0)
    return {name: value for name, value in network.state_dict().items() if name.startswith(("encoder", "bottleneck"))}


# Counting multiplications takes a second an operator, and is the same for all.
MATCHED = [(o, "params") for o in OPERATORS] + [(o, "macs") for o in OPERATORS if o["name"] in ("nearest", "unpool")]


@pytest.mark.parametrize(
    ("operator", "kind"), MATCHED, ids=lambda value: value if isinstance(value, str) else label(value)
)
@torch.no_grad()
def test_a_matched_network_costs_the_same_and_has_the_same_encoder(operator, kind):
    """Of the reference with its default options: another kernel of the same operator is matched too."""
    config = UNetConfig(widths=WIDTHS, upsample=operator)
    matched = match_budget(config, kind, "transpose")
    target = budget(replace(config, upsample={"name": "transpose"}), kind)
    assert budget(matched, kind) == pytest.approx(target, rel=0.01)
    start, kept = encoder(config), encoder(matched)
    assert kept.keys() == start.keys()
    assert all(torch.equal(kept[name], start[name]) for name in start)
    assert UNet(matched).eval()(image(1, 3, 37, 53)).shape == (1, 2, 37, 53)


@pytest.mark.parametrize("name", ["bilinear_additive", "unpool"])
def test_a_small_network_is_matched_by_single_channels(name):
    """Here all widths times one factor miss by more than 1 %."""
    config = UNetConfig(widths=(8, 16, 32, 64), upsample={"name": name})
    matched = match_budget(config, "macs", "transpose")
    target = budget(replace(config, upsample={"name": "transpose"}), "macs")
    assert budget(matched, "macs") == pytest.approx(target, rel=0.01)


@pytest.mark.parametrize("kind", ["macs", "params"])
@pytest.mark.parametrize("skip", ["add", "none"])
@torch.no_grad()
def test_other_skips_are_matched_too(kind, skip):
    config = UNetConfig(widths=WIDTHS, upsample={"name": "transpose"}, skip=skip)
    matched = match_budget(config, kind, "nearest")
    target = budget(replace(config, upsample=NEAREST), kind)
    assert budget(matched, kind) == pytest.approx(target, rel=0.01)
    assert UNet(matched).eval()(image(1, 3, 37, 53)).shape == (1, 2, 37, 53)


@pytest.mark.parametrize("kind", ["macs", "params"])
def test_matching_an_operator_to_itself_changes_nothing(kind):
    for widths in (None, (40, 30, 20)):
        config = UNetConfig(widths=WIDTHS, upsample=NEAREST, decoder_widths=widths)
        assert match_budget(config, kind, "nearest") == config


@pytest.mark.parametrize(
    "config",
    [
        UNetConfig(widths=(4, 6), upsample={"name": "carafe"}),  # predicting its weights alone costs more
        UNetConfig(widths=(16, 32), upsample={"name": "pixelshuffle"}, skip="add"),  # bound to the encoder's channels
    ],
)
def test_a_budget_that_cannot_be_met_is_refused_with_the_closest(config):
    words = (
        rf"upsample={config.upsample['name']} .* within 1 % of model\.match_to=nearest; the closest, \[1\], is .* off"
    )
    with pytest.raises(UsageError, match=words):
        match_budget(config, "params", "nearest")


def test_an_unknown_word_is_answered_with_the_choices(tmp_path):
    with pytest.raises(UsageError, match=r"model\.match_to=nearst: .*transpose, .*nearest, .*dysample"):
        prepare(compose_run(["model.match=macs", "model.match_to=nearst", f"output_dir={tmp_path}"]))
    with pytest.raises(UsageError, match=r"match=flops.*'params' or 'macs'"):
        read_settings(compose_run(["model.match=flops"]))


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
def test_a_budget_is_the_sum_over_the_layers(operator):
    config = UNetConfig(widths=(4, 6, 8), upsample=operator, num_classes=3, decoder_widths=(7, 5), norm="none")
    found = layers(UNet(config), 4, 4)
    assert budget(config, "macs") == sum(layer.multiplications for layer in found)
    assert budget(config, "params") == sum(layer.parameters for layer in found)
    trained = [p for p in UNet(replace(config, norm="batch")).parameters() if p.requires_grad]
    assert budget(replace(config, norm="batch"), "params") == sum(p.numel() for p in trained)


def test_the_configuration_chooses_the_budget():
    settings = read_settings(compose_run(["model.match=params", "model.match_to=transpose", "model.widths=[16,32,64]"]))
    assert (settings.match, settings.match_to, settings.network.decoder_widths) == ("params", "transpose", (32, 16))
