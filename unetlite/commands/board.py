"""`unetlite board`: TensorBoard, opened on the validation scores and pictures."""

import threading
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from unetlite.errors import UsageError

COLOUR_GROUPS = r"([^/]+)(?:/seed\d+)?$"
"""Of a run's name, what its colour depends on: transpose in transpose/seed0."""

FIRST_CHARTS = "^score/|pictures$"
"""The tags that are shown at first: the validation score, and pictures of validation images."""


def board(
    directory: Annotated[Path, typer.Argument(help="Runs, such as outputs/coast.")],
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="A free one from 6006 by default.")
    ] = None,
) -> None:
    """TensorBoard on validation scores over steps; all seeds of an operator have one colour."""
    if not any(directory.rglob("events.out.tfevents.*")):
        raise UsageError(
            f"{directory} holds no events of a training; expected a folder such as outputs/coast."
        )
    address = start_tensorboard(directory, port)
    print(board_address(address), flush=True)
    print(
        "It opens on the scores, score/miou, and below them the pictures, val/pictures. Empty the "
        "filter of tags for losses and the scores of classes."
    )
    print("Ctrl+C ends it", flush=True)
    threading.Event().wait()


def start_tensorboard(directory: Path, port: int | None) -> str:
    """Starts TensorBoard for this machine alone, and returns its address.

    Raises UsageError if the port is taken.
    """
    from tensorboard.program import TensorBoard, TensorBoardServerException

    arguments = ["", "--logdir", str(directory), "--host", "127.0.0.1"]
    if port is not None:
        arguments += ["--port", str(port)]
    tensorboard = TensorBoard()
    tensorboard.configure(argv=arguments)
    try:
        return tensorboard.launch()
    except TensorBoardServerException as error:
        raise UsageError(f"--port {port}: {error}. Give another one, or none.") from None


def board_address(address: str) -> str:
    """The address with what TensorBoard keeps in it: which charts are shown, and the colours."""
    options = {
        "runColorGroup": f"regex:{COLOUR_GROUPS}",
        "tagFilter": FIRST_CHARTS,
        "smoothing": "0",
    }
    return f"{address}?{urlencode(options)}#timeseries"
