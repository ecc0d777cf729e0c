"""Equal budgets: decoder widths with which two operators cost the same."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import cast

import torch

from unetlite.errors import UsageError
from unetlite.network.complexity import count_macs, count_parameters
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig

TOLERANCE = 0.01
"""The largest relative difference of equal budgets."""

Widths = tuple[int, ...]


def budget(config: UNetConfig, kind: str) -> int:
    """Parameters ("params"), or MACs ("macs") of 4^depth pixels, to which MACs are proportional."""
    with torch.device("meta"):
        network = UNet(config)
    if kind == "params":
        return count_parameters(network)
    return count_macs(network, config.stride, config.stride)


def match_budget(config: UNetConfig, kind: str | None, reference: str) -> UNetConfig:
    """`config` with decoder widths of which the budget is within 1 % of the operator `reference`'s.

    The reference has its default options, in a network otherwise the same. Raises UsageError if no
    widths come as close. Without a kind the configuration stays.
    """
    if kind is None:
        return config
    target = budget(replace(config, upsample={"name": reference}), kind)
    if budget(config, kind) == target:
        return config

    @cache
    def relative_budget(widths: Widths) -> float:
        return budget(replace(config, decoder_widths=widths), kind) / target

    def difference(widths: Widths) -> float:
        return abs(relative_budget(widths) - 1)

    bracket = bracket_widths(cast(Widths, config.decoder_widths), relative_budget)
    widths = min(bracket, key=difference)
    best = min(one_channel_off(widths), key=difference)
    while difference(best) < difference(widths):
        widths = best
        best = min(one_channel_off(widths), key=difference)
    if difference(widths) > TOLERANCE:
        raise UsageError(
            f"model.match={kind}: with upsample={config.upsample['name']} no width of the decoder "
            f"was found within 1 % of model.match_to={reference}; the closest, {list(widths)}, is "
            f"{100 * difference(widths):.1f} % off."
        )
    return replace(config, decoder_widths=widths)


def bracket_widths(widths: Widths, relative_budget: Callable[[Widths], float]) -> list[Widths]:
    """The widths times two factors between which the budget reaches 1, by bisection."""

    def scaled(factor: float) -> Widths:
        return tuple(max(1, round(factor * width)) for width in widths)

    low = 0.0
    high = 4.0
    for _ in range(12):
        middle = (low + high) / 2
        if relative_budget(scaled(middle)) < 1:
            low = middle
        else:
            high = middle
    return [scaled(low), scaled(high)]


def one_channel_off(widths: Widths) -> list[Widths]:
    """All widths that differ by one channel at one stride."""
    neighbours = []
    for index, width in enumerate(widths):
        for changed in (width - 1, width + 1):
            if changed >= 1:
                neighbours.append((*widths[:index], changed, *widths[index + 1 :]))
    return neighbours
