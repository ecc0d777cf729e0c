"""Pictures of where variants differ: test images, and features of the decoder."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from unetlite.classes import IGNORE, Colour
from unetlite.compare.comparison import Comparison
from unetlite.compare.doctor.run_data import RunData
from unetlite.data.cache import Crop, Split
from unetlite.network.unet import UNet
from unetlite.visualize import (
    Pictures,
    densest_window,
    enlarge,
    error_legend,
    error_pictures,
    fit,
    framed,
    shows_most_classes,
)

LARGEST = 1024  # pixels, of the part of an image that is predicted for a picture
COARSE = 8  # pixels, of the steps in which such a part is looked for
SIDE = 288  # pixels, of a larger picture in the report
ZOOM = 3  # of the part of an image that is shown with its errors
IMAGES = 4  # in the report


class Figures(NamedTuple):
    """Rows of pictures by title: the image, a part of it, its truth, and one of every variant."""

    images: dict[str, Pictures]
    features: dict[str, Pictures]
    legend: dict[str, Colour]  # of the errors
    missing: str | None = None  # why there are no pictures


class Prediction(NamedTuple):
    """What a network makes of one image."""

    classes: np.ndarray  # uint8 (H, W)
    features: list[Tensor]  # (C, h, w) of every decoder step, coarsest first


def draw_figures(comparison: Comparison, run_data: RunData, focus_class: str) -> Figures:
    """A test image with the most classes, and those in which the variants differ most.

    They are predicted by the run to use of each variant. Errors are those of one class.
    """
    classes = comparison.runs[0].classes
    focus = classes.index(focus_class)
    legend = error_legend(classes, focus)
    if run_data.data is None:
        missing = f"There are no pictures of test images: {run_data.missing}"
        return Figures({}, {}, legend, missing)
    dataset = run_data.data.dataset
    split = dataset.splits["test"]
    figures = Figures({}, {}, legend)
    scored = comparison.runs_to_use()
    for position, reason in images_to_draw(comparison, split).items():
        name = comparison.runs[0].images[position]
        crop = crop_to_draw(split, split.names.index(name), focus)
        if max(split.sizes[crop.image]) > LARGEST:
            name += ", a part of it"
        image, mask = split[crop]
        rgb = dataset.display.rgb(image.numpy())
        predictions = {
            variant: predict(network, image) for variant, network in comparison.networks.items()
        }
        rows = {}
        for variant, prediction in predictions.items():
            score = scored[variant].image_scores("miou_per_image")[position]
            rows[f"{variant}, mean IoU {score:.3f} (test)"] = error_pictures(
                rgb,
                mask.numpy(),
                prediction.classes,
                dataset.colours,
                focus,
            )
        figures.images[f"{name}: {reason}"] = zoomed(rows, error_density(mask, predictions, focus))
        if not figures.features:
            figures.features.update(draw_features(name, rgb, predictions))
    return figures


def crop_to_draw(split: Split, index: int, focus: int) -> Crop:
    """An image, or the part of a large one with most pixels of a class."""
    height, width = split.sizes[index]
    if max(height, width) <= LARGEST:
        return split.full_crop(index)
    coarse = split[split.full_crop(index)].mask.numpy()[::COARSE, ::COARSE]
    rows, columns = densest_window(coarse == focus, LARGEST // COARSE)
    top, left = COARSE * rows.start, COARSE * columns.start
    return Crop(index, top, left, min(LARGEST, height - top), min(LARGEST, width - left))


def error_density(mask: Tensor, predictions: Mapping[str, Prediction], focus: int) -> np.ndarray:
    """How many variants are wrong at each pixel, (H, W).

    A pixel of the class `focus` counts as one more, so that a part with errors shows some of it.
    """
    truth = mask.numpy()
    wrong = (truth == focus).astype(np.int32)
    for prediction in predictions.values():
        wrong += (prediction.classes != truth) & (truth != IGNORE)
    return wrong


def zoomed(rows: Mapping[str, Pictures], density: np.ndarray) -> Pictures:
    """The image, then its part with most errors, enlarged: as it is, its truth, and each error.

    `rows` are the pictures of each variant.
    """
    first = next(iter(rows.values()))
    window = densest_window(density, SIDE // ZOOM)
    height, width = density.shape
    pictures: Pictures = {}
    if min(height, width) > SIDE // ZOOM:
        pictures["image"] = framed(fit_picture(first["image"]), shrink(window, height, width))
    pictures["part"] = enlarge(first["image"][window], ZOOM)
    pictures["truth"] = enlarge(first["truth"][window], ZOOM)
    for caption, drawn in rows.items():
        pictures[caption] = enlarge(drawn["error"][window], ZOOM)
    return pictures


def shrink(window: tuple[slice, slice], height: int, width: int) -> tuple[slice, slice]:
    """A window of an image in the picture that `fit_picture` makes of it."""
    factor = min(1, SIDE / max(height, width))
    rows, columns = window
    return (
        slice(round(rows.start * factor), round(rows.stop * factor)),
        slice(round(columns.start * factor), round(columns.stop * factor)),
    )


def images_to_draw(comparison: Comparison, split: Split) -> dict[int, str]:
    """By position, the test images to draw, and why: first the one that shows most classes."""
    pixels = comparison.runs[0].class_pixels  # (N, K)
    first = shows_most_classes(pixels)
    count = np.count_nonzero(pixels[first])
    reasons = most_differing(comparison, split)
    reason = reasons.pop(first, f"shows {count} of {pixels.shape[1]} classes")
    others = list(reasons.items())[: IMAGES - 1]
    return {first: reason, **dict(others)}


def most_differing(comparison: Comparison, split: Split) -> dict[int, str]:
    """By position, the test images in which the variants differ most, and by how much.

    They are taken from the brighter half, where an eye sees most.
    """
    by_variant = []
    for runs in comparison.variants.values():
        scores = [run.image_scores("miou_per_image") for run in runs]
        by_variant.append(np.mean(scores, axis=0))
    level = np.mean(by_variant, axis=0)  # (N,)
    spread = np.std(by_variant, axis=0)
    means = []
    for name in comparison.runs[0].images:
        crop = split.full_crop(split.names.index(name))
        means.append(split[crop].image.float().mean())
    brightness = np.array(means)
    usable = np.flatnonzero(~np.isnan(level))
    if len(usable) > IMAGES:
        median = np.median(brightness[usable])
        usable = usable[brightness[usable] >= median]
    order = np.argsort(-spread[usable], kind="stable")
    reasons = {}
    for position in usable[order][:IMAGES].tolist():
        reasons[position] = (
            f"mean IoU {level[position]:.3f} (test) over all trainings, standard deviation "
            f"{spread[position]:.3f} over {comparison.noun}s"
        )
    return reasons


@torch.inference_mode()
def predict(network: UNet, image: Tensor) -> Prediction:
    """The classes of an image (C, H, W), and the features of the decoder."""
    features: list[Tensor] = []

    def remember(step: nn.Module, inputs: Any, output: Any) -> None:
        features.append(output[0])

    hooks = [step.register_forward_hook(remember) for step in network.decoder]
    classes = network(image[None]).argmax(1)[0].byte().numpy()
    for hook in hooks:
        hook.remove()
    return Prediction(classes, features)


def draw_features(
    name: str, image: np.ndarray, predictions: Mapping[str, Prediction]
) -> dict[str, Pictures]:
    """The output of each step of each variant's decoder for one test image, coarsest first."""
    rows = {}
    steps = len(next(iter(predictions.values())).features)
    for step in range(steps):
        pictures: Pictures = {"image": image}
        for variant, prediction in predictions.items():
            pictures[variant] = principal_components(prediction.features[step])
            height, width = prediction.features[step].shape[1:]
        title = f"{name}: decoder step {step + 1} of {steps}, {height} x {width}"
        rows[title] = {caption: fit_picture(drawn) for caption, drawn in pictures.items()}
    return rows


