"""Which files are meant by paths, folders and patterns."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from unetlite.data.folder import SUFFIXES
from unetlite.errors import UsageError


class Input(NamedTuple):
    """A file, and its name without the suffix: relative to its folder if a folder was given."""

    name: str
    path: Path


def find_inputs(inputs: Sequence[str]) -> list[Input]:
    """The files, in order: of folders all images at any depth, of patterns and files themselves those that are named.

    Raises:
        UsageError: nothing is there, or two files have one name.
    """
    found: list[Input] = []
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if is_image(file.relative_to(path)) and file.is_file())
            if not files:
                raise UsageError(f"{path} holds no image ({', '.join(SUFFIXES)}).")
            found += [Input(file.relative_to(path).with_suffix("").as_posix(), file) for file in files]
            continue
        files = [path] if path.exists() else sorted(map(Path, glob.glob(str(path), recursive=True)))
        files = [file for file in files if file.is_file()]
        if not files:
            raise UsageError(f"{text}: there is no such file or folder, and no file that fits it as a pattern.")
        found += [Input(file.stem, file) for file in files]
    by_name: dict[str, Path] = {}
    for name, path in found:
        other = by_name.setdefault(name, path)
        if other.resolve() != path.resolve():
            raise UsageError(
                f"{path} and {other} would both be written as {name}; give them one after the other, each with an "
                "--output of its own, or give the folder above them."
            )
    return [Input(name, path) for name, path in by_name.items()]


def is_image(path: Path) -> bool:
    """Whether a name is that of an image, and no part of it is hidden."""
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)
