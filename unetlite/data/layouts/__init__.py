"""The ways in which folders hold images and masks, each recognised by one function."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from unetlite.data.image_files import holds_images
from unetlite.data.layouts.base import Layout, Naming, Reader, list_folders
from unetlite.data.layouts.cityscapes import cityscapes
from unetlite.data.layouts.coco import coco
from unetlite.data.layouts.folders import folders_in_splits, plain_folders, splits_in_folders
from unetlite.data.layouts.json_files import peek_json
from unetlite.data.layouts.label_studio import label_studio
from unetlite.data.layouts.labelme import labelme
from unetlite.data.layouts.near_misses import describe_near_miss
from unetlite.data.layouts.nnunet import nnunet
from unetlite.data.layouts.other_folders import check_other_folders
from unetlite.data.layouts.roboflow import roboflow_masks
from unetlite.data.layouts.tables import PAIRS, pairs_table
from unetlite.data.layouts.voc import voc
from unetlite.errors import UsageError
from unetlite.wording import list_first


class LayoutKind(NamedTuple):
    """A way in which people lay out their images and masks."""

    title: str  # for people
    recognise: Callable[[Path], Reader | None]  # reads a folder of this layout; None for others


LAYOUTS = {
    "folders": LayoutKind("images/ and masks/", plain_folders),
    "split_first": LayoutKind("train|val|test, each with images/ and masks/", folders_in_splits),
    "split_inside": LayoutKind("images/ and masks/, each with train|val|test", splits_in_folders),
    "voc": LayoutKind("Pascal VOC or CVAT (JPEGImages/, SegmentationClass/)", voc),
    "roboflow": LayoutKind("Roboflow's semantic masks (a_mask.png, _classes.csv)", roboflow_masks),
    "coco": LayoutKind("COCO JSON", coco),
    "nnunet": LayoutKind("nnU-Net (imagesTr/, labelsTr/)", nnunet),
    "cityscapes": LayoutKind("Cityscapes (leftImg8bit/, gtFine/)", cityscapes),
    "labelme": LayoutKind("labelme (a JSON file for each image)", labelme),
    "label_studio": LayoutKind("Label Studio's JSON export", label_studio),
    "pairs": LayoutKind("pairs.csv", pairs_table),
}
"""By the name for data.layout."""


def read_layout(
    directory: Path,
    naming: Naming,
    name: str | None = None,
) -> tuple[str, Layout]:
    """The name and the content of the one layout that fits a folder.

    pairs.csv says the pairs itself, so it is taken whatever lies beside it. `name` chooses among
    several. Raises UsageError if none fits, or two.
    """
    if name is not None and name not in LAYOUTS:
        raise UsageError(f"data.layout={name}: choose one of {', '.join(LAYOUTS)}.")
    readers = recognise(directory)
    if name is not None and name not in readers:
        raise UsageError(
            f"data.layout={name}: {directory} is not laid out as {LAYOUTS[name].title}. "
            f"{describe_contents(directory)}"
        )
    if name is None:
        name = choose(directory, readers)
    layout = readers[name](naming)
    check_other_folders(layout)
    if not layout.is_drawn():  # else its reader has checked them
        damaged = peek_json([directory, *list_folders(directory)]).damaged
        layout = layout._replace(notes=[*layout.notes, *map(str, damaged)])
    return name, layout


def recognise(directory: Path) -> dict[str, Reader]:
    """The layouts that fit a folder, by name."""
    readers = {}
    for name, kind in LAYOUTS.items():
        reader = kind.recognise(directory)
        if reader is not None:
            readers[name] = reader
    return readers


def choose(directory: Path, readers: dict[str, Reader]) -> str:
    """The only layout that fits. Raises UsageError if there is none, or if there are two."""
    if "pairs" in readers:
        return "pairs"
    if len(readers) == 1:
        return next(iter(readers))
    if readers:
        titles = " and as ".join(LAYOUTS[name].title for name in readers)
        words = " or ".join(f"data.layout={name}" for name in readers)
        raise UsageError(f"{directory} can be read as {titles}. Say which by {words}.")
    near_miss = describe_near_miss(directory)
    if near_miss is not None:
        raise UsageError(f"{directory}: no layout fits. {near_miss}")
    for folder in list_folders(directory):
        inner = recognise(folder)
        if not inner:
            continue
        title = LAYOUTS[next(iter(inner))].title
        if not holds_images(folder):
            raise UsageError(
                f"{directory}: no layout fits. {folder} has {title}, but no images; put its files "
                f"into {directory}."
            )
        raise UsageError(
            f"{directory} has no images and masks itself, but {folder} has ({title}). "
            f"Did you mean {folder}?"
        )
    raise UsageError(
        f"{directory}: no layout fits; it needs images/ and masks/, or both in train|val|test, or "
        f"the export of a tool, or {PAIRS} with the columns image and mask. "
        f"{describe_contents(directory)}"
    )


def describe_contents(directory: Path) -> str:
    """The first things in a folder, in a sentence."""
    names = []
    for path in sorted(directory.iterdir()):
        if not path.name.startswith("."):
            names.append(path.name + ("/" if path.is_dir() else ""))
    if not names:
        return "It is empty."
    return f"It has {list_first(names, 8)}."
