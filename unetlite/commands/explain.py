"""`unetlite explain`: the layers of a network, their costs, and what upsampling operators do."""

from typing import Annotated

import typer

from unetlite.commands.options import parse_size
from unetlite.errors import UsageError, require_extra
from unetlite.terminal import load_libraries

SIZE = "128"  # pixels a side


def explain(
    what: Annotated[
        list[str] | None, typer.Argument(help="A checkpoint, or settings as upsample=nearest.")
    ] = None,
    size: Annotated[
        str, typer.Option(help="Height and width of the image, such as 128 or 96x128.")
    ] = SIZE,
    compare: Annotated[
        bool, typer.Option("--compare", help="All operators side by side, at initialisation.")
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Arithmetic to touch in the browser; needs no network.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Of the page; a free one from 7860 by default."),
    ] = None,
) -> None:
    """Every layer with its shape, parameters and MACs; the receptive field, and the operator."""
    if page:
        if what or compare or size != SIZE:
            raise UsageError("--page shows arithmetic on small maps: leave all else out.")
        serve_arithmetic(port)
        return
    if port is not None:
        raise UsageError(f"--port {port}: only the page has a port; add --page, or leave it out.")
    height, width = parse_size(size)
    load_libraries("torch")
    from unetlite.commands.network_tables import (
        open_network,
        print_comparison,
        print_layers,
        print_response,
    )

    network = open_network(what or [])
    if compare:
        print_comparison(network, height, width)
        return
    print_layers(network, height, width)
    print_response(network)


def serve_arithmetic(port: int | None) -> None:
    """Serves the page on arithmetic on this machine, until Ctrl+C. Without a port, a free one."""
    with require_extra("demo"):
        from unetlite.commands.arithmetic_page.page import add_arithmetic
        from unetlite.commands.demo_page.serving import new_page, serve

    with new_page() as page:
        add_arithmetic()
    serve(page, "127.0.0.1", port, "arithmetic")
