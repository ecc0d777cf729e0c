"""The list of image files in a folder."""

from pathlib import Path

from unetlite.data.formats import OPENERS
from unetlite.errors import UsageError

IMAGE_SUFFIXES = tuple(OPENERS)


def list_images(directory: Path) -> dict[str, Path]:
    """All images below a directory, sorted, by their relative path without the suffix.

    Hidden files do not count. Raises UsageError if two files have the same name.
    """
    images: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.is_dir():
            continue
        relative = path.relative_to(directory)
        if any(part.startswith(".") for part in relative.parts):
            continue
        name = relative.with_suffix("").as_posix()
        other = images.setdefault(name, path)
        if other != path:
            raise UsageError(
                f"{path} and {other} have the same name; files are told apart by name, keep one."
            )
    return images
