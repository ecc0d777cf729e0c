"""Pictures of where variants differ: whole test images, close-ups of boundaries, and the ripple of a constant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from unetlite.checkpoint import load_network
from unetlite.compare.runs import Comparison
from unetlite.config import split_data
from unetlite.data.module import SegmentationData
from unetlite.data.source import IGNORE
from unetlite.errors import UsageError
from unetlite.pictures import colour_mask, picture_row
from unetlite.unet import UNet

CLOSE_UP = 32  # pixels
RIPPLE = 48  # pixels
LARGEST = 1024  # pixels, of an image that is predicted whole for a picture


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


def gather_evidence(comparison: Comparison, count: int = 3) -> Evidence:
    """Pictures of the hardest and of the most different test images, predicted by each variant's first seed."""
    networks = {name: load_network(runs[0].path / "best.ckpt").eval() for name, runs in comparison.variants.items()}
    ripples = ripple_row(networks)
    config = comparison.first.config
    loader, source = split_data(config["data"])
    try:
        data = SegmentationData(source, Path(config["data_dir"]), loader, seed=0)
    except (UsageError, OSError) as error:
        return Evidence([], [], ripples, f"the data set could not be opened: {error}")
    split = data.store.splits["test"]
    index = {name: k for k, name in enumerate(split.names)}
    images, close_ups = [], []
    for name, why in choose(comparison, count):
        if name not in index:
            return Evidence([], [], ripples, f"the data set has no test image {name} any more")
        pixels, mask = split[split.whole(index[name])]
        if max(mask.shape) > LARGEST:
            pixels, mask = pixels[:, :LARGEST, :LARGEST], mask[:LARGEST, :LARGEST]
        with torch.inference_mode():
            found = {variant: network(pixels[None]).argmax(1)[0].numpy() for variant, network in networks.items()}
        image, truth = pixels.numpy(), mask.numpy()
        rows = {v: picture_row(image, truth, prediction.astype(np.uint8), data.store.colours)
                for v, prediction in found.items()}  # fmt: skip
        shown = next(iter(rows.values()))
        position = comparison.first.images.index(name)
        scores = {v: comparison.variants[v][0].scores("miou_per_image")[position] for v in found}
        images.append(
            Row(
                f"{name}: {why}",
                [("image", shown[0]), ("truth", shown[1])]
                + [(f"{v}, mIoU {scores[v]:.3f}", row[3]) for v, row in rows.items()],
            )
        )
        window = most_different(truth, list(found.values()))
        close_ups.append(
            Row(
                f"{name}: the {CLOSE_UP} pixels around where the variants differ most",
                [("image", shown[0][window]), ("truth", shown[1][window])]
                + [(v, outlined(prediction, truth, data.store.colours, window)) for v, prediction in found.items()],
            )
        )
    return Evidence(images, close_ups, ripples)


def choose(comparison: Comparison, count: int) -> list[tuple[str, str]]:
    """Test images and why: those with the lowest IoU over all runs, and those where variants differ most."""
    names = np.array(comparison.first.images)
    table = np.array(
        [[run.scores("miou_per_image") for run in runs] for runs in comparison.variants.values()]
    )  # (V, S, N)
    level, spread = table.mean((0, 1)), table.mean(1).std(0)
    hardest = np.argsort(level, kind="stable")[:count]  # NaN comes last
    different = [k for k in np.argsort(-spread, kind="stable") if k not in hardest and spread[k] == spread[k]][:count]
    chosen = [(names[k], f"among the hardest, mIoU {level[k]:.3f} over all runs") for k in hardest]
    return chosen + [(names[k], f"among the most different, mIoU ± {spread[k]:.3f} over variants") for k in different]


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


def ripple_row(networks: dict[str, UNet]) -> Row:
    """What each network makes of a constant image: its logits inside, less their mean, all at one scale."""
    answers, captions = [], []
    for name, network in networks.items():
        stride = 2**network.config.depth
        side = 12 * stride + RIPPLE
        constant = network.mean.expand(1, -1, side, side)  # the mean image: what is left is the network's own
        with torch.inference_mode():
            logits = network(constant)
        start = (side - RIPPLE) // 2
        inside = logits[0, -1, start : start + RIPPLE, start : start + RIPPLE].numpy()
        answers.append(inside - inside.mean())
        captions.append(f"{name}, ± {inside.std():.3f}")
    scale = max(float(np.abs(np.stack(answers)).max()), 1e-6)
    pictures = [np.kron(diverging(answer / scale), np.ones((4, 4, 1), np.uint8)) for answer in answers]
    return Row(f"all pictures range over ± {scale:.3f}", list(zip(captions, pictures, strict=True)))


def diverging(values: np.ndarray) -> np.ndarray:
    """-1 to 1 as blue, white, orange: RGB uint8 (H, W, 3)."""
    blue, white, orange = (np.array(colour, float) for colour in ((0, 90, 160), (255, 255, 255), (213, 94, 0)))
    amount = np.abs(values)[..., None].clip(0, 1)
    side = np.where(values[..., None] < 0, blue, orange)
    return (white + amount * (side - white)).round().astype(np.uint8)
