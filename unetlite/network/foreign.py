"""The upsampling operators for the decoders of other libraries."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from unetlite.errors import UsageError
from unetlite.network.upsampling import UPSAMPLERS, EncoderFeatures, Upsampler


class ForeignUpsampler(nn.Module):
    """An operator that is called with plain maps: `up(x)`, or `up(x, features)`."""

    def __init__(self, operator: Upsampler, name: str):
        super().__init__()
        self.operator = operator
        self.name = name

    def forward(self, x: Tensor, features: Tensor | None = None) -> Tensor:
        """(B, C_in, H, W), and the encoder's (B, C_skip, 2H, 2W) -> (B, C_out, 2H, 2W).

        Raises UsageError without the encoder's map for an operator that is guided by it.
        """
        positions = None
        if features is None:
            if is_guided(self.operator):
                raise UsageError(
                    f"{self.name} is guided by the encoder's map; call it as up(x, features), with "
                    "features (B, skip_channels, 2H, 2W)."
                )
        elif self.operator.needs_positions:
            _, positions = F.max_pool2d(features, 2, return_indices=True)
        skip = EncoderFeatures(features, positions)  # type: ignore[arg-type]
        return self.operator(x, skip)


def is_guided(operator: Upsampler | type[Upsampler]) -> bool:
    """True if an operator reads the encoder's map, or the positions of its maxima."""
    return operator.needs_map or operator.needs_positions


def upsampler(
    name: str,
    in_channels: int,
    out_channels: int,
    skip_channels: int = 0,
    **options: Any,
) -> ForeignUpsampler:
    """An upsampling operator for any decoder, with fresh weights.

    It maps x (B, in_channels, H, W) to (B, out_channels, 2H, 2W), for every H, W >= 1. Most
    operators are called as `up(x)`. Those that are guided by the encoder (sapa, fade, unpool) are
    called as `up(x, features)`, with its map of (B, skip_channels, 2H, 2W); all others ignore it.
    fade and unpool need `out_channels=skip_channels`. The options are those of
    configs/upsample/NAME.yaml.

    Raises UsageError for an unknown operator or option, and for channels that do not fit.

    >>> import torch
    >>> up = upsampler("transpose", 64, 32, kernel_size=4)
    >>> up(torch.zeros(1, 64, 20, 24)).shape
    torch.Size([1, 32, 40, 48])
    """
    choice = {"name": name, **options}
    operator_class = UPSAMPLERS.lookup(choice)
    if is_guided(operator_class) and skip_channels < 1:
        raise UsageError(
            f"{name} is guided by the encoder's map, and skip_channels={skip_channels} says that "
            "there is none; give the channels of that map, or take an operator that needs none, "
            "such as dysample."
        )
    if operator_class.needs_skip_channels and out_channels != skip_channels:
        raise UsageError(
            f"{name} needs out_channels equal to skip_channels, and they are {out_channels} and "
            f"{skip_channels}; give out_channels={skip_channels}, or take another operator."
        )
    operator = UPSAMPLERS.build(
        choice,
        in_channels,
        out_channels,
        skip_channels,
    )
    for module in reversed(list(operator.modules())):  # what a module sets in its parts stays
        reset = getattr(module, "reset_parameters", None)
        if reset is not None:
            reset()
    return ForeignUpsampler(operator, name)
