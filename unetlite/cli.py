"""The command `unetlite`: what it can do. Each command is a function in unetlite.commands that declares its options."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from unetlite.commands.choose import choose
from unetlite.commands.compare import compare
from unetlite.commands.demo import demo
from unetlite.commands.explain import explain
from unetlite.commands.export import export
from unetlite.commands.predict import predict
from unetlite.errors import hydra_mistakes, mistakes_in_one_line

app = typer.Typer(
    help="Which decoder upsampling should I use? Train with one, look at what it does, compare, and use the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Train one network, or several with -m; the same as `python train.py`. `unetlite train --help` lists all keys."""
    from unetlite.train import run

    sys.argv = ["unetlite train", *context.args]  # where Hydra reads
    run()


for function in (hydra_mistakes()(choose), hydra_mistakes()(explain), compare, export, predict, demo):
    app.command()(mistakes_in_one_line()(function))


@app.callback(invoke_without_command=True)
def options(show_version: Annotated[bool, typer.Option("--version", help="Say it.")] = False) -> None:
    """Options of the command itself."""
    if show_version:
        print(f"unetlite {version('unetlite')}")
        raise typer.Exit
