"""Which elements of its input an output depends on, along the last axis, by gradients."""

import copy
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unetlite.network.initialization import initialise

ENOUGH_VALUES = 64
"""Values at a place, of which one or more is the maximum that a pooling takes."""

SKIPPED = (nn.ReLU, nn.GroupNorm, nn.BatchNorm2d, nn.InstanceNorm2d)
"""Layers that are left out: a ReLU can cut a gradient, and some norms read the whole map."""


class Span(NamedTuple):
    """The first and the last element, relative to a position."""

    first: int
    last: int


def linearised(module: nn.Module) -> nn.Module:
    """A copy with fresh weights, without norms and ReLUs, in evaluation mode, on the CPU."""
    module = copy.deepcopy(module).cpu().float().eval()
    for name, layer in list(module.named_modules()):
        if isinstance(layer, SKIPPED):
            module.set_submodule(name, nn.Identity())
    initialise(module, seed=0)
    return module


def random_strip(
    channels: int,
    height: int,
    width: int,
    batch: int | None = None,
) -> Tensor:
    """Random maps (B, C, height, width) that take gradients; B is enough by default."""
    if batch is None:
        batch = enough_maps(channels)
    return torch.rand(batch, channels, height, width, requires_grad=True)


def enough_maps(channels: int) -> int:
    """How many maps with these channels have ENOUGH_VALUES at each place."""
    return math.ceil(ENOUGH_VALUES / channels)


def input_span(
    output: Tensor,
    column: int,
    x: Tensor,
    origin: int,
) -> Span | None:
    """The columns of x that a column of the output depends on, relative to `origin`.

    None if it does not depend on x.
    """
    (gradient,) = torch.autograd.grad(
        output[..., column].sum(),
        x,
        retain_graph=True,
        allow_unused=True,
    )
    if gradient is None:
        return None
    columns = gradient.abs().sum((0, 1, 2)).nonzero()
    return Span(int(columns.min()) - origin, int(columns.max()) - origin)


def centre_span(output: Tensor, x: Tensor, stride: int) -> Span:
    """The columns of x that column n of the output, at this stride, depends on, less stride * n."""
    column = output.shape[-1] // 2
    span = input_span(output, column, x, stride * column)
    assert span is not None
    return span


def compose(interval: Span, span: Span, stride: int) -> Span:
    """The pixels that an interval of a map depends on, if its element n depends on a span."""
    return Span(stride * interval.first + span.first, stride * interval.last + span.last)
