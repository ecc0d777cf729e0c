"""How thick the classes are in pixels, and what scaling images down would erase."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from unetlite.classes import IGNORE

THIN = 2.0  # pixels; what is thinner is easily lost
THINNEST = 5  # per cent of the middle line
MAX_LOSS = 0.05  # the share of the middle line that scaling may make THIN
MAX_SIDE = 1024  # pixels of a mask that are measured


@dataclass(frozen=True)
class Thickness:
    """Of a class, along the middle lines of its areas, in pixels as stored."""

    median: float
    thinnest: float  # a twentieth of the middle lines is at most so thick
    relative: np.ndarray = field(repr=False)  # (n,), by the shorter side of the mask
    pixels: np.ndarray = field(repr=False)  # (n,)

    def loss(self, resize: int) -> float:
        """The share of the middle lines that scaling to this shorter side makes THIN, 0 to 1."""
        thin_before = (self.pixels < THIN).mean()
        thin_after = (self.relative * resize < THIN).mean()
        return float(thin_after - thin_before)

    @property
    def smallest_resize(self) -> int:
        """The shorter side down to which images may be scaled, so that little becomes THIN."""
        kept = self.relative[self.pixels >= THIN]
        if len(kept) == 0:
            return 1
        share = MAX_LOSS * len(self.pixels) / len(kept)
        return math.ceil(THIN / np.quantile(kept, min(share, 1), method="lower"))


def measure_thickness(masks: Iterable[np.ndarray], classes: int) -> list[Thickness | None]:
    """The thickness of every class in masks of class indices (H, W); None for an absent class."""
    pixels: list[list[np.ndarray]] = [[] for _ in range(classes)]
    relative: list[list[np.ndarray]] = [[] for _ in range(classes)]
    for mask in masks:
        shorter_side = min(mask.shape)
        cut = mask[:MAX_SIDE, :MAX_SIDE]
        for k in np.unique(cut[cut < classes]).tolist():
            measured = middle_line_thickness(cut == k, cut == IGNORE)
            pixels[k].append(measured)
            relative[k].append(measured / shorter_side)
    return [summarise(*parts) for parts in zip(pixels, relative, strict=True)]


def summarise(pixels: list[np.ndarray], relative: list[np.ndarray]) -> Thickness | None:
    """The thickness of a class by that in masks; None if there is none."""
    joined = np.concatenate([np.zeros(0), *pixels])
    if len(joined) == 0:
        return None
    return Thickness(
        median=float(np.median(joined)),
        thinnest=float(np.percentile(joined, THINNEST)),
        relative=np.concatenate(relative),
        pixels=joined,
    )


def middle_line_thickness(is_class: np.ndarray, is_ignored: np.ndarray) -> np.ndarray:
    """The thickness (n,) in pixels along the middle lines of areas (H, W).

    What the border of the image or ignored pixels cut off is not thin for that.
    """
    from scipy.ndimage import distance_transform_edt, maximum_filter

    rows, columns = np.nonzero(is_class)
    top, left = max(rows.min() - 1, 0), max(columns.min() - 1, 0)
    box = np.s_[top : rows.max() + 2, left : columns.max() + 2]
    inside = double((is_class | is_ignored)[box])
    # Every pixel is four, so that an even thickness has a middle, too. A middle is the deepest of
    # 5 x 5 of them: tips of one pixel are no areas of their own.
    distance = distance_transform_edt(inside)
    if inside.all():
        distance = np.full(inside.shape, float(min(is_class.shape)))
    is_middle = (distance >= maximum_filter(distance, 5)) & double(is_class[box])
    return np.minimum(distance[is_middle], min(is_class.shape))


def double(pixels: np.ndarray) -> np.ndarray:
    """(H, W) -> (2H, 2W), every pixel four times."""
    return pixels.repeat(2, 0).repeat(2, 1)


def describe_loss(name: str, thickness: Thickness, resize: int | None) -> list[str]:
    """A warning if data.resize makes much of a class thinner than 2 pixels."""
    if resize is None or thickness.loss(resize) <= MAX_LOSS:
        return []
    after = float(np.median(thickness.relative)) * resize
    return [
        f"data.resize={resize} makes {thickness.loss(resize):.0%} of {name} thinner than "
        f"{THIN:.0f} pixels (its median {thickness.median:.1f} becomes {after:.1f}), which is "
        f"easily lost; keep data.resize={thickness.smallest_resize} or more"
    ]
