"""What a person at a terminal sees while a command works."""

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any

from rich import get_console
from rich.console import Console
from rich.table import Table
from rich.text import Text


@contextmanager
def progress(description: str) -> Iterator[Callable[..., None]]:
    """Yields `update(text, done=0)`, which says what is being done, and the time left.

    `done` is the share of the work, 0 to 1; 0 is unknown. At a terminal it is a status line, else
    a line on stderr for each new text.
    """
    console = Console(stderr=True)
    start = time.monotonic()
    status = console.status(Text(description)) if console.is_terminal else None

    printed = ""

    def update(text: str, done: float = 0) -> None:
        nonlocal printed
        if status is None and text == printed:
            return
        printed = text
        if done > 0:
            elapsed = time.monotonic() - start
            left = elapsed * (1 / done - 1)
            if left > 5:
                text += f", about {left:.0f} s left"
        if status is None:
            print(text, file=sys.stderr, flush=True)
        else:
            status.update(Text(text))  # a file's name is no markup

    with status or nullcontext():
        if status is None:
            update(description)
        yield update


def print_text(text: str, wrap: bool = True) -> None:
    """Prints a text as it is, without colours of numbers and names."""
    get_console().print(text, highlight=False, markup=False, soft_wrap=not wrap)


def make_table(rows: Sequence[Mapping[str, str]], **options: Any) -> Table:
    """A table of cells by heading; `options` are those of rich's Table."""
    table = Table(**options)
    for heading in rows[0]:
        table.add_column(Text(heading))
    for row in rows:
        table.add_row(*map(Text, row.values()))
    return table


def align_right(table: Table, first: int) -> None:
    """Aligns columns of numbers, from the first of them on."""
    for column in table.columns[first:]:
        column.justify = "right"


def load_libraries(*names: str) -> None:
    """Imports libraries that take seconds, and says so at a terminal."""
    missing = [name for name in names if name not in sys.modules]
    if not missing or not sys.stderr.isatty():
        return
    with progress(f"loading {' and '.join(names)}"):
        for name in missing:
            import_module(name)


@contextmanager
def hide_messages() -> Iterator[None]:
    """Hides the warnings and the log of the libraries that are called in the block."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
