"""Every layer of a network with its shape, receptive field, parameters and multiplications."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unetlite.arithmetic import ReceptiveField
from unetlite.unet import ConvBlock, UNet


class Layer(NamedTuple):
    """A convolution, or an upsampling or downsampling operator as a whole.

    Attributes:
        name: in the network.
        kind: its class.
        shape: of its output, (C, H, W).
        kernel, stride: of a convolution; of an operator the neighbourhood that it reads, and the change of size.
        field: the receptive field of its output's elements in the image.
        parameters: of the module.
        multiplications: of its convolutions and matrix products, as PyTorch's FLOP counter has them; those of an
            interpolation are not among them.
    """

    name: str
    kind: str
    shape: tuple[int, int, int]
    kernel: int
    stride: str
    field: ReceptiveField
    parameters: int
    multiplications: int


def layers(network: UNet, height: int, width: int) -> list[Layer]:
    """The layers in the order in which an image of this size meets them. The network is left as it was."""
    steps = list(receptive_fields(network))
    shapes: dict[str, tuple[int, int, int]] = {}

    def remember(name: str):
        def hook(module: nn.Module, args: tuple, output: Tensor | tuple[Tensor, Tensor | None]) -> None:
            shapes[name] = tuple((output[0] if isinstance(output, tuple) else output).shape[1:])  # type: ignore[assignment]

        return hook

    handles = [network.get_submodule(step.name).register_forward_hook(remember(step.name)) for step in steps]
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
            step.field,
            sum(parameter.numel() for parameter in network.get_submodule(step.name).parameters()),
            flops.get(step.name, 0) // 2,
        )
        for step in steps
    ]


class Step(NamedTuple):
    """A layer's name and what follows from the structure alone."""

    name: str
    kernel: int
    stride: str
    field: ReceptiveField


def receptive_fields(network: UNet) -> Iterator[Step]:
    """The layers with their receptive fields, by the recurrence of unetlite.arithmetic."""

    def block(name: str, convolutions: ConvBlock, field: ReceptiveField) -> Iterator[Step]:
        for k, conv in enumerate(convolutions):
            if isinstance(conv, nn.Conv2d):
                size, dilation = int(conv.kernel_size[0]), int(conv.dilation[0])
                field = field.through_conv(size, 1, dilation * (size - 1) // 2, dilation)
                yield Step(f"{name}.{k}", size, "1", field)

    field, skips = ReceptiveField(), []
    for level, (encode, down) in enumerate(zip(network.encoder, network.down, strict=True)):
        for step in block(f"encoder.{level}", encode, field):
            field = step.field
            yield step
        skips.append(field)
        taps = neighbourhood(down, network.config.widths[level])
        # Windows of 2 begin at the pixel, those of 3 one before it.
        field = field.through_conv(taps, 2, (taps - 1) // 2)
        yield Step(f"down.{level}", taps, "2", field)
    for step in block("bottleneck", network.bottleneck, field):
        field = step.field
        yield step
    for level, decode in enumerate(network.decoder):
        taps = neighbourhood(decode.up, network.config.widths[-1 - level], network.config.widths[-2 - level])
        field = field.through_upsampling(taps)
        yield Step(f"decoder.{level}.up", taps, "1/2", field)
        field = field.join(skips.pop()) if network.config.skip != "none" else field
        for step in block(f"decoder.{level}.conv", decode.conv, field):
            field = step.field
            yield step
    yield Step("head", 1, "1", field)


def neighbourhood(operator: nn.Module, channels: int, out_channels: int | None = None) -> int:
    """How many neighbouring inputs per axis one output of an operator depends on at most, by its gradients.

    Args:
        operator: for upsampling or downsampling.
        channels: of its input.
        out_channels: of its output, for an upsampling operator.
    """
    size, samples = 16, 64  # of samples, so that every position is once the maximum
    generator = torch.Generator().manual_seed(0)
    like = next(operator.parameters(), torch.zeros(1))
    x = torch.rand(samples, channels, size, size, generator=generator).to(like).requires_grad_()
    was_training = operator.training
    operator.eval()
    if out_channels is None:
        outputs = operator(x)[0]
    else:
        fine = torch.rand(samples, out_channels, 2 * size, 2 * size, generator=generator).to(like)
        outputs = operator(x, F.max_pool2d(fine, 2, return_indices=True)[1])
    operator.train(was_training)
    middle = outputs.shape[-1] // 2
    taps = 0
    for column in (middle, middle + 1):  # both phases of an upsampling operator
        (gradient,) = torch.autograd.grad(outputs[:, :, middle : middle + 2, column].sum(), x, retain_graph=True)
        columns = gradient.abs().sum((0, 1, 2)).nonzero()[:, 0]
        taps = max(taps, int(columns.max() - columns.min()) + 1 if len(columns) else 0)
    return taps
