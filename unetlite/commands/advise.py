"""`unetlite advise`: which operator to take, without training."""

from pathlib import Path
from typing import Annotated

import typer

from unetlite.commands.options import CostsOption, check_criteria
from unetlite.commands.target import read_target
from unetlite.terminal import load_libraries


def advise(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A folder of images and masks.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings that say how DIR is read.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Mean IoU to trade for a faster operator, such as 0.003.")
    ] = None,
    costs: CostsOption = None,
) -> None:
    """Which upsampling to take without training: by public data sets, and the costs here."""
    check_criteria(None, margin)
    target = read_target(costs, None, None)
    load_libraries("torch", "lightning")
    from unetlite.commands.advice import print_advice

    print_advice(directory, settings or [], margin, target)
