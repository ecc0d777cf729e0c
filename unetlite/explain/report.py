"""What `unetlite explain` prints and draws."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich import get_console
from rich.table import Table

from unetlite.budget import network_config
from unetlite.checkpoint import load_network
from unetlite.config import compose_run
from unetlite.errors import UsageError
from unetlite.explain.layers import layers
from unetlite.explain.operator import SIZE, Behaviour, last_behaviour
from unetlite.fold import fold
from unetlite.unet import UNet, initialise
from unetlite.upsample import UPSAMPLERS


def explain_one(what: Sequence[str], size: tuple[int, int], png: Path | None) -> None:
    """The layers of one network, what folding would save, and how its last upsampling operator behaves."""
    network = open_network(what)
    height, width = size
    rows = layers(network, height, width)
    table = Table("layer", "kind", "C x H x W", "kernel", "stride", "receptive field", "parameters", "multiplications")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        shape = " x ".join(map(str, row.shape))
        counts = f"{row.parameters:,}", f"{row.multiplications:,}"
        table.add_row(row.name, row.kind, shape, str(row.kernel), row.stride, str(row.receptive_field), *counts)
    table.add_section()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    table.add_row("all", "", "", "", "", "", f"{parameters:,}", f"{sum(row.multiplications for row in rows):,}")
    console = get_console()
    console.print(table)
    folded = sum(row.multiplications for row in layers(fold(network).network, height, width))
    console.print(f"folded for evaluation: {folded:,} multiplications\n", highlight=False)
    behaved = last_behaviour(network)
    print_behaviour(network.config.upsample["name"], behaved)
    draw(png, {network.config.upsample["name"]: behaved})


def print_behaviour(name: str, b: Behaviour) -> None:
    """Kernel, overlap and responses as text, of the pair of channels with the largest kernel."""
    c_in, c_out = b.strongest
    size = b.kernel.shape[-1]
    parts = {
        f"{name} as a transposed convolution: kernel {size} x {size}, stride 2, channel {c_in} to {c_out}": (
            b.kernel[c_in, c_out],
            "7.3f",
        ),
        "inputs that reach each output, inside": (b.overlap, "3.0f"),
        f"response to one pixel, channel {c_out}": (b.single[c_out, SIZE - 2 : SIZE + 4, SIZE - 2 : SIZE + 4], "7.3f"),
        f"response to a constant 1, inside, channel {c_out} (ripple {b.ripple:.4f})": (
            b.constant[c_out, SIZE - 2 : SIZE + 2, SIZE - 2 : SIZE + 2],
            "7.3f",
        ),
    }
    for title, (values, style) in parts.items():
        lines = (" ".join(format(value, style) for value in row) for row in values.tolist())
        get_console().print("\n".join([title, *lines]) + "\n", highlight=False)


def explain_all(what: Sequence[str], size: tuple[int, int], png: Path | None) -> None:
    """All operators in the same network: what they cost, see, and do to a constant."""
    height, width = size
    base = open_network(what).config
    table = Table("upsample", "parameters", "multiplications", "folded", "receptive field", "ripple on a constant")
    for column in table.columns[1:]:
        column.justify = "right"
    behaviours = {}
    for name in UPSAMPLERS:
        chosen = base.upsample if name == base.upsample["name"] else {"name": name}
        try:
            network = UNet(replace(base, upsample=chosen))
        except UsageError as error:  # unpooling, where the downsampling remembers no positions
            get_console().print(f"left out: {error}", highlight=False)
            continue
        initialise(network, seed=0)
        rows, folded = layers(network, height, width), layers(fold(network).network, height, width)
        behaviours[name] = last_behaviour(network)
        table.add_row(
            name,
            f"{sum(parameter.numel() for parameter in network.parameters()):,}",
            *(f"{sum(row.multiplications for row in part) / 1e6:,.1f} M" for part in (rows, folded)),
            str(rows[-1].receptive_field),
            f"{behaviours[name].ripple:.4f}",
        )
    get_console().print(table)
    draw(png, behaviours)


def open_network(what: Sequence[str]) -> UNet:
    """The network of a checkpoint, or a new one of the settings of train.py.

    Raises:
        UsageError: the file is no checkpoint, or a setting is unknown.
    """
    if len(what) == 1 and "=" not in what[0]:
        return load_network(Path(what[0]))
    config = compose_run(what)
    network = UNet(network_config(config))
    initialise(network, config["seed"])
    return network


def draw(png: Path | None, behaviours: dict[str, Behaviour]) -> None:
    """Writes the picture of the operators, if one is wanted."""
    if png is None:
        return
    from unetlite.explain.figures import operator_figure

    if png.suffix.lower() != ".png":
        raise UsageError(f"--png {png}: expected a name that ends in .png.")
    if not png.parent.is_dir():
        raise UsageError(f"--png {png}: there is no directory {png.parent}.")
    operator_figure(behaviours).savefig(png)
    get_console().print(f"picture  {png}", highlight=False)
