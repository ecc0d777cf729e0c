"""What a network costs and sees: parameters, multiplications and receptive fields, by layer; and equal budgets."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unetlite.errors import UsageError
from unetlite.network.unet import UNet, Up, initialise
from unetlite.network.upsampling import Skip
from unetlite.settings import UNetConfig

TOLERANCE = 0.01  # of equal budgets


class Layer(NamedTuple):
    """A convolution, or an upsampling or downsampling operator as a whole."""

    name: str  # in the network
    kernel: int  # of an operator the neighbourhood that it reads
    stride: str  # of an operator the change of size
    receptive_field: int  # pixels of the image, per axis, that can change an element of its output; the largest
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

    steps = [(step, network.get_submodule(step[0])) for step in follow(network.config)]
    handles = [module.register_forward_hook(remember) for _, module in steps]
    counted = count(network, height, width)
    for handle in handles:
        handle.remove()
    return [
        Layer(*step, type(module).__name__, shapes[module], parameters(module), counted.get(step[0], 0))
        for step, module in steps
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


Step = tuple[str, int, str, int]  # what the structure alone says of a layer: name, kernel, stride and receptive field
Interval = Callable[[int], tuple[int, int]]  # per axis, from an element to the first and last position that change it


def receptive_field(config: UNetConfig) -> int:
    """Pixels of the image, per axis, that can change a logit."""
    *_, (_, _, _, pixels) = follow(config)
    return pixels


def follow(config: UNetConfig) -> Iterator[Step]:
    """The layers with their receptive fields, followed through the network as intervals.

    A recurrence of sizes alone is not exact in a decoder, where neighbouring elements see intervals of different sizes.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
        # Receptive fields are found by gradients. They do not depend on the channels; the time to find them does.
        network = UNet(replace(config, widths=(4,) * len(config.widths), decoder_widths=None)).eval()
        initialise(network, seed=0)
        ((first, last),) = reach(lambda x: network.down[0](x)[0], phases=1)
        up = cast(Up, network.decoder[0]).up
        phases = reach(lambda x: up(x, skip_like(x)), phases=2)
        coarse = noise(16)
        guides = reach(lambda fine: up(coarse, skip_like(coarse)._replace(map=fine)), phases=2, size=32)

    def upsampled(n: int) -> tuple[int, int]:
        first, last = phases[n % 2]
        return n // 2 + first, n // 2 + last

    seen: Interval = cache(lambda n: (n, n))  # itself

    def step(name: str, kernel: int, stride: str, reads: Interval, skip: Interval | None = None) -> Step:
        """Moves `seen` on by a layer whose output n reads its input from reads(n)[0] to reads(n)[1].

        An operator that is guided by the encoder's map reads there, where `skip` is seen.
        """
        nonlocal seen
        seen = cache(lambda n, before=seen: (before(reads(n)[0])[0], before(reads(n)[1])[1]))
        if skip is not None and guides:
            start, end = (pick(side) for pick, side in zip((min, max), zip(*guides, strict=True), strict=True))
            seen = join(seen, lambda n: (skip(n + start)[0], skip(n + end)[1]))
        return name, kernel, stride, max(end - start + 1 for start, end in map(seen, range(2**config.depth)))

    def block(name: str, dilation: int = 1) -> Iterator[Step]:
        for k in (0, 3):  # convolution, norm, ReLU, twice
            yield step(f"{name}.{k}", 3, "1", lambda n: (n - dilation, n + dilation))

    skips: list[Interval] = []
    for level in range(config.depth):
        yield from block(f"encoder.{level}")
        skips.append(seen)
        yield step(f"down.{level}", last - first + 1, "2", lambda n: (2 * n + first, 2 * n + last))
    yield from block("bottleneck", config.bottleneck_dilation)
    kernel = max(end - start + 1 for start, end in phases)
    for level in range(config.depth):
        skip = skips.pop()
        yield step(f"decoder.{level}.up", kernel, "1/2", upsampled, skip)
        seen = seen if config.skip == "none" else join(seen, skip)
        yield from block(f"decoder.{level}.conv")
    yield step("head", 1, "1", lambda n: (n, n))


def join(one: Interval, other: Interval) -> Interval:
    """What an element of a concatenation or a sum sees."""
    return cache(lambda n: (min(one(n)[0], other(n)[0]), max(one(n)[1], other(n)[1])))


def skip_like(x: Tensor) -> Skip:
    """What an encoder could have left beside a map (B, C, H, W): noise, and where its maxima are."""
    fine = torch.rand(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3], generator=torch.Generator().manual_seed(1)).to(x)
    return Skip(fine, F.max_pool2d(fine, 2, return_indices=True)[1])


def noise(size: int) -> Tensor:
    """Square maps (64, 4, size, size), enough that every position is once the maximum."""
    return torch.rand(64, 4, size, size, generator=torch.Generator().manual_seed(0))


@torch.enable_grad()
def reach(operator: Callable[[Tensor], Tensor], phases: int, size: int = 16) -> list[tuple[int, int]]:
    """First and last input that an output of an operator (of 4 channels) depends on, per axis, by its gradients.

    One phase is for downsampling, relative to input 2n of output n; two are for upsampling, of the even and the odd
    outputs n, relative to input n // 2, or n where the input has the size of the output. Empty if it depends on none.
    """
    x = noise(size).requires_grad_()
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
