"""Files that are written whole or not at all."""

import errno
import glob
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from yaml import YAMLError

from unetlite.errors import RunFailed, UsageError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MIN_ROOM = 2**20  # bytes; a disk with less is full


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` for a file or folder, which is renamed to `path` at the end.

    After an exception nothing is left of it, and what was there before stays. What a killed process
    left behind is removed by the next one. A full disk is an OSError with `path`, see
    `name_full_disk`.
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
        with name_full_disk(path):
            yield partial
            for file in (partial, *partial.rglob("*")):
                if file.is_file():
                    sync_to_disk(file)
            os.replace(partial, path)
            if os.name == "posix":  # a rename is on the disk when its folder is
                sync_to_disk(path.parent)
    finally:
        remove(partial)


@contextmanager
def name_full_disk(path: Path) -> Iterator[None]:
    """Raises OSError with `path` for whatever a full disk makes of the block, which writes it.

    Python's own error has no name, and libraries raise others that say nothing of the disk.
    """
    try:
        yield
    except (UsageError, RunFailed):
        raise
    except Exception as error:
        number = full_disk_errno(error, path.parent)
        name = getattr(error, "filename", None)
        is_named = name is not None and ".partial" not in str(name)
        if number is None or is_named:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def full_disk_errno(error: BaseException, folder: Path) -> int | None:
    """One of DISK_FULL if an error comes of it, by its causes or by the room that is left."""
    cause: BaseException | None = error
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) else None
        match = re.search(r"os error (\d+)", str(cause))  # as Rust's libraries say it
        if match is not None:
            number = int(match[1])
        if number is not None:
            return number if number in DISK_FULL else None
        cause = cause.__cause__ or cause.__context__
    try:
        room = shutil.disk_usage(folder).free
    except OSError:
        return None
    return errno.ENOSPC if room < MIN_ROOM else None


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
    """Writes a file in UTF-8, with the same bytes on every system."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Writes plain values and dataclasses as JSON."""
    write_text(path, json.dumps(content, indent=1, default=asdict) + "\n")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(2**20), b""):
            digest.update(chunk)
    return digest.hexdigest()


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


def shell_path(path: Path) -> str:
    """The path from the working directory, as a shell takes it in a command that is pasted."""
    text = str(relative_path(path))
    if text.startswith("-"):  # else a program takes it for an option
        text = f"./{text}"
    return shlex.quote(text)
