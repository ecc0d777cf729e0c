"""Pictures of where variants differ: whole test images, and close-ups of boundaries."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from unetlite.classes import IGNORE, Colour
from unetlite.compare.runs import Comparison, controlled
from unetlite.data.batches import SegmentationData, data_of_run
from unetlite.errors import UsageError
from unetlite.network.unet import UNet
from unetlite.pictures import colour_mask, fit, picture_row
from unetlite.settings import source_options

CLOSE_UP = 32  # pixels
LARGEST = 1024  # pixels, of an image that is predicted whole for a picture
SIDE = 288  # pixels, of a larger picture in the report


class Row(NamedTuple):
    """Pictures of one thing, a caption and RGB uint8 (H, W, 3) each: every variant's, after the image and the truth."""

    title: str
    pictures: list[tuple[str, np.ndarray]]


class Evidence(NamedTuple):
    """All pictures; `missing` says why there are none of test images, if so."""

    images: list[Row]
    close_ups: list[Row]
    missing: str | None = None


def gather_evidence(comparison: Comparison, networks: Mapping[str, UNet]) -> Evidence:
    """Pictures of test images in which the variants differ most, predicted by each variant's first seed."""
    try:
        data = open_data(comparison)
    except (UsageError, OSError, RuntimeError) as error:
        return Evidence([], [], f"There are no pictures of test images: {error}")
    rows = [draw_image(comparison, networks, data, *chosen) for chosen in choose(comparison, data)]
    return Evidence([image for image, _ in rows], [close_up for _, close_up in rows])


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
) -> tuple[Row, Row]:
    """What each variant gets wrong in a test image, and a close-up of where they differ."""
    name, part, split = comparison.first.images[position], "", data.store.splits["test"]
    pixels, mask = split[split.whole(split.names.index(name))]
    if max(mask.shape) > LARGEST:
        pixels, mask, part = pixels[:, :LARGEST, :LARGEST], mask[:LARGEST, :LARGEST], ", its upper left"
    with torch.inference_mode():
        predictions = {v: network(pixels[None]).argmax(1)[0].byte().numpy() for v, network in networks.items()}
    truth, colours = mask.numpy(), data.store.colours
    window = most_different(truth, list(predictions.values()))
    wrong, close_up = [], []
    for variant, prediction in predictions.items():
        image, true, _, error = picture_row(pixels.numpy(), truth, prediction, colours)
        score = comparison.variants[variant][0].scores("miou_per_image")[position]
        wrong.append((f"{variant}, mIoU {score:.3f}", reduced(error)))
        close_up.append((variant, outlined(prediction[window], truth[window], colours)))
    near = f"{name}: the {CLOSE_UP} pixels around where the variants differ most"
    return (
        Row(f"{name}{part}: {why}", [("image", reduced(image)), ("truth", reduced(true)), *wrong]),
        Row(near, [("image", image[window]), ("truth", true[window]), *close_up]),
    )


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of at most SIDE pixels."""
    return picture if max(picture.shape[:2]) <= SIDE else np.array(fit(Image.fromarray(picture), SIDE))


def most_different(truth: np.ndarray, predictions: Sequence[np.ndarray]) -> tuple[slice, slice]:
    """The window of CLOSE_UP pixels in which variants differ most in what is wrong; if nowhere, of the most errors."""
    wrong = (np.stack(predictions) != truth) & (truth != IGNORE)  # (V, H, W)
    density = ndimage.uniform_filter(wrong.var(0) + 1e-3 * wrong.mean(0), CLOSE_UP, mode="constant")
    centre = np.array(np.unravel_index(density.argmax(), density.shape))
    top, left = np.clip(centre - CLOSE_UP // 2, 0, np.maximum(np.array(truth.shape) - CLOSE_UP, 0)).tolist()
    return slice(top, top + CLOSE_UP), slice(left, left + CLOSE_UP)


def outlined(prediction: np.ndarray, truth: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """The predicted classes, enlarged eightfold, with the true contours drawn white on black."""
    enlarged, true = (mask.repeat(8, 0).repeat(8, 1) for mask in (prediction, truth))
    picture = colour_mask(enlarged, colours)
    contour = (ndimage.maximum_filter(true, 3) != true) | (ndimage.minimum_filter(true, 3) != true)
    picture[ndimage.binary_dilation(contour)] = 0
    picture[contour] = 255
    return picture
