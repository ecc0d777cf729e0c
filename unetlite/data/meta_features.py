"""Meta-features: a few numbers of images and masks by which data sets are compared."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.doctor.thickness import measure_thickness
from unetlite.data.samples import Sample

SHARES = ("colour", "foreground")  # of the features


@dataclass(frozen=True)
class MetaFeatures:
    """What a data set looks like."""

    classes: int
    images: int
    pixels: float  # a side of a square with the area of an image, the median
    colour: float  # the mean range of a pixel over the channels, by the range of all pixels
    foreground: float  # the share of all classes but the commonest, 0 to 1
    thickness: float  # pixels: the median of the class with the thinnest areas, but the commonest
    sharpness: float  # the image's gradient at borders of classes, by its mean everywhere

    def coordinates(self) -> np.ndarray:
        """(7,) on scales on which sets can be compared: ratios for all but the SHARES."""
        coordinates = []
        for name, value in vars(self).items():
            coordinates.append(value if name in SHARES else math.log(max(value, 1e-3)))
        return np.array(coordinates)


def measure_meta_features(samples: Iterable[Sample], images: int, classes: int) -> MetaFeatures:
    """The meta-features of a set of so many images and classes, by some of its samples."""
    sides = []
    colours = []
    sharpness = []
    masks = []
    counts = np.zeros(classes, np.int64)
    for sample in samples:
        image = sample.image.astype(np.float32)
        masks.append(sample.mask)
        sides.append(math.sqrt(sample.mask.size))
        counts += np.bincount(sample.mask.ravel(), minlength=256)[:classes]
        extent = max(float(np.ptp(image)), 1e-6)
        colours.append(float(np.ptp(image, axis=0).mean()) / extent)
        ratio = border_gradient(image.mean(0), sample.mask)
        if ratio is not None:
            sharpness.append(ratio)
    commonest = int(counts.argmax())
    thicknesses = []
    for k, thickness in enumerate(measure_thickness(masks, classes)):
        if thickness is not None and k != commonest:
            thicknesses.append(thickness.median)
    return MetaFeatures(
        classes=classes,
        images=images,
        pixels=float(np.median(sides)),
        colour=float(np.mean(colours)),
        foreground=float(1 - counts[commonest] / max(counts.sum(), 1)),
        thickness=min(thicknesses, default=1.0),
        sharpness=float(np.median(sharpness)) if sharpness else 1.0,
    )


def border_gradient(grey: np.ndarray, mask: np.ndarray) -> float | None:
    """The mean gradient of (H, W) where the class changes, over that of all pixels.

    None if no class changes, or the image is constant.
    """
    if min(mask.shape) < 2:
        return None
    gradient = np.hypot(*np.gradient(grey))
    border = np.zeros(mask.shape, bool)
    labelled = mask != IGNORE
    border[:, 1:] |= (mask[:, 1:] != mask[:, :-1]) & labelled[:, 1:] & labelled[:, :-1]
    border[1:] |= (mask[1:] != mask[:-1]) & labelled[1:] & labelled[:-1]
    mean = float(gradient.mean())
    if mean == 0 or not border.any():
        return None
    return float(gradient[border].mean()) / mean