def principal_components(features: Tensor) -> np.ndarray:
    """RGB uint8 (H, W, 3): the first three principal components of features (C, H, W).

    Each is scaled from its 1st to its 99th percentile. A component's sign is arbitrary: here each
    rises with the sum of all channels.
    """
    flat = features.flatten(1).double()  # (C, HW)
    flat = flat - flat.mean(1, keepdim=True)
    eigenvectors = torch.linalg.eigh(flat @ flat.T).eigenvectors
    axes = eigenvectors[:, -3:].flip(1)  # (C, 3), largest first
    axes = axes * axes.sum(0).sign()
    components = (flat.T @ axes).numpy()  # (HW, 3 at most)
    low, high = np.percentile(components, (1, 99), axis=0)
    scaled = 255 * np.clip((components - low) / np.maximum(high - low, 1e-12), 0, 1)
    missing = 3 - scaled.shape[1]  # of a decoder of one or two channels
    rgb = np.pad(scaled, ((0, 0), (0, missing))).astype(np.uint8)
    return rgb.reshape(*features.shape[1:], 3)


def fit_picture(picture: np.ndarray) -> np.ndarray:
    """The same picture, not larger than SIDE pixels."""
    if max(picture.shape[:2]) <= SIDE:
        return picture
    return np.array(fit(Image.fromarray(picture), SIDE))
