"""Pictures of test images in which variants differ."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from unetlite.compare.runs import Comparison, controlled
from unetlite.data.batches import SegmentationData, data_of_run
from unetlite.errors import UsageError
from unetlite.network.unet import UNet
from unetlite.pictures import fit, picture_row
from unetlite.settings import source_options

LARGEST = 1024  # pixels, of an image that is predicted whole for a picture
SIDE = 288  # pixels, of a larger picture in the report


class Row(NamedTuple):
    """Pictures of one thing, a caption and RGB uint8 (H, W, 3) each: every variant's, after the image and the truth."""

    title: str
    pictures: list[tuple[str, np.ndarray]]


class Evidence(NamedTuple):
    """A row an image; `missing` says why there is none, if so."""

    images: list[Row]
    missing: str | None = None


def gather_evidence(comparison: Comparison, networks: Mapping[str, UNet]) -> Evidence:
    """Pictures of test images in which the variants differ most, predicted by each variant's first seed."""
    try:
        data = open_data(comparison)
    except (UsageError, OSError, RuntimeError) as error:
        return Evidence([], f"There are no pictures of test images: {error}")
    return Evidence([draw_image(comparison, networks, data, *chosen) for chosen in choose(comparison, data)])


def open_data(comparison: Comparison) -> SegmentationData:
    """The data set of the runs. Raises UsageError if it is not here, or another one, or not the same for all."""
    sources = [controlled({"data": source_options(run.config["data"])}) for run in comparison.runs]
    if any(source != sources[0] for source in sources):
        raise UsageError("the runs differ in the data set.")
    data = data_of_run(comparison.first.config)
    if absent := set(comparison.first.images) - set(data.store.splits["test"].names):
        raise UsageError(f"{min(absent)} is not in the data set here.")
    return data


def choose(comparison: Comparison, data: SegmentationData, count: int = 4) -> list[tuple[int, str]]:
    """Test images in which the variants differ most, and by how much; of the brighter half, where an eye sees most."""
    table = np.array([[run.scores("miou_per_image") for run in runs] for runs in comparison.variants.values()])
    level, spread = table.mean((0, 1)), table.mean(1).std(0)  # of (V, S, N)
    split = data.store.splits["test"]
    pictures = (split[split.whole(split.names.index(name))].image for name in comparison.first.images)
    light = np.array([picture.float().mean() for picture in pictures])
    usable = np.flatnonzero(~np.isnan(level))
    usable = usable[light[usable] >= np.median(light[usable])] if len(usable) > count else usable
    chosen = usable[np.argsort(-spread[usable], kind="stable")][:count].tolist()
    return [(k, f"mIoU {level[k]:.3f} over all runs, ± {spread[k]:.3f} over variants") for k in chosen]


def draw_image(
    comparison: Comparison, networks: Mapping[str, UNet], data: SegmentationData, position: int, why: str
) -> Row:
    """What each variant gets wrong in a test image."""
    name, part, split = comparison.first.images[position], "", data.store.splits["test"]
    pixels, mask = split[split.whole(split.names.index(name))]
    if max(mask.shape) > LARGEST:
        pixels, mask, part = pixels[:, :LARGEST, :LARGEST], mask[:LARGEST, :LARGEST], ", its upper left"
    wrong = []
    for variant, network in networks.items():
        with torch.inference_mode():
            prediction = network(pixels[None]).argmax(1)[0].byte().numpy()
        image, true, _, error = picture_row(pixels.numpy(), mask.numpy(), prediction, data.store.colours)
        score = comparison.variants[variant][0].scores("miou_per_image")[position]
        wrong.append((f"{variant}, mIoU {score:.3f}", reduced(error)))
    return Row(f"{name}{part}: {why}", [("image", reduced(image)), ("truth", reduced(true)), *wrong])


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of at most SIDE pixels."""
    return picture if max(picture.shape[:2]) <= SIDE else np.array(fit(Image.fromarray(picture), SIDE))
