"""The command `unetlite`. Thin: it reads arguments, calls a module, and prints."""

from pathlib import Path
from typing import Annotated

import typer

from unetlite.errors import UsageError, hydra_mistakes, mistakes_in_one_line

app = typer.Typer(
    help="Which decoder upsampling should I use? Training is `python train.py`; this looks at what came of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def explain(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="A checkpoint, or settings of train.py such as upsample=nearest model=classic."),
    ] = None,
    size: Annotated[str, typer.Option(help="Height and width of the image, such as 128 or 96x128.")] = "128",
    png: Annotated[Path | None, typer.Option(help="Also draw what the upsampling operator does.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="All operators side by side, at initialisation.")] = False,
) -> None:
    """Every layer with its shape, receptive field, parameters and multiplications; and what the operator does."""
    with mistakes_in_one_line(), hydra_mistakes():
        from unetlite.explain.report import explain_all, explain_one

        (explain_all if compare else explain_one)(what or [], parse_size(size), png)


@app.command()
def compare(
    directory: Annotated[Path, typer.Argument(help="Where the runs are, such as outputs/coast.")],
    by: Annotated[
        str, typer.Option(help="The key that is compared: upsample, downsample, model.norm, ...")
    ] = "upsample",
    metric: Annotated[str, typer.Option(help="The test score that decides.")] = "miou",
    allow: Annotated[list[str] | None, typer.Option(help="A key in which the runs may differ as well.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where the report goes; beside the runs by default.")] = None,
    size: Annotated[str, typer.Option(help="Height and width of the image that costs are measured with.")] = "256",
    rounds: Annotated[int, typer.Option(min=0, help="Of the measurement of latencies; 0 leaves it out.")] = 30,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write each variant's mean curves and intervals for TensorBoard.")
    ] = False,
) -> None:
    """Which variant is better, with evidence: a verdict, report.html, report.json and report.md."""
    with mistakes_in_one_line():
        from unetlite.compare.command import compare as run

        run(
            directory,
            by=by,
            metric=metric,
            allow=allow or [],
            output=output,
            size=parse_size(size),
            rounds=rounds,
            tensorboard=tensorboard,
        )


def parse_size(size: str) -> tuple[int, int]:
    """Height and width of "128" or "96x128"."""
    parts = size.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--size {size}: expected a number of pixels such as 128, or height x width such as 96x128.")
    return int(parts[0]), int(parts[-1])
