"""Folders that no layout fits, though they look like the export of a tool: what is missing."""

from pathlib import Path

from unetlite.data.image_files import list_images
from unetlite.data.layouts.base import SPLIT_WORDS, folders_named, list_folders
from unetlite.data.layouts.json_files import peek_json
from unetlite.data.layouts.roboflow import CLASSES, MASK

PARTS = {
    "Pascal VOC or CVAT": ("JPEGImages", "SegmentationClass"),
    "nnU-Net": ("imagesTr", "labelsTr"),
    "Cityscapes": ("leftImg8bit", "gtFine"),
}
"""Folders that a tool's export needs."""


def describe_near_miss(directory: Path) -> str | None:
    """What keeps a folder from being the export of a tool; None if it does not look like one."""
    damaged = peek_json([directory, *list_folders(directory)]).damaged
    if damaged:
        return str(damaged[0])
    for title, parts in PARTS.items():
        missing = [part for part in parts if not folders_named(directory, (part.casefold(),))]
        present = [part for part in parts if part not in missing]
        if present and missing:
            return (
                f"{directory / present[0]} looks like {title}, but {missing[0]}/ is missing "
                "beside it; add it, or give it this name."
            )
    for folder in folders_named(directory, SPLIT_WORDS):
        images = list_images(folder)
        if any(name.endswith(MASK) and name.removesuffix(MASK) in images for name in images):
            return (
                f"{folder} has masks a{MASK}.png beside a.jpg, as Roboflow writes them, but no "
                f"{CLASSES}, which names the classes; add it, or export it again."
            )
    return None
