"""The image files in a folder, and those that a command line names."""

import glob
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from unetlite.data.formats import OPENERS
from unetlite.errors import UsageError

IMAGE_SUFFIXES = tuple(OPENERS)
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


def list_images(directory: Path) -> dict[str, Path]:
    """All images below a directory, sorted, by their relative path without the suffix.

    Names are in Unicode NFC. Hidden files do not count. Raises UsageError if two files have the
    same name.
    """
    images: dict[str, Path] = {}
    for path in list_files(directory):
        if not is_image(path):
            continue
        name = image_name(path.relative_to(directory))
        other = images.setdefault(name, path)
        if other != path:
            raise UsageError(
                f"{path} and {other} have the same name; files are told apart by name, keep one."
            )
    return images


def require_images(directory: Path) -> dict[str, Path]:
    """As `list_images`, one or more. Raises UsageError if there is none."""
    images = list_images(directory)
    if not images:
        raise UsageError(f"{directory} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    return images


def list_files(directory: Path) -> list[Path]:
    """All files below a directory, sorted. Hidden ones do not count."""
    files = sorted(walk_files(directory), key=lambda file: file.split(os.sep))
    return [Path(file) for file in files]


def walk_files(directory: Path) -> Iterator[str]:
    """The files of `list_files` in no order. Links to folders are followed, but not in a circle."""
    seen = set()
    for folder, inner_folders, names in os.walk(directory, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:
            inner_folders.clear()
            continue
        seen.add(place)
        inner_folders[:] = [name for name in sorted(inner_folders) if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield os.path.join(folder, name)


def check_folder(path: Path, message: str) -> None:
    """Raises UsageError for a file, or with the message if a folder is not there."""
    if path.is_dir():
        return
    if not path.is_file():
        raise UsageError(message)
    remedy = "give the folder"
    if path.suffix.lower() in ARCHIVES:
        remedy = "unzip it, and give the folder"
    elif path.suffix.lower() == ".json":
        remedy = "give the folder that holds it and the images"
    raise UsageError(f"{path} is a file; expected a folder of images and masks: {remedy}.")


def is_image(path: Path) -> bool:
    """True if the suffix is that of an image that can be read."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def holds_images(directory: Path) -> bool:
    """True if there is an image below a directory."""
    return any(is_image(Path(file)) for file in walk_files(directory))


def image_name(path: PurePath) -> str:
    """The name of an image by its path from a folder on: without the type, in Unicode NFC."""
    return nfc(path.with_suffix("").as_posix())


def nfc(name: str) -> str:
    """A name with composed accents: systems differ in how they store them."""
    return unicodedata.normalize("NFC", name)


def find_inputs(inputs: Sequence[str]) -> dict[str, Path]:
    """The files by name: those that are named, and all images in folders.

    Raises UsageError if there is none, or if two have the same name.
    """
    files: dict[str, Path] = {}
    for text in inputs:
        for name, file in expand_input(text):
            other = files.setdefault(name, file)
            if os.path.realpath(other) != os.path.realpath(file):
                raise UsageError(
                    f"{file} and {other} would both be written as {name}; give them one after the "
                    "other, each with an --output of its own, or give the folder above them."
                )
    return files


def expand_input(text: str) -> list[tuple[str, Path]]:
    """Names and files of a file, a folder or a pattern. Raises UsageError if there is none."""
    path = Path(text)
    if path.is_dir():
        return list(require_images(path).items())
    paths = [path]
    if not path.exists():
        paths = match_pattern(path)
    files = [(path.stem, path) for path in paths if path.is_file()]
    if not files:
        raise UsageError(
            f"{text}: there is no such file or folder, and no file that matches it as a pattern."
        )
    return files


def match_pattern(pattern: Path) -> list[Path]:
    """The files that match, sorted. The part of the pattern that exists is a name as it stands."""
    folder = pattern.parent
    while not folder.is_dir():
        folder = folder.parent
    relative = str(pattern.relative_to(folder))
    matches = glob.glob(relative, root_dir=folder, recursive=True)
    return [folder / match for match in sorted(matches)]
