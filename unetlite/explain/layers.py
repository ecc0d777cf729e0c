"""Every layer of a network with its shape, receptive field, parameters and multiplications."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unetlite.unet import UNet, Up


class Layer(NamedTuple):
    """A convolution, or an upsampling or downsampling operator as a whole.

    Attributes:
        name: in the network.
        kind: its class.
        shape: of its output, (C, H, W).
        kernel, stride: of a convolution; of an operator the neighbourhood that it reads, and the change of size.
        receptive_field: pixels of the image, per axis, that can change an element of its output; the largest.
        parameters: of the module.
        multiplications: of its convolutions and matrix products, as PyTorch's FLOP counter has them; those of an
            interpolation are not among them.
    """

    name: str
    kind: str
    shape: tuple[int, int, int]
    kernel: int
    stride: str
    receptive_field: int
    parameters: int
    multiplications: int


def layers(network: UNet, height: int, width: int) -> list[Layer]:
    """The layers in the order in which an image of this size meets them. The network is left as it was."""
    found = list(steps(network))
    shapes: dict[str, tuple[int, int, int]] = {}

    def remember(name: str):
        def hook(module: nn.Module, args: tuple, output: Tensor | tuple[Tensor, Tensor | None]) -> None:
            shapes[name] = tuple((output[0] if isinstance(output, tuple) else output).shape[1:])  # type: ignore[assignment]

        return hook

    handles = [network.get_submodule(step.name).register_forward_hook(remember(step.name)) for step in found]
    was_training = network.training
    try:
        image = torch.zeros(1, network.config.in_channels, height, width, device=network.mean.device)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network.eval()(image)
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    # A multiplication and an addition are two floating-point operations.
    flops = {name.removeprefix("UNet."): sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    return [
        Layer(
            step.name,
            type(network.get_submodule(step.name)).__name__,
            shapes[step.name],
            step.kernel,
            step.stride,
            step.receptive_field,
            sum(parameter.numel() for parameter in network.get_submodule(step.name).parameters()),
            flops.get(step.name, 0) // 2,
        )
        for step in found
    ]


class Step(NamedTuple):
    """A layer's name and what follows from the structure alone."""

    name: str
    kernel: int
    stride: str
    receptive_field: int


Interval = Callable[[int], tuple[int, int]]
"""Per axis, from the position of an element to the first and the last image pixel that can change it."""


def steps(network: UNet) -> Iterator[Step]:
    """The layers with their receptive fields, followed through the network as intervals.

    A recurrence of sizes alone is not exact in a decoder, where neighbouring elements see intervals of different sizes.
    """
    period = 2**network.config.depth

    def size(seen: Interval) -> int:
        return max(last - first + 1 for first, last in map(seen, range(period)))

    def block(name: str, convolutions: nn.Module, seen: Interval) -> Generator[Step, None, Interval]:
        for k, conv in enumerate(convolutions.children()):
            if isinstance(conv, nn.Conv2d):
                kernel, far = int(conv.kernel_size[0]), int(conv.padding[0])
                seen = through_window(seen, -far, far)
                yield Step(f"{name}.{k}", kernel, "1", size(seen))
        return seen

    widths = network.config.widths
    seen: Interval = pixel
    skips: list[Interval] = []
    for level, (encode, down) in enumerate(zip(network.encoder, network.down, strict=True)):
        seen = yield from block(f"encoder.{level}", encode, seen)
        skips.append(seen)
        ((first, last),) = reach(down, widths[level])
        seen = through_window(seen, first, last, stride=2)
        yield Step(f"down.{level}", last - first + 1, "2", size(seen))
    seen = yield from block("bottleneck", network.bottleneck, seen)
    for level, decode in enumerate(cast(Iterable[Up], network.decoder)):
        phases = reach(decode.up, decode.in_channels, decode.up_channels)
        seen = through_upsampling(seen, phases)
        yield Step(f"decoder.{level}.up", max(last - first + 1 for first, last in phases), "1/2", size(seen))
        skip = skips.pop()
        seen = seen if network.config.skip == "none" else join(seen, skip)
        seen = yield from block(f"decoder.{level}.conv", decode.conv, seen)
    yield Step("head", 1, "1", size(seen))


def pixel(n: int) -> tuple[int, int]:
    """The Interval of the image itself."""
    return n, n


def through_window(seen: Interval, first: int, last: int, stride: int = 1) -> Interval:
    """After a convolution or pooling whose output n reads the elements n * stride + first to n * stride + last."""
    return cache(lambda n: (seen(n * stride + first)[0], seen(n * stride + last)[1]))


def through_upsampling(seen: Interval, phases: Sequence[tuple[int, int]]) -> Interval:
    """After upsampling by two whose output n reads n // 2 + first to n // 2 + last of its phase n % 2."""
    return cache(lambda n: (seen(n // 2 + phases[n % 2][0])[0], seen(n // 2 + phases[n % 2][1])[1]))


def join(one: Interval, other: Interval) -> Interval:
    """What an element of a concatenation or a sum sees."""
    return cache(lambda n: (min(one(n)[0], other(n)[0]), max(one(n)[1], other(n)[1])))


@torch.enable_grad()
def reach(operator: nn.Module, channels: int, out_channels: int | None = None) -> list[tuple[int, int]]:
    """First and last input that an output of an operator depends on, per axis, found by its gradients.

    Args:
        operator: for upsampling or downsampling.
        channels: of its input.
        out_channels: of its output, for an upsampling operator.

    Returns:
        For downsampling one pair, relative to input 2n of output n; for upsampling two, of the even and the odd
        outputs n, relative to input n // 2.
    """
    size, samples = 16, 64  # samples enough that every position is once the maximum
    generator = torch.Generator().manual_seed(0)
    like = next(operator.parameters(), torch.zeros(1))
    x = torch.rand(samples, channels, size, size, generator=generator).to(like).requires_grad_()
    was_training = operator.training
    operator.eval()
    if out_channels is None:
        outputs, phases, centre = operator(x)[0], 1, size // 2
    else:
        fine = torch.rand(samples, out_channels, 2 * size, 2 * size, generator=generator).to(like)
        outputs, phases, centre = operator(x, F.max_pool2d(fine, 2, return_indices=True)[1]), 2, size // 2
    operator.train(was_training)
    middle = outputs.shape[-1] // 2
    found = []
    for phase in range(phases):
        (gradient,) = torch.autograd.grad(outputs[..., middle + phase].sum(), x, retain_graph=True)
        columns = gradient.abs().sum((0, 1, 2)).nonzero()[:, 0]
        found.append((int(columns.min()) - centre, int(columns.max()) - centre))
    return found
