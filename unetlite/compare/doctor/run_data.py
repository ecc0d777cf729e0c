"""The data set of the runs of a comparison, and what a network makes of its images."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unetlite.compare.comparison import Comparison
from unetlite.compare.control import comparable_settings, differing_keys
from unetlite.data.cache import Split
from unetlite.data.loader import SegmentationData
from unetlite.data.provenance import load_run_data
from unetlite.errors import UsageError
from unetlite.network.unet import UNet
from unetlite.settings.schema import LOCATION_KEYS, data_options


class RunData(NamedTuple):
    """A data set, or why there is none."""

    data: SegmentationData | None
    missing: str = ""


def find_data(comparison: Comparison, folder: Path | None) -> RunData:
    """The data set of the runs, if it can be opened. `folder` is where it is, if it moved."""
    try:
        return RunData(open_data(comparison, folder))
    except (UsageError, OSError, RuntimeError) as error:
        return RunData(None, str(error))


def open_data(comparison: Comparison, folder: Path | None = None) -> SegmentationData:
    """The data set of the runs.

    Raises UsageError if it is not here, is another one, or is not the same for all runs.
    """
    sources = []
    for run in comparison.runs:
        dataset = data_options(run.config["data"]).dataset
        location = LOCATION_KEYS if run.data_hash else set()
        source = comparable_settings({"data": dataset}, sorted(location))
        sources.append({**source, "hash": run.data_hash})
    differing = differing_keys(sources)
    if differing:
        raise UsageError(f"the runs differ in the data set, in {', '.join(differing)}.")
    first = comparison.runs[0]
    data = load_run_data(first.config, first.data_hash, folder)
    absent = set(first.images) - set(data.dataset.splits["test"].names)
    if absent:
        raise UsageError(
            f"{min(absent)} is not in the data set here; say by --images where it is now."
        )
    return data


def small_images(
    split: Split, indices: Iterable[int], max_pixels: int
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Index, image (C, H, W) and mask (H, W), without those that exceed so many pixels in all."""
    remaining = max_pixels
    for index in indices:
        height, width = split.sizes[index]
        if height * width <= remaining:
            remaining -= height * width
            image, mask = split[split.full_crop(index)]
            yield index, image, mask


@torch.inference_mode()
def predict_classes(network: UNet, image: Tensor) -> np.ndarray:
    """The class indices uint8 (H, W) of an image (C, H, W)."""
    return network(image[None]).argmax(1)[0].byte().numpy()
