"""Where a mask fits better than where it is: moved by some pixels, or on another image."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

MAX_SHIFT = 16  # pixels
MIN_SHIFT = 3
MIN_GAIN = 0.15  # of IoU
MIN_FACTOR = 1.4  # of the same
MIN_OVERLAP = 0.6  # of the median image's IoU: what fits is at least so good


class Shift(NamedTuple):
    """How far a mask is from where it fits, in pixels, and its IoU with the prediction."""

    down: int
    right: int
    before: float
    after: float  # moved back


class Fit(NamedTuple):
    """A mask that fits an image better than its own."""

    name: str
    overlap: float  # IoU with the prediction
    own: float  # that of the image's own mask


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """The IoU of two areas (H, W), 0 if both are empty."""
    union = (first | second).sum()
    return float((first & second).sum() / max(union, 1))


def find_shift(prediction: np.ndarray, mask: np.ndarray, median: float) -> Shift | None:
    """How far a mask (H, W) is shifted from the prediction; None if moving it gains little.

    `median` is the IoU of a usual image.
    """
    from scipy.signal import correlate

    room = MAX_SHIFT
    height, width = mask.shape
    if min(height, width) <= 2 * room or not mask.any():
        return None
    inner = prediction[room:-room, room:-room]
    common = correlate(
        mask.astype(np.float32),
        inner.astype(np.float32),
        mode="valid",
        method="fft",
    )
    down, right = np.unravel_index(common.argmax(), common.shape)
    down, right = int(down) - room, int(right) - room
    moved = mask[room + down : height - room + down, room + right : width - room + right]
    before = overlap(inner, mask[room:-room, room:-room])
    after = overlap(inner, moved)
    is_far = max(abs(down), abs(right)) >= MIN_SHIFT
    gains = after >= before + MIN_GAIN and after >= MIN_FACTOR * before
    if is_far and gains and after >= MIN_OVERLAP * median:
        return Shift(down, right, before, after)
    return None


def find_fit(
    prediction: np.ndarray,
    masks: Iterable[tuple[str, np.ndarray]],
    own: float,
    median: float,
) -> Fit | None:
    """The mask among named ones (H, W) that fits the prediction much better than its own, if any.

    `own` is the IoU with the own mask, `median` that of a usual image.
    """
    best = Fit("", 0.0, own)
    for name, mask in masks:
        value = overlap(prediction, mask)
        if value > best.overlap:
            best = Fit(name, value, own)
    gains = best.overlap >= own + MIN_GAIN and best.overlap >= MIN_FACTOR * own
    if gains and best.overlap >= MIN_OVERLAP * median:
        return best
    return None
