"""Pictures of where variants differ: whole test images, close-ups of boundaries, and the ripple of a constant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from unetlite.compare.comparison import Comparison
from unetlite.data.module import SegmentationData, data_of_run
from unetlite.data.source import IGNORE
from unetlite.errors import UsageError
from unetlite.explain.layers import layers
from unetlite.pictures import colour_mask, fit, picture_row
from unetlite.unet import UNet

CLOSE_UP = 32  # pixels
RIPPLE = 48  # pixels
LARGEST = 1024  # pixels, of an image that is predicted whole for a picture
SIDE = 288  # pixels, of a larger picture in the report


@dataclass(frozen=True)
class Row:
    """A test image with every variant's picture of it.

    Attributes:
        title: its name and why it is shown.
        pictures: caption and RGB uint8 (H, W, 3), the image and the truth first.
    """

    title: str
    pictures: list[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Evidence:
    """All pictures; `missing` says why there are none of test images, if so."""

    images: list[Row]
    close_ups: list[Row]
    ripples: Row
    missing: str | None = None


def gather_evidence(comparison: Comparison, networks: Mapping[str, UNet], count: int = 3) -> Evidence:
    """Pictures of the hardest and of the most different test images, predicted by each variant's first seed."""
    ripples = ripple_row(networks)
    try:
        data = open_data(comparison)
    except (UsageError, OSError, RuntimeError) as error:
        return Evidence([], [], ripples, f"There are no pictures of test images: {error}")
    split = data.store.splits["test"]
    index = {name: k for k, name in enumerate(split.names)}
    images, close_ups = [], []
    for position, why in choose(comparison, count):
        name = comparison.first.images[position]
        if name not in index:
            return Evidence(
                [], [], ripples, f"There are no pictures of test images: {name} is not in the data set here."
            )
        pixels, mask = split[split.whole(index[name])]
        part = ""
        if max(mask.shape) > LARGEST:
            pixels, mask, part = pixels[:, :LARGEST, :LARGEST], mask[:LARGEST, :LARGEST], ", its upper left"
        with torch.inference_mode():
            found = {variant: network(pixels[None]).argmax(1)[0].numpy() for variant, network in networks.items()}
        truth, colours = mask.numpy(), data.store.colours
        rows = {
            variant: picture_row(pixels.numpy(), truth, prediction.astype(np.uint8), colours)
            for variant, prediction in found.items()
        }
        image, true, *_ = next(iter(rows.values()))
        scores = {v: comparison.variants[v][0].scores("miou_per_image")[position] for v in found}
        wrong = [(f"{v}, mIoU {scores[v]:.3f}", reduced(row[3])) for v, row in rows.items()]
        images.append(Row(f"{name}{part}: {why}", [("image", reduced(image)), ("truth", reduced(true)), *wrong]))
        window = most_different(truth, list(found.values()))
        drawn = [(v, outlined(prediction, truth, colours, window)) for v, prediction in found.items()]
        title = f"{name}: the {CLOSE_UP} pixels around where the variants differ most"
        close_ups.append(Row(title, [("image", image[window]), ("truth", true[window]), *drawn]))
    return Evidence(images, close_ups, ripples)


def open_data(comparison: Comparison) -> SegmentationData:
    """The data set of the runs, as it is on this machine; nothing is downloaded.

    Raises:
        UsageError: it is not here, or the variants differ in it.
    """
    if comparison.by.startswith("data") or any(key.startswith("data") for key in comparison.allowed):
        raise UsageError("the runs differ in the data set.")
    return data_of_run(comparison.first.config)


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of at most SIDE pixels."""
    return picture if max(picture.shape[:2]) <= SIDE else np.array(fit(Image.fromarray(picture), SIDE))


def choose(comparison: Comparison, count: int) -> list[tuple[int, str]]:
    """Test images and why: those with the lowest IoU over all runs, and those where variants differ most."""
    table = np.array(
        [[run.scores("miou_per_image") for run in runs] for runs in comparison.variants.values()]
    )  # (V, S, N)
    level, spread = table.mean((0, 1)), table.mean(1).std(0)
    usable = np.flatnonzero(~np.isnan(level))
    hardest = usable[np.argsort(level[usable], kind="stable")][:count].tolist()
    different = [k for k in usable[np.argsort(-spread[usable], kind="stable")].tolist() if k not in hardest][:count]
    chosen = [(k, f"among the hardest, mIoU {level[k]:.3f} over all runs") for k in hardest]
    return chosen + [(k, f"among the most different, mIoU ± {spread[k]:.3f} over variants") for k in different]


def most_different(truth: np.ndarray, predictions: Sequence[np.ndarray]) -> tuple[slice, slice]:
    """The window of CLOSE_UP pixels with the most pixels that some variants have right and others wrong.

    Where they all agree, the one with the most errors.
    """
    wrong = np.stack([(p != truth) & (truth != IGNORE) for p in predictions]).astype(float)
    density = ndimage.uniform_filter(wrong.var(0) + 1e-3 * wrong.mean(0), CLOSE_UP, mode="constant")
    centre = np.unravel_index(density.argmax(), density.shape)
    starts = [
        int(np.clip(c - CLOSE_UP // 2, 0, max(0, n - CLOSE_UP))) for c, n in zip(centre, truth.shape, strict=True)
    ]
    return slice(starts[0], starts[0] + CLOSE_UP), slice(starts[1], starts[1] + CLOSE_UP)


def outlined(
    prediction: np.ndarray, truth: np.ndarray, colours: Sequence[tuple[int, int, int]], window: tuple[slice, slice]
) -> np.ndarray:
    """The predicted classes in a window, enlarged eightfold, with the true contours drawn white on black."""
    enlarged = np.kron(prediction[window], np.ones((8, 8), int))
    picture = colour_mask(enlarged.astype(np.uint8), colours)
    true = np.kron(truth[window], np.ones((8, 8), int))
    contour = (ndimage.maximum_filter(true, 3) != true) | (ndimage.minimum_filter(true, 3) != true)
    picture[ndimage.binary_dilation(contour)] = 0
    picture[contour] = 255
    return picture


def ripple_row(networks: Mapping[str, UNet]) -> Row:
    """What each network makes of a constant image: the logits of its last class inside, less their mean."""
    answers = {}
    for name, network in networks.items():
        # A window that the padding at the frame cannot reach, whatever the operator.
        reach = layers(network, 16, 16)[-1].receptive_field
        side = reach + RIPPLE
        constant = network.mean.expand(1, -1, side, side)  # the mean image
        start = (side - RIPPLE) // 2
        with torch.inference_mode():
            inside = network(constant)[0, -1, start : start + RIPPLE, start : start + RIPPLE].numpy()
        answers[name] = inside - inside.mean()
    scale = max(float(max(np.abs(answer).max() for answer in answers.values())), 1e-6)
    pictures = [
        (f"{name}, ± {answer.std():.3f}", np.kron(diverging(answer / scale), np.ones((4, 4, 1), np.uint8)))
        for name, answer in answers.items()
    ]
    return Row(f"all pictures range over ± {scale:.3f}", pictures)


def diverging(values: np.ndarray) -> np.ndarray:
    """-1 to 1 as blue, white, orange: RGB uint8 (H, W, 3)."""
    blue, white, orange = (np.array(colour, float) for colour in ((0, 90, 160), (255, 255, 255), (213, 94, 0)))
    amount = np.abs(values)[..., None].clip(0, 1)
    side = np.where(values[..., None] < 0, blue, orange)
    return (white + amount * (side - white)).round().astype(np.uint8)
