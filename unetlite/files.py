"""Files: written whole or not at all, images listed in one way, tables, and what is told meanwhile."""

import csv
import glob
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from yaml import YAMLError

from unetlite.errors import UsageError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write a file or a folder to, which takes the name `path` once it is on the disk.

    After an exception nothing is left of it, and what was there before stays. What a process that was killed has left
    is removed by the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name}.{platform.node()}."  # of this machine: on another, the number says nothing
    for left in path.parent.glob(f"{glob.escape(start)}*.partial"):
        if not alive(left.name.removeprefix(start).removesuffix(".partial")):
            remove(left)
    partial = path.with_name(f"{start}{os.getpid()}.partial")
    try:
        yield partial
        for file in (partial, *partial.rglob("*")):
            if file.is_file():
                flush(file)
        os.replace(partial, path)
        if os.name == "posix":  # a rename is on the disk when its folder is
            flush(path.parent)
    finally:
        remove(partial)


def flush(path: Path) -> None:
    """Waits until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def alive(process: str) -> bool:
    """Whether a process of this number may be running here; also if that cannot be told."""
    try:
        os.kill(int(process), 0) if os.name == "posix" else None
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        pass
    return True


def image_files(directory: Path) -> dict[str, Path]:
    """All images below a directory by name, which is relative and without the suffix, sorted; none that is hidden."""
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.suffix.lower() not in IMAGE_SUFFIXES or hidden or path.is_dir():
            continue
        other = found.setdefault(relative.with_suffix("").as_posix(), path)
        if other != path:
            raise UsageError(f"{path} and {other} have the same name; files are told apart by name, keep one.")
    return found


def write_text(path: Path, text: str) -> None:
    """A file in UTF-8, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> None:
    """A table; numbers have nine significant digits, NaN is an empty cell."""
    with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([cell(value) for value in row] for row in rows)


def cell(value: str | float) -> str:
    """What stands in a table for a value."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    return str(value)


def read_csv(path: Path) -> dict[str, list[str]]:
    """The columns of a table by their names. Raises ValueError for rows of different lengths."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def read_mapping(
    path: Path, keys: Collection[str], remedy: str, parse: Callable[[str], Any] = json.loads
) -> dict[str, Any]:
    """What a file of JSON, or of another text, holds under its keys. Raises UsageError if it is damaged or missing."""
    try:
        content = parse(path.read_text())
    except (OSError, ValueError, RecursionError, YAMLError):
        content = None
    if not isinstance(content, dict) or not content.keys() >= set(keys):
        raise UsageError(f"{path} is damaged or missing. {remedy}")
    return content


def shorten(path: Path) -> Path:
    """Relative to the working directory if it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def progress(description: str) -> Iterator[Callable[..., None]]:
    """A function that tells what is being done: in a status line, or without a terminal in lines on stderr.

    It takes a text and, if that is known, the share of the work that is done, and adds the time left.
    """
    console, start = Console(stderr=True), time.monotonic()
    status = console.status(description) if console.is_terminal else None

    def tell(text: str, done: float = 0) -> None:
        left = (time.monotonic() - start) * (1 / done - 1) if done else 0
        text += f", about {left:.0f} s left" if left > 5 else ""
        status.update(text) if status else print(text, file=sys.stderr, flush=True)

    with status or nullcontext():
        if not status:
            tell(description)
        yield tell


def load_libraries(*names: str) -> None:
    """Imports what takes seconds, and says so to whoever waits at a terminal."""
    if sys.stderr.isatty() and not sys.modules.keys() >= set(names):
        with progress(f"loading {' and '.join(names)}"):
            for name in names:
                import_module(name)
