"""Pictures of where variants differ: test images, and features of the decoder."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unetlite.compare.runs import Comparison, controlled
from unetlite.data.batches import SegmentationData, data_of_run
from unetlite.data.cache import Split, Window
from unetlite.errors import UsageError
from unetlite.network.unet import UNet
from unetlite.pictures import Pictures, fit, pictures_of
from unetlite.settings import source_options

LARGEST = 1024  # pixels, of an image that is predicted whole for a picture
SIDE = 288  # pixels, of a larger picture in the report


class Evidence(NamedTuple):
    """Every variant's pictures after the image and the truth, by title; `missing` says why there are none, if so."""

    images: dict[str, Pictures]
    features: dict[str, Pictures]
    missing: str | None = None


def gather_evidence(comparison: Comparison, networks: Mapping[str, UNet]) -> Evidence:
    """Pictures of test images in which the variants differ most, predicted by each variant's first seed."""
    try:
        data = open_data(comparison)
    except (UsageError, OSError, RuntimeError) as error:
        return Evidence({}, {}, f"There are no pictures of test images: {error}")
    split, evidence = data.store.splits["test"], Evidence({}, {})
    for position, why in choose(comparison, split):
        index = split.names.index(comparison.runs[0].images[position])
        height, width = split.sizes[index]
        pixels, mask = split[Window(index, 0, 0, min(height, LARGEST), min(width, LARGEST))]
        name = split.names[index] + ", its upper left" * (max(height, width) > LARGEST)
        found = {variant: predict(network, pixels) for variant, network in networks.items()}
        errors = {}
        for variant, (classes, _) in found.items():
            drawn = pictures_of(pixels.numpy(), mask.numpy(), classes, data.store.colours)
            score = comparison.variants[variant][0].scores("miou_per_image")[position]
            errors[f"{variant}, mIoU {score:.3f}"] = drawn["error"]
        evidence.images[f"{name}: {why}"] = reduced({"image": drawn["image"], "truth": drawn["truth"], **errors})
        if not evidence.features:
            maps = {variant: maps for variant, (_, maps) in found.items()}
            evidence.features.update(draw_features(name, drawn["image"], maps))
    return evidence


def open_data(comparison: Comparison) -> SegmentationData:
    """The data set of the runs. Raises UsageError if it is not here, or another one, or not the same for all."""
    sources = [controlled({"data": source_options(run.config["data"])}) for run in comparison.runs]
    if any(source != sources[0] for source in sources):
        raise UsageError("the runs differ in the data set.")
    data = data_of_run(comparison.runs[0].config)
    if absent := set(comparison.runs[0].images) - set(data.store.splits["test"].names):
        raise UsageError(f"{min(absent)} is not in the data set here.")
    return data


def choose(comparison: Comparison, split: Split, count: int = 4) -> list[tuple[int, str]]:
    """Test images in which the variants differ most, and by how much; of the brighter half, where an eye sees most."""
    table = np.array([[run.scores("miou_per_image") for run in runs] for runs in comparison.variants.values()])
    level, spread = table.mean((0, 1)), table.mean(1).std(0)  # of (V, S, N)
    pictures = (split[split.whole(split.names.index(name))].image for name in comparison.runs[0].images)
    light = np.array([picture.float().mean() for picture in pictures])
    usable = np.flatnonzero(~np.isnan(level))
    usable = usable[light[usable] >= np.median(light[usable])] if len(usable) > count else usable
    chosen = usable[np.argsort(-spread[usable], kind="stable")][:count].tolist()
    return [(k, f"mIoU {level[k]:.3f} over all runs, ± {spread[k]:.3f} over variants") for k in chosen]


@torch.inference_mode()
def predict(network: UNet, pixels: Tensor) -> tuple[np.ndarray, list[Tensor]]:
    """Classes uint8 (H, W) of an image (C, H, W), and what each decoder step hands on (C, h, w), coarsest first."""
    maps: list[Tensor] = []
    hooks = [step.register_forward_hook(lambda module, x, result: maps.append(result[0])) for step in network.decoder]
    classes = network(pixels[None]).argmax(1)[0].byte().numpy()
    for hook in hooks:
        hook.remove()
    return classes, maps


def draw_features(name: str, image: np.ndarray, maps: Mapping[str, list[Tensor]]) -> dict[str, Pictures]:
    """What each step of each variant's decoder hands on, of one test image, coarsest first."""
    drawn, steps = {}, list(zip(*maps.values(), strict=True))
    for number, features in enumerate(steps, 1):
        height, width = features[0].shape[1:]
        pictures = dict(zip(maps, map(principal_components, features), strict=True))
        title = f"{name}: decoder step {number} of {len(steps)}, {height} x {width}"
        drawn[title] = reduced({"image": image, **pictures})
    return drawn


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


def reduced(pictures: Pictures) -> Pictures:
    """The same, none larger than SIDE pixels."""
    large = {caption: picture for caption, picture in pictures.items() if max(picture.shape[:2]) > SIDE}
    return pictures | {caption: np.array(fit(Image.fromarray(each), SIDE)) for caption, each in large.items()}
