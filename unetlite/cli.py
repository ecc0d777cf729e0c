"""The command `unetlite`. Each of its commands is a function in unetlite.commands."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from unetlite.commands.advise import advise
from unetlite.commands.board import board
from unetlite.commands.choose import choose
from unetlite.commands.compare import compare
from unetlite.commands.demo import demo
from unetlite.commands.explain import explain
from unetlite.commands.export import export
from unetlite.commands.inspect import inspect
from unetlite.commands.judge import judge
from unetlite.commands.kit import kit
from unetlite.commands.levers import levers
from unetlite.commands.predict import predict
from unetlite.exit_codes import cli_errors

app = typer.Typer(
    help="Which decoder upsampling should I use? Train, compare, and use the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

TRAIN_OPTIONS = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],  # Hydra's own help lists the keys
}


@app.command(context_settings=TRAIN_OPTIONS)
def train(context: typer.Context) -> None:
    """Train one network, or several with -m, as `python train.py`. --help lists all keys."""
    from unetlite.commands.train import main

    sys.argv = ["unetlite train", *context.args]  # where Hydra reads
    main()


COMMANDS: tuple[Callable[..., None], ...] = (
    choose,
    advise,
    levers,
    explain,
    kit,
    inspect,
    compare,
    board,
    judge,
    export,
    predict,
    demo,
)
for command in COMMANDS:
    app.command()(cli_errors()(command))


@app.callback(invoke_without_command=True)
def options(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Options of the command itself."""
    if show_version:
        print(f"unetlite {version('unetlite')}")
        raise typer.Exit
