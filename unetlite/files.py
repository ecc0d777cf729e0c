"""Files that are written whole or not at all."""

import glob
import json
import os
import platform
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yaml import YAMLError

from unetlite.errors import UsageError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` for a file or folder, which is renamed to `path` at the end.

    After an exception nothing is left of it, and what was there before stays. What a killed process
    left behind is removed by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of the machine: on another one the number of a process says nothing.
    prefix = f".{path.name}.{platform.node()}."
    for leftover in path.parent.glob(f"{glob.escape(prefix)}*.partial"):
        process = leftover.name.removeprefix(prefix).removesuffix(".partial")
        if not pid_exists(process):
            remove(leftover)
    partial = path.with_name(f"{prefix}{os.getpid()}.partial")
    try:
        yield partial
        for file in (partial, *partial.rglob("*")):
            if file.is_file():
                sync_to_disk(file)
        os.replace(partial, path)
        if os.name == "posix":  # a rename is on the disk when its folder is
            sync_to_disk(path.parent)
    finally:
        remove(partial)


def sync_to_disk(path: Path) -> None:
    """Waits until a file, or the list of a folder's files, is on the disk."""
    flags = os.O_RDONLY if os.name == "posix" else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Removes a file or a folder, if it exists."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def pid_exists(process: str) -> bool:
    """True if a process of this number may be running here, or if that cannot be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:  # it belongs to another user
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Writes a file in UTF-8."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_mapping(
    path: Path,
    keys: Collection[str],
    remedy: str,
    parse: Callable[[str], Any] = json.loads,
) -> dict[str, Any]:
    """The content of a file of JSON or, by another `parse`, of YAML, which has these keys.

    Raises UsageError with the remedy if the file is damaged or missing.
    """
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, YAMLError):
        content = None
    if not isinstance(content, dict) or not content.keys() >= set(keys):
        raise UsageError(f"{path} is damaged or missing. {remedy}")
    return content


def relative_path(path: Path) -> Path:
    """The path from the working directory, if it lies below it."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd())
    return path
