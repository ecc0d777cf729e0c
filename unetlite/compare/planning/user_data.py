"""The data that a command is given: their name, how a folder is read, and crops that fit."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from unetlite.settings.composition import compose_run
from unetlite.settings.schema import Settings

if TYPE_CHECKING:
    from unetlite.data.loader import SegmentationData

FOLDER_OPTIONS = (
    "classes",
    "ignore",
    "layout",
    "image_name",
    "mask_name",
    "group",
    "val_fraction",
    "test_fraction",
    "split_seed",
    "channels",
    "resize",
    "orientation",
    "nodata",
)
"""Settings of data=folder that say how a folder is read."""


def name_data(data: str) -> tuple[str, str]:
    """A folder as an absolute path, or the name of a data set; and a name for its runs.

    `train.py data=coast` has its runs in outputs/coast, so a race has others.
    """
    folder = Path(data)
    if not folder.is_dir():
        return data, f"{data}-race"
    folder = folder.resolve()
    return str(folder), re.sub(r"[^\w-]+", "_", folder.name)


def compose_folder(root: str, overrides: Sequence[str]) -> Settings:
    """The settings of a run on a folder. Raises UsageError for one that is wrong."""
    return compose_run(["data=folder", *overrides], {"data.root": root})


def folder_options(root: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The settings of data=folder that were typed. Raises UsageError for one that is wrong."""
    overridden = {override.partition("=")[0] for override in overrides}
    dataset = compose_folder(root, overrides).data.dataset
    return {name: dataset[name] for name in FOLDER_OPTIONS if f"data.{name}" in overridden}


def typical_side(data: "SegmentationData") -> float:
    """The longer side of a typical training image, in pixels."""
    return median(max(size) for size in data.dataset.splits["train"].sizes)


def fit_crop(settings: Settings, data: "SegmentationData") -> dict[str, int]:
    """A smaller crop for small images, a multiple of 16: what they do not fill is padding."""
    side = typical_side(data)
    if side >= settings.data.crop_size:
        return {}
    return {"data.crop_size": math.ceil(side / 16) * 16}
