"""What a network costs and sees: parameters and multiplications by layer, the receptive field; and equal budgets."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unetlite.errors import UsageError
from unetlite.network.unet import ConvBlock, UNet, Up, initialise
from unetlite.network.upsampling import Skip
from unetlite.settings import UNetConfig

TOLERANCE = 0.01  # of equal budgets


class Layer(NamedTuple):
    """A convolution, or an upsampling or downsampling operator as a whole."""

    name: str  # in the network
    kind: str  # its class
    shape: tuple[int, ...]  # of its output, (C, H, W)
    parameters: int
    multiplications: int


def parameters(module: nn.Module) -> int:
    """Trainable numbers."""
    return sum(parameter.numel() for parameter in module.parameters())


def multiplications(network: UNet, height: int, width: int) -> int:
    """Of convolutions and matrix products in the prediction of one image; those of an interpolation are not counted."""
    return count(network, height, width)[""]


def count(network: UNet, height: int, width: int) -> dict[str, int]:
    """Multiplications by the name of the module, "" for the whole network, which is left as it was."""
    was_training = network.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, network.config.in_channels, height, width, device=network.mean.device))
    network.train(was_training)
    # A multiplication and an addition are two floating-point operations.
    found = {name.removeprefix("UNet."): sum(ops.values()) // 2 for name, ops in counter.get_flop_counts().items()}
    return found | {"": counter.get_total_flops() // 2}


def layers(network: UNet, height: int, width: int) -> list[Layer]:
    """The layers in the order in which an image of this size meets them. The network is left as it was."""
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def remember(module: nn.Module, args: Any, output: Tensor | tuple[Tensor, Tensor | None]) -> None:
        shapes[module] = tuple((output[0] if isinstance(output, tuple) else output).shape[1:])

    blocks = [module for module in network.modules() if isinstance(module, ConvBlock)]
    convolutions = [module for block in blocks for module in block if isinstance(module, nn.Conv2d)]
    operators = [*network.down, *(step.up for step in network.decoder)]
    handles = [module.register_forward_hook(remember) for module in (*convolutions, *operators, network.head)]
    counted = count(network, height, width)
    for handle in handles:
        handle.remove()
    names = {module: name for name, module in network.named_modules()}
    return [
        Layer(names[module], type(module).__name__, shape, parameters(module), counted.get(names[module], 0))
        for module, shape in shapes.items()
    ]


def training_memory(config: UNetConfig, images: int, side: int) -> int:
    """Bytes of a training step in float32: what is kept for the gradient, weights, gradients, AdamW's moments."""
    kept: dict[int, Tensor] = {}  # tensors that several layers keep count once

    def pack(tensor: Tensor) -> Tensor:
        kept[id(tensor)] = tensor
        return tensor

    with torch.device("meta"):
        network = UNet(config)
        image = torch.zeros(images, config.in_channels, side, side)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(image).float().log_softmax(1)
    return sum(tensor.nbytes for tensor in kept.values()) + 16 * parameters(network)


