"""Equal budgets: the decoder's width that gives an operator as many parameters or multiplications as another."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, cast

import torch
from torch.utils.flop_counter import FlopCounterMode

from unetlite.errors import UsageError
from unetlite.unet import UNet, UNetConfig
from unetlite.upsample import UPSAMPLERS

TOLERANCE = 0.01


def parameters(config: UNetConfig) -> int:
    """Trainable numbers of the network."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in UNet(config).parameters())


def multiplications(config: UNetConfig) -> int:
    """Of convolutions and matrix products, for 4^depth pixels; every other multiple of the size is proportional."""
    with torch.device("meta"):
        network = UNet(config).eval()
        image = torch.empty(1, config.in_channels, *[2**config.depth] * 2)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return counter.get_total_flops() // 2


BUDGETS = {"params": parameters, "macs": multiplications}


def network_config(config: Mapping[str, Any], **given: Any) -> UNetConfig:
    """The network of a run: its groups `model`, `upsample` and `downsample`, and what the data set gives."""
    options = dict(config["model"])
    kind, reference = options.pop("match"), options.pop("match_to")
    network = UNetConfig(upsample=config["upsample"], downsample=config["downsample"], **options, **given)
    return network if kind is None else match_budget(network, kind, reference)


def match_budget(config: UNetConfig, kind: str, reference: str) -> UNetConfig:
    """`config` with decoder widths such that its budget is within 1 % of that of the operator `reference`.

    Args:
        kind: "params" or "macs".
        reference: an upsampling operator, with its default options, in a network otherwise the same.

    Raises:
        UsageError: a word is unknown, or no width that is close enough was found.
    """
    if kind not in BUDGETS:
        raise UsageError(f"model.match={kind}: choose one of {', '.join(BUDGETS)}, or null.")
    if reference not in UPSAMPLERS:
        raise UsageError(f"model.match_to={reference}: choose one of {', '.join(UPSAMPLERS)}.")
    cost = BUDGETS[kind]
    target = cost(replace(config, upsample={"name": reference}))
    if cost(config) == target:
        return config
    widths = cast(tuple[int, ...], config.decoder_widths)

    @cache
    def budget(chosen: tuple[int, ...]) -> int:
        return cost(replace(config, decoder_widths=chosen))

    def distance(chosen: tuple[int, ...]) -> float:
        return abs(budget(chosen) / target - 1)

    def scaled(factor: float) -> tuple[int, ...]:
        return tuple(max(1, round(factor * width)) for width in widths)

    # The budget grows with the factor: halve the interval, then try single channels more or less at each resolution.
    low, high = 0.0, 4.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if budget(scaled(middle)) < target else (low, middle)
    best = min((scaled(low), scaled(high)), key=distance)
    while (better := min(one_channel_off(best), key=distance)) and distance(better) < distance(best):
        best = better
    if distance(best) > TOLERANCE:
        raise UsageError(
            f"model.match={kind}: with upsample={config.upsample['name']} no width of the decoder was found within "
            f"1 % of model.match_to={reference}; the closest, {list(best)}, is {100 * distance(best):.1f} % off."
        )
    return replace(config, decoder_widths=best)


def one_channel_off(widths: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All widths that differ by a channel at one resolution."""
    changed = [(*widths[:k], widths[k] + step, *widths[k + 1 :]) for k in range(len(widths)) for step in (-1, 1)]
    return [chosen for chosen in changed if min(chosen) >= 1]
