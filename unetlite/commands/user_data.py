"""The data that a command is given: their name, and crops that fit them."""

import math
import re
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from unetlite.settings.schema import Settings

if TYPE_CHECKING:
    from unetlite.data.loader import SegmentationData


def name_data(data: str) -> tuple[str, str]:
    """A folder as an absolute path, or the name of a data set; and a name for its runs.

    `train.py data=coast` has its runs in outputs/coast, so a race has others.
    """
    folder = Path(data)
    if not folder.is_dir():
        return data, f"{data}-race"
    folder = folder.resolve()
    return str(folder), re.sub(r"[^\w-]+", "_", folder.name)


def fit_crop(settings: Settings, data: "SegmentationData") -> dict[str, int]:
    """A smaller crop for small images, a multiple of 16: what they do not fill is padding."""
    longer_sides = [max(size) for size in data.dataset.splits["train"].sizes]
    typical = median(longer_sides)
    if typical >= settings.data.crop_size:
        return {}
    return {"data.crop_size": math.ceil(typical / 16) * 16}
