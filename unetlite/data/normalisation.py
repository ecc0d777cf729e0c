"""Mean, deviation and range of the channels of training images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unetlite.errors import UsageError
from unetlite.settings.schema import PixelType
from unetlite.visualize import Display, default_channels

RANGE_SHARES = (0.001, 0.999)
"""The shares of the pixels below the ends of a range, so that hot and dead pixels are outside."""

SAMPLED = 2**20  # pixels of a channel that stand for all of them, of floats


class ChannelStatistics(NamedTuple):
    """Of each channel (C,), in pixel values.

    The range is that of the type for uint8, else from the 0.1 % to the 99.9 % quantile. Mean and
    deviation are of the values clipped to it.
    """

    mean: list[float]
    std: list[float]
    low: list[float]  # the lower end of the range
    high: list[float]


def make_display(
    channels: Sequence[int] | None,
    pixel_type: PixelType,
    low: Sequence[float],
    high: Sequence[float],
) -> Display:
    """How images are shown whose channels have these ranges: by `data.display`, or None.

    Raises UsageError for a channel that is not there.
    """
    count = len(low)
    shown = default_channels(count) if channels is None else tuple(channels)
    if max(shown) > count:
        raise UsageError(
            f"data.display={list(shown)}: the images have {count} channel(s), counted from 1."
        )
    if pixel_type == "uint8":
        return Display(shown)
    return Display(shown, tuple(low), tuple(high))


class Histogram:
    """How often integer pixels have each value, by channel."""

    def __init__(self, channels: int, dtype: np.dtype):
        self.dtype = dtype
        self.size = int(np.iinfo(dtype).max) + 1
        self.counts = np.zeros((channels, self.size), np.int64)

    def add(self, image: np.ndarray, valid: np.ndarray | None) -> None:
        """Counts the pixels of an image (C, H, W) that are valid (H, W)."""
        for counts, channel in zip(self.counts, image, strict=True):
            values = channel.ravel() if valid is None else channel[valid]
            counts += np.bincount(values, minlength=self.size)

    def statistics(self) -> ChannelStatistics:
        """Of all pixels that were counted."""
        channels = []
        for counts in self.counts:
            low, high = 0, 255
            if self.dtype != np.uint8:
                low, high = self.range(counts)
            values = np.arange(self.size, dtype=np.float64).clip(low, high)
            pixels = max(counts.sum(), 1)
            mean = counts @ values / pixels
            variance = counts @ values**2 / pixels - mean**2
            channels.append((mean, np.sqrt(max(variance, 0)), low, high))
        return by_statistic(channels)

    def range(self, counts: np.ndarray) -> tuple[int, int]:
        """The values between which RANGE_SHARES of the pixels are."""
        shares = counts.cumsum() / max(counts.sum(), 1)
        low, high = np.searchsorted(shares, RANGE_SHARES)
        return int(low), int(min(high, self.size - 1))


class SampledPixels:
    """Some pixels of images of floats, at equal distances, up to twice SAMPLED of a channel."""

    def __init__(self, channels: int):
        self.values = np.empty((channels, 0), np.float32)
        self.distance = 1

    def add(self, image: np.ndarray, valid: np.ndarray | None) -> None:
        """Takes some pixels of an image (C, H, W). Those without data are NaN in it."""
        taken = image.reshape(len(image), -1)[:, :: self.distance]
        self.values = np.concatenate([self.values, taken], axis=1)
        while self.values.shape[1] > 2 * SAMPLED:
            self.values = self.values[:, ::2]
            self.distance *= 2

    def statistics(self) -> ChannelStatistics:
        """Of the pixels that were taken and are finite."""
        channels = []
        for channel in self.values:
            values = channel[np.isfinite(channel)].astype(np.float64)
            if values.size == 0:
                values = np.zeros(1)
            low, high = np.quantile(values, RANGE_SHARES)
            clipped = values.clip(low, high)
            channels.append((clipped.mean(), clipped.std(), low, high))
        return by_statistic(channels)


def by_statistic(channels: Sequence[tuple[float, ...]]) -> ChannelStatistics:
    """The statistics of channels, of which each has a tuple in the order of the fields."""
    return ChannelStatistics(*np.array(channels, np.float64).T.tolist())
