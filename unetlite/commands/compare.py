"""`unetlite compare`: runs in, verdict and report out."""

from pathlib import Path
from typing import Annotated

import typer

from unetlite.commands.options import (
    CostsOption,
    OperatorsOption,
    RuntimeOption,
    check_criteria,
    parse_size,
)
from unetlite.commands.target import read_target
from unetlite.terminal import load_libraries

ByOption = Annotated[
    str, typer.Option(help="The key to compare: upsample, downsample, model.norm.")
]
AllowOption = Annotated[
    list[str] | None, typer.Option(help="A key in which the runs may differ as well.")
]
SizeOption = Annotated[
    str | None,
    typer.Option(help="Height and width of the image to predict, to time it; 256 by default."),
]
WithoutOption = Annotated[
    str | None, typer.Option(help="Test images to judge without, such as 042,077.")
]


def compare(
    directory: Annotated[Path, typer.Argument(help="Where the runs are, such as outputs/coast.")],
    by: ByOption = "upsample",
    metric: Annotated[
        str | None,
        typer.Option(help="miou, dice, boundary_iou_1px, miou_per_image or dice_per_image."),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(min=0, help="Of that score, to trade for a cheaper variant.")
    ] = None,
    allow: AllowOption = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the report; by default that of the runs.")
    ] = None,
    size: SizeOption = None,
    rounds: Annotated[
        int, typer.Option(min=0, help="Of measuring latencies; 0 measures no times.")
    ] = 9,
    images: Annotated[
        Path | None, typer.Option(help="Where the data set of the runs is now, if it moved.")
    ] = None,
    without: WithoutOption = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write chart and pictures for it.")
    ] = False,
    costs: CostsOption = None,
    ops: OperatorsOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """Which variant is better, with evidence: a verdict, report.html, report.json and report.md."""
    image_size = None if size is None else parse_size(size)
    check_criteria(metric, margin)
    target = read_target(costs, ops, runtime)
    load_libraries("torch", "lightning")
    from unetlite.commands.reporting import report_on

    report_on(
        directory,
        by=by,
        metric=metric,
        margin=margin,
        allow=allow or (),
        output=output,
        size=image_size,
        rounds=rounds,
        images=images,
        tensorboard=tensorboard,
        target=target,
        without=[name.strip() for name in without.split(",")] if without else (),
    )