def receptive_field(config: UNetConfig) -> int:
    """Pixels of the image, per axis, that can change a logit; of the logit that sees most.

    Followed from the logits down to the image, as intervals: a recurrence of sizes alone is not exact in a decoder,
    where neighbouring elements see intervals of different sizes.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
        # What an operator reads is found by gradients. It does not depend on the channels; the time to find it does.
        network = UNet(replace(config, widths=(4,) * len(config.widths), decoder_widths=None)).eval()
        initialise(network, seed=0)
        up = cast(Up, network.decoder[0]).up
        torch.manual_seed(0)
        coarse, fine = (torch.rand(64, 4, size, size) for size in (16, 32))  # every position is once the maximum
        ((before, after),) = reach(lambda x: network.down[0](x)[0], coarse, phases=1)
        phases = reach(lambda x: up(x, skip_like(x)), coarse, phases=2)
        guides = reach(lambda x: up(coarse, skip_like(coarse)._replace(map=x)), fine, phases=2)

    def encoder(level: int, first: int, last: int) -> tuple[int, int]:
        """What elements of the encoder's map at a level see; the deepest is the bottleneck's."""
        block = 2 * (config.bottleneck_dilation if level == config.depth else 1)  # two 3 x 3 convolutions
        first, last = first - block, last + block
        return (first, last) if level == 0 else encoder(level - 1, 2 * first + before, 2 * last + after)

    def decoder(level: int, first: int, last: int) -> tuple[int, int]:
        """What elements of the decoder's map at a level see."""
        if level == config.depth:
            return encoder(level, first, last)
        first, last = first - 2, last + 2
        seen = [decoder(level + 1, first // 2 + phases[first % 2][0], last // 2 + phases[last % 2][1])]
        if config.skip != "none":
            seen.append(encoder(level, first, last))
        if guides:  # the operator reads there in the encoder's map
            starts, ends = zip(*guides, strict=True)
            seen.append(encoder(level, first + min(starts), last + max(ends)))
        return min(start for start, _ in seen), max(end for _, end in seen)

    intervals = (decoder(0, n, n) for n in range(2**config.depth))
    return max(end - start + 1 for start, end in intervals)


def skip_like(x: Tensor) -> Skip:
    """What an encoder could have left beside a map (B, C, H, W): noise, and where its maxima are."""
    fine = torch.rand(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3], generator=torch.Generator().manual_seed(1)).to(x)
    return Skip(fine, F.max_pool2d(fine, 2, return_indices=True)[1])


@torch.enable_grad()
def reach(operator: Callable[[Tensor], Tensor], x: Tensor, phases: int) -> list[tuple[int, int]]:
    """First and last input that an output of an operator depends on, per axis, by its gradients at square maps.

    One phase is for downsampling, relative to input 2n of output n; two are for upsampling, of the even and the odd
    outputs n, relative to input n // 2, or n where the input has the size of the output. Empty if it depends on none.
    """
    x, size = x.clone().requires_grad_(), x.shape[-1]
    outputs = operator(x)
    middle, found = outputs.shape[-1] // 2, []
    for phase in range(phases):
        middle_column = outputs[..., middle + phase].sum()
        (gradient,) = torch.autograd.grad(middle_column, x, retain_graph=True, allow_unused=True)
        if gradient is None:
            return []
        columns = gradient.abs().sum((0, 1, 2)).nonzero()[:, 0]
        origin = size // 2 + (phase if size == outputs.shape[-1] else 0)
        found.append((int(columns.min()) - origin, int(columns.max()) - origin))
    return found


def budget(config: UNetConfig, kind: str) -> int:
    """Parameters ("params"), or multiplications ("macs") of 4^depth pixels, to which all others are proportional."""
    with torch.device("meta"):
        network = UNet(config)
    side = 2**config.depth
    return parameters(network) if kind == "params" else multiplications(network, side, side)


def match_budget(config: UNetConfig, kind: str, reference: str) -> UNetConfig:
    """`config` with decoder widths such that its budget is within 1 % of that of the operator `reference`.

    The reference has its default options, in a network otherwise the same. A UsageError says if no width is close.
    """
    target = budget(replace(config, upsample={"name": reference}), kind)
    if budget(config, kind) == target:
        return config
    widths = cast(tuple[int, ...], config.decoder_widths)

    @cache
    def ratio(chosen: tuple[int, ...]) -> float:
        return budget(replace(config, decoder_widths=chosen), kind) / target

    def distance(chosen: tuple[int, ...]) -> float:
        return abs(ratio(chosen) - 1)

    def scaled(factor: float) -> tuple[int, ...]:
        return tuple(max(1, round(factor * width)) for width in widths)

    # The budget grows with the factor: halve the interval, then try single channels more or less at each resolution.
    low, high = 0.0, 4.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if ratio(scaled(middle)) < 1 else (low, middle)
    best = min((scaled(low), scaled(high)), key=distance)
    while (better := min(one_channel_off(best), key=distance)) and distance(better) < distance(best):
        best = better
    if distance(best) > TOLERANCE:
        asked = f"model.match={kind}: with upsample={config.upsample['name']} no width of the decoder was found"
        closest = f"the closest, {list(best)}, is {100 * distance(best):.1f} % off"
        raise UsageError(f"{asked} within 1 % of model.match_to={reference}; {closest}.")
    return replace(config, decoder_widths=best)


def one_channel_off(widths: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All widths that differ by a channel at one resolution."""
    changed = [(*widths[:k], widths[k] + step, *widths[k + 1 :]) for k in range(len(widths)) for step in (-1, 1)]
    return [chosen for chosen in changed if min(chosen) >= 1]
