"""Pictures of where variants differ: test images, and features of the decoder."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unetlite.compare.runs import Comparison, controlled
from unetlite.data.batches import SegmentationData, data_of_run
from unetlite.data.cache import Window
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
    """All pictures; `missing` says why there are none of test images, if so."""

    images: list[Row]
    features: list[Row]
    missing: str | None = None


def gather_evidence(comparison: Comparison, networks: Mapping[str, UNet]) -> Evidence:
    """Pictures of test images in which the variants differ most, predicted by each variant's first seed."""
    try:
        data = open_data(comparison)
    except (UsageError, OSError, RuntimeError) as error:
        return Evidence([], [], f"There are no pictures of test images: {error}")
    chosen = choose(comparison, data)
    images = [draw_image(comparison, networks, data, *each) for each in chosen]
    return Evidence(images, draw_features(comparison, networks, data, chosen[0][0]))


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
    name, pixels, mask = read_image(comparison, data, position)
    wrong = []
    for variant, network in networks.items():
        with torch.inference_mode():
            prediction = network(pixels[None]).argmax(1)[0].byte().numpy()
        image, true, _, error = picture_row(pixels.numpy(), mask.numpy(), prediction, data.store.colours)
        score = comparison.variants[variant][0].scores("miou_per_image")[position]
        wrong.append((f"{variant}, mIoU {score:.3f}", reduced(error)))
    return Row(f"{name}: {why}", [("image", reduced(image)), ("truth", reduced(true)), *wrong])


def read_image(comparison: Comparison, data: SegmentationData, position: int) -> tuple[str, Tensor, Tensor]:
    """The name of a test image, its pixels (C, H, W) and its mask (H, W); of a large one the upper left."""
    name, split = comparison.first.images[position], data.store.splits["test"]
    index = split.names.index(name)
    height, width = split.sizes[index]
    part = ", its upper left" if max(height, width) > LARGEST else ""
    return f"{name}{part}", *split[Window(index, 0, 0, min(height, LARGEST), min(width, LARGEST))]


def draw_features(
    comparison: Comparison, networks: Mapping[str, UNet], data: SegmentationData, position: int
) -> list[Row]:
    """What each step of each variant's decoder hands on, of one test image, coarsest first."""
    name, pixels, _ = read_image(comparison, data, position)
    maps: dict[str, list[Tensor]] = {variant: [] for variant in networks}
    for variant, network in networks.items():
        keep = partial(lambda found, module, given, result: found.append(result[0]), maps[variant])
        hooks = [step.register_forward_hook(keep) for step in network.decoder]
        with torch.inference_mode():
            network(pixels[None])
        for hook in hooks:
            hook.remove()
    image, rows = np.broadcast_to(pixels.numpy(), (3, *pixels.shape[1:])).transpose(1, 2, 0), []
    for level, features in enumerate(zip(*maps.values(), strict=True)):
        pictures = [(v, reduced(principal_components(map))) for v, map in zip(networks, features, strict=True)]
        height, width = features[0].shape[1:]
        title = f"{name}: decoder step {level + 1} of {len(network.decoder)}, {height} x {width}"
        rows.append(Row(title, [("image", reduced(image)), *pictures]))
    return rows


def principal_components(features: Tensor) -> np.ndarray:
    """RGB uint8 (H, W, 3) of features (C, H, W): their first three principal components, 1st to 99th percentile.

    A component's sign is arbitrary: here each rises with the sum of all channels.
    """
    flat = features.flatten(1).double()  # (C, HW)
    flat = flat - flat.mean(1, keepdim=True)
    axes = torch.linalg.eigh(flat @ flat.T).eigenvectors[:, -3:].flip(1)  # (C, 3), largest first
    parts = (flat.T @ (axes * axes.sum(0).sign())).numpy()  # (HW, 3 at most)
    low, high = np.percentile(parts, (1, 99), axis=0)
    scaled = 255 * np.clip((parts - low) / np.maximum(high - low, 1e-12), 0, 1)
    missing = (0, 0), (0, 3 - scaled.shape[1])  # of a decoder of one or two channels
    return np.pad(scaled, missing).astype(np.uint8).reshape(*features.shape[1:], 3)


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of at most SIDE pixels."""
    return picture if max(picture.shape[:2]) <= SIDE else np.array(fit(Image.fromarray(picture), SIDE))
