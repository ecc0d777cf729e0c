"""`unetlite explain`: what a network computes, layer by layer, and what its upsampling operator does."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import get_console
from rich.table import Table

from unetlite.errors import UsageError
from unetlite.files import load_libraries
from unetlite.settings import compose_run, read_settings
from unetlite.training.run import RunFiles

if TYPE_CHECKING:
    from torch import Tensor

    from unetlite.network.unet import UNet


def explain(
    what: Annotated[list[str] | None, typer.Argument(help="A checkpoint, or settings as upsample=nearest.")] = None,
    size: Annotated[str, typer.Option(help="Height and width of the image, such as 128 or 96x128.")] = "128",
    compare: Annotated[bool, typer.Option("--compare", help="All operators side by side, at initialisation.")] = False,
) -> None:
    """Every layer with its shape, parameters and multiplications, what a logit sees, and what the operator does."""
    height, width = parse_size(size)
    load_libraries("torch")
    (explain_all if compare else explain_one)(open_network(what or []), height, width)


def parse_size(size: str) -> tuple[int, int]:
    """Height and width of "128" or "96x128"."""
    parts = size.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--size {size}: expected a number of pixels such as 128, or height x width such as 96x128.")
    return int(parts[0]), int(parts[-1])


def open_network(what: list[str]) -> "UNet":
    """The network of a checkpoint, or a new one of the settings of train.py."""
    from unetlite.network import checkpoint, measures, unet

    if len(what) == 1 and "=" not in what[0]:
        path = Path(what[0])
        return checkpoint.load_network(RunFiles(path).judged if path.is_dir() else path)
    settings = read_settings(compose_run(what))
    config, match = settings.network, settings.match
    network = unet.UNet(config if match is None else measures.match_budget(config, match, settings.match_to))
    unet.initialise(network, settings.seed)
    return network


def short(number: float) -> str:
    """A count with two or three digits: 640, 8.2 k, 38 M."""
    for unit in ("", " k", " M", " G"):
        if number < 999.5 or unit == " G":
            break
        number /= 1000
    return f"{number:.0f}{unit}" if number >= 9.95 or not unit else f"{number:.1f}{unit}"


def explain_one(network: "UNet", height: int, width: int) -> None:
    """Prints the layers, what folding saves, and how the last upsampling operator behaves."""
    from unetlite.network import behaviour, folding, measures

    def show(title: str, values: "Tensor", style: str = "7.3f") -> None:
        print(title, *(" ".join(format(value, style) for value in row) for row in values.tolist()), "", sep="\n")

    table = Table("layer", "kind", "C x H x W", "params", "mult.")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in measures.layers(network, height, width):
        shape = "x".join(map(str, row.shape))
        table.add_row(row.name, row.kind, shape, short(row.parameters), short(row.multiplications))
    table.add_section()
    counts = measures.parameters(network), measures.multiplications(network, height, width)
    table.add_row("all", "", "", *map(short, counts))
    get_console().print(table)
    sees = measures.receptive_field(network.config)
    print(f"mult.: multiplications for {height} x {width} pixels; a logit sees {sees} pixels an axis")
    folded = measures.multiplications(folding.fold(network), height, width)
    print(f"{counts[0]:,} parameters, {counts[1]:,} multiplications; folded for evaluation {folded:,}\n")

    name, b = network.config.upsample["name"], behaviour.last_behaviour(network)
    size, (c_in, c_out), middle = b.kernel.shape[-1], b.strongest, behaviour.SIZE
    around, inside = slice(middle - 2, middle + 4), slice(middle - 2, middle + 2)
    kernel = f"{name} as a transposed convolution: kernel {size} x {size}, stride 2, channel {c_in} to {c_out}"
    show(f"{kernel}\n(where an operator looks at the content: as it acts on a constant map)", b.kernel[c_in, c_out])
    show("inputs that reach each output, inside", b.overlap, "3.0f")
    show(f"response to one pixel in all channels, without bias, channel {c_out}", b.single[c_out, around, around])
    constant = f"response to a constant 1 in all channels, with bias, channel {c_out} (ripple {b.ripple:.4f})"
    show(constant, b.constant[c_out, inside, inside])


def explain_all(network: "UNet", height: int, width: int) -> None:
    """Prints what all operators cost, see, and do to a constant, each in the same network."""
    from unetlite.network import behaviour, folding, measures, unet, upsampling

    table = Table("upsample", "params", "mult.", "folded", "sees", "ripple on a constant")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in upsampling.UPSAMPLERS:
        chosen = network.config.upsample
        config = replace(network.config, upsample=chosen if name == chosen["name"] else {"name": name})
        try:
            other = unet.UNet(config)
        except UsageError as error:  # unpooling, where the downsampling remembers no positions
            print(f"left out: {error}")
            continue
        unet.initialise(other, seed=0)
        ripple = f"{behaviour.last_behaviour(other).ripple:.4f}"
        other.to("meta")  # where nothing is computed
        counts = [measures.multiplications(each, height, width) for each in (other, folding.fold(other))]
        sees = str(measures.receptive_field(config))
        table.add_row(name, *map(short, [measures.parameters(other), *counts]), sees, ripple)
    get_console().print(table)
    print("sees: the receptive field in pixels; mult.: multiplications for one image, as trained and folded")
