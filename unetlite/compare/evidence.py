"""Pictures of where variants differ: whole test images, close-ups of boundaries, and the ripple of a constant."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image
from scipy import ndimage

from unetlite.classes import IGNORE, Colour
from unetlite.compare.runs import Comparison, controlled
from unetlite.data.batches import SegmentationData, data_of_run
from unetlite.errors import UsageError
from unetlite.network.measures import receptive_field
from unetlite.network.unet import UNet
from unetlite.pictures import colour_mask, fit, picture_row
from unetlite.settings import source_options

CLOSE_UP = 32  # pixels
RIPPLE = 48  # pixels
LARGEST = 1024  # pixels, of an image that is predicted whole for a picture
SIDE = 288  # pixels, of a larger picture in the report
DIVERGING = LinearSegmentedColormap.from_list("diverging", ("#005aa0", "#ffffff", "#d55e00"))


class Row(NamedTuple):
    """Pictures of one thing, a caption and RGB uint8 (H, W, 3) each: every variant's, after the image and the truth."""

    title: str
    pictures: list[tuple[str, np.ndarray]]


class Evidence(NamedTuple):
    """All pictures; `missing` says why there are none of test images, if so."""

    images: list[Row]
    close_ups: list[Row]
    ripples: Row
    missing: str | None = None


def gather_evidence(comparison: Comparison, networks: Mapping[str, UNet]) -> Evidence:
    """Pictures of the hardest and of the most different test images, predicted by each variant's first seed."""
    ripples = ripple_row(networks)
    try:
        data = open_data(comparison)
    except (UsageError, OSError, RuntimeError) as error:
        return Evidence([], [], ripples, f"There are no pictures of test images: {error}")
    rows = [draw_image(comparison, networks, data, *chosen) for chosen in choose(comparison)]
    return Evidence([image for image, _ in rows], [close_up for _, close_up in rows], ripples)


def open_data(comparison: Comparison) -> SegmentationData:
    """The data set of the runs. Raises UsageError if it is not here, or another one, or not the same for all."""
    sources = [controlled({"data": source_options(run.config["data"])}) for run in comparison.runs]
    if any(source != sources[0] for source in sources):
        raise UsageError("the runs differ in the data set.")
    data = data_of_run(comparison.first.config)
    if absent := set(comparison.first.images) - set(data.store.splits["test"].names):
        raise UsageError(f"{min(absent)} is not in the data set here.")
    return data


def choose(comparison: Comparison, count: int = 3) -> list[tuple[int, str]]:
    """Test images and why: those with the lowest IoU over all runs, and those where variants differ most."""
    table = np.array([[run.scores("miou_per_image") for run in runs] for runs in comparison.variants.values()])
    level, spread = table.mean((0, 1)), table.mean(1).std(0)  # of (V, S, N)
    usable = np.flatnonzero(~np.isnan(level))
    hardest = usable[np.argsort(level[usable], kind="stable")][:count].tolist()
    different = [k for k in usable[np.argsort(-spread[usable], kind="stable")].tolist() if k not in hardest][:count]
    chosen = [(k, f"among the hardest, mIoU {level[k]:.3f} over all runs") for k in hardest]
    return chosen + [(k, f"among the most different, mIoU ± {spread[k]:.3f} over variants") for k in different]


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


def ripple_row(networks: Mapping[str, UNet]) -> Row:
    """What each network makes of a constant image: the logits of its last class inside, less their mean."""
    answers = {}
    for name, network in networks.items():
        margin = receptive_field(network.config) // 2 + 1  # what the frame can change, whatever the operator
        side = RIPPLE + 2 * margin
        with torch.inference_mode():
            logits = network(network.mean.expand(1, -1, side, side))  # of the mean image
        inside = logits[0, -1, margin:-margin, margin:-margin].numpy()
        answers[name] = inside - inside.mean()
    scale = max(1e-6, *(float(np.abs(answer).max()) for answer in answers.values()))
    pictures = []
    for name, answer in answers.items():
        colours = DIVERGING((answer / scale + 1) / 2, bytes=True)[..., :3]
        pictures.append((f"{name}, ± {answer.std():.3f}", colours.repeat(4, 0).repeat(4, 1)))
    return Row(f"all pictures range over ± {scale:.3f}", pictures)
