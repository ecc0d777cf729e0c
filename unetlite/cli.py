"""The command `unetlite`. Thin: it reads arguments, calls a module, and prints."""

from pathlib import Path
from typing import Annotated

import typer

from unetlite.errors import hydra_mistakes, mistakes_in_one_line

app = typer.Typer(
    help="Which decoder upsampling should I use? Training is `python train.py`; this looks at what came of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Keeps `explain` a subcommand while it is the only one."""


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

        (explain_all if compare else explain_one)(what or [], size, png)
