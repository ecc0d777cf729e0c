"""Files of a folder that are not read: counted and named, so that none is missing in silence."""

import os
from collections.abc import Iterable
from pathlib import Path

from unetlite.data.image_files import is_image, list_files
from unetlite.data.layouts.base import Layout, Pair
from unetlite.wording import counted

DOCUMENTS = (
    ".csv",
    ".db",
    ".htm",
    ".html",
    ".ini",
    ".ipynb",
    ".json",
    ".log",
    ".md",
    ".pdf",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".xls",
    ".xlsx",
    ".xml",
    ".yaml",
    ".yml",
    ".zip",
)
"""Types that lie beside images and are none; files without a type are none, either."""


def describe_left_out(
    directory: Path,
    pairs: Iterable[Pair],
    content: Layout,
) -> list[str]:
    """Sentences about files below a directory that no pair is read from, by folder and type."""
    notes = []
    reasons = {
        "of test images without a mask": content.untested,
        "of images that no list names": content.unlisted,
    }
    known = set(map(os.path.abspath, [*content.untested, *content.unlisted]))
    for pair in pairs:
        known.update(map(os.path.abspath, pair.files()))
    for reason, paths in reasons.items():
        if paths:
            notes.append(
                f"left out: {counted(len(paths), 'file')} {reason}, "
                f"such as {shown(paths[0], directory)}"
            )
    left_out: dict[tuple[str, str], list[Path]] = {}
    for path in list_files(directory):
        suffix = path.suffix.lower()
        if not suffix or suffix in DOCUMENTS or os.path.abspath(path) in known:
            continue
        relative = path.relative_to(directory)
        folder = f" in {relative.parts[0]}/" if len(relative.parts) > 1 else ""
        left_out.setdefault((folder, suffix), []).append(path)
    for (folder, suffix), files in left_out.items():
        reason = "in no pair of image and mask"
        if not is_image(files[0]):
            reason = "of a type that is not read"
        notes.append(
            f"left out: {counted(len(files), f'{suffix} file')}{folder} {reason}, "
            f"such as {shown(files[0], directory)}"
        )
    return notes


def shown(path: Path, directory: Path) -> str:
    """A path as it is shown: from the directory on."""
    return os.path.relpath(path, directory)
