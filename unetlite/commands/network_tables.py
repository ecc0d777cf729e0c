"""What `unetlite explain` prints: layers and their costs, and what upsampling operators do."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill

from rich import get_console
from rich.table import Table
from torch import Tensor

from unetlite.errors import UsageError
from unetlite.inference.model import load
from unetlite.inference.supported import export_models, operators_of
from unetlite.network.budget import match_budget
from unetlite.network.complexity import count_macs, count_parameters, list_layers
from unetlite.network.folding import fold
from unetlite.network.impulse_response import NO_RIPPLE, SIZE, can_ripple, last_response
from unetlite.network.initialization import initialise
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.network.upsampling.base import UPSAMPLERS
from unetlite.settings.composition import compose_run
from unetlite.terminal import align_right, progress


def open_network(what: list[str]) -> UNet:
    """The network of anything that `load` takes, or a new one of the settings of train.py."""
    if len(what) == 1 and (Path(what[0]).exists() or "=" not in what[0]):
        return load(what[0]).network
    settings = compose_run(what)
    model = settings.model
    network = UNet(match_budget(settings.unet_config(), model.match, model.match_to))
    initialise(network, settings.seed)
    return network


def format_count(number: float) -> str:
    """A count with two or three digits: 640, 8.2 k, 38 M."""
    if number < 999.5:
        return f"{number:.0f}"
    units = ["k", "M", "G"]
    number /= 1000
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        del units[0]
    digits = 0 if number >= 9.95 else 1
    return f"{number:.{digits}f} {units[0]}"


def print_layers(network: UNet, height: int, width: int) -> None:
    """Prints the layers, their costs for an image of this size, and the receptive field."""
    table = Table("layer", "kind", "C x H x W", "params", "MACs")
    align_right(table, first=2)
    for layer in list_layers(network, height, width):
        table.add_row(
            layer.name,
            layer.kind,
            "x".join(map(str, layer.shape)),
            format_count(layer.parameters),
            format_count(layer.macs),
        )
    parameters, macs, folded, field = measure_network(network, height, width)
    table.add_section()
    table.add_row("all", "", "", format_count(parameters), format_count(macs))
    get_console().print(table)
    print(f"MACs: multiply-accumulates for {height} x {width} pixels")
    print(f"{parameters:,} parameters; {macs:,} MACs, folded for evaluation {folded:,}")
    reach = f"{field} x {field} pixels"
    if network.encoder.reads_anywhere:
        reach = f"the whole image, which the encoder reads; {reach} are followed"
    print(f"receptive field of a logit: {reach}\n")


def measure_network(network: UNet, height: int, width: int) -> tuple[int, int, int, int]:
    """Parameters, MACs as trained and folded, and receptive field."""
    field = receptive_field(network)
    network = copy.deepcopy(network).to("meta")  # where nothing is computed
    macs = count_macs(network, height, width)
    return count_parameters(network), macs, count_macs(fold(network), height, width), field


def print_response(network: UNet) -> None:
    """Prints the kernel, the overlap and the responses of the last upsampling operator."""
    name = network.config.upsample["name"]
    response = last_response(network)
    kernel_size = response.kernel.shape[-1]
    channel_in, channel_out = response.strongest
    around = slice(SIZE - 2, SIZE + 4)
    inside = slice(SIZE - 2, SIZE + 2)
    print_matrix(
        f"{name} as a transposed convolution: kernel {kernel_size} x {kernel_size}, stride 2, "
        f"channel {channel_in} to {channel_out}\n"
        "(of an operator that depends on the content: as it acts on a constant map)",
        response.kernel[channel_in, channel_out],
    )
    print_matrix("inputs that reach each output, inside", response.overlap, "3.0f")
    print_matrix(
        f"response to one pixel in all channels, without bias, channel {channel_out}",
        response.single[channel_out, around, around],
    )
    print_matrix(
        f"response to a constant 1 in all channels, with bias, channel {channel_out} "
        f"(ripple {response.ripple:.4f})",
        response.constant[channel_out, inside, inside],
    )
    if response.ripple < NO_RIPPLE and can_ripple(network):
        print(even_start([name]))


def even_start(names: Sequence[str]) -> str:
    """Why operators that can ripple have no ripple."""
    return (
        f"ripple 0 of {', '.join(names)}: the four sub-pixels start with equal weights (ICNR, "
        "Aitken et al. 2017). Training can make them differ."
    )


def print_matrix(title: str, values: Tensor, style: str = "7.3f") -> None:
    """Prints numbers (rows, columns) below a title."""
    print(title)
    for row in values.tolist():
        print(" ".join(format(value, style) for value in row))
    print()


def print_comparison(network: UNet, height: int, width: int) -> None:
    """Prints the costs, receptive field and ripple of all operators, each in the same network."""
    table = Table(
        "upsample",
        "params",
        "MACs",
        "folded",
        "receptive field",
        "ripple",
    )
    align_right(table, first=1)
    built: dict[str, UNet] = {}
    even = []  # only at initialisation
    for name in UPSAMPLERS:
        upsample = {"name": name}
        if name == network.config.upsample["name"]:
            upsample = network.config.upsample
        try:
            variant = UNet(replace(network.config, upsample=upsample))
        except UsageError as error:  # unpooling, where the downsampling remembers no positions
            print(f"left out: {error}")
            continue
        initialise(variant, seed=0)
        built[name] = variant.eval()
        *counts, field = measure_network(variant, height, width)
        ripple = last_response(variant).ripple
        if ripple < NO_RIPPLE and can_ripple(variant):
            even.append(name)
        table.add_row(
            name,
            *map(format_count, counts),
            str(field),
            f"{ripple:.4f}",
        )
    get_console().print(table)
    print("MACs: multiply-accumulates for one image, as trained and folded")
    print("receptive field: pixels an axis; ripple: on a constant")
    if even:
        print(even_start(even))
    print_onnx_operators(built, (height, width))


def print_onnx_operators(networks: Mapping[str, UNet], size: tuple[int, int]) -> None:
    """Prints the ONNX operators of networks, as a kit for images of this size has them."""
    try:
        with progress(
            "exporting every network, to list its ONNX operators; this takes a minute"
        ) as update:
            models = export_models(networks, size, "onnxruntime", update)
    except UsageError as error:
        print(f"ONNX operators are not listed: {error}")
        return
    operators = {name: operators_of(model) for name, model in models.items()}
    shared = set.intersection(*operators.values())
    height, width = size
    print(f"\nONNX operators in a kit for {height} x {width} pixels (see unetlite kit)")
    print(fill(f"of every network: {', '.join(sorted(shared))}", 80, subsequent_indent=" " * 18))
    print("and of each upsampling:")
    for name, own in operators.items():
        listed = ", ".join(sorted(own - shared)) or "no other"
        print(fill(listed, 78, initial_indent=f"{name:18}", subsequent_indent=" " * 18))
