"""Classes and channels of a folder, as they are inspected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unetlite.classes import Colour
from unetlite.data.decoding import make_counter
from unetlite.data.doctor.thickness import Thickness, measure_thickness
from unetlite.data.labels import ClassTable
from unetlite.data.samples import Sample, spread_positions

MAX_MEASURED = 40  # masks whose thickness is measured, evenly spread
BINS = 24  # of a histogram

Masks = Mapping[str, np.ndarray]  # mask values by what messages call a mask


@dataclass
class ClassSummary:
    """A class in the masks that were inspected."""

    name: str
    colour: Colour
    share: float  # of the pixels with a truth, 0 to 1
    masks: int  # that have it
    thickness: Thickness | None = None  # None for an absent class


@dataclass
class NoData:
    """The pixels of images that have no data."""

    images: int = 0  # that have some
    missing: int = 0  # pixels
    pixels: int = 0  # of all images

    def add(self, mask: np.ndarray, valid: np.ndarray | None) -> None:
        """Counts an image by its mask (H, W), and by where it has data, bool (H, W)."""
        self.pixels += mask.shape[0] * mask.shape[1]
        if valid is not None:
            self.images += 1
            self.missing += valid.size - int(valid.sum())


@dataclass
class ChannelSummary:
    """A channel of the images that were inspected."""

    low: float  # the lower end of its range, see data.normalisation
    high: float
    mean: float
    std: float
    histogram: list[int]  # pixels in BINS equal parts of the range


def summarise_classes(
    masks: Iterable[np.ndarray], count: int, table: ClassTable
) -> list[ClassSummary]:
    """The classes of the table, with their shares and thickness in so many masks of indices (H, W).

    What is ignored enters neither.
    """
    counts = []
    measured = []
    chosen = spread_positions(count, MAX_MEASURED)
    for position, indices in enumerate(masks):
        if position in chosen:
            measured.append(indices)
        counts.append(np.bincount(indices.ravel(), minlength=256)[: len(table.names)])
    by_mask = np.array(counts)  # (masks, K)
    thicknesses = measure_thickness(measured, len(table.names))
    shares = by_mask.sum(0) / max(by_mask.sum(), 1)
    summaries = []
    for k, name in enumerate(table.names):
        present = int((by_mask[:, k] > 0).sum())
        summaries.append(
            ClassSummary(
                name,
                table.colours[k],
                float(shares[k]),
                present,
                thicknesses[k],
            )
        )
    return summaries


def summarise_channels(samples: Sequence[Sample]) -> list[ChannelSummary]:
    """Range, mean, deviation and histogram of the channels of images."""
    counter = make_counter(samples[0].image)
    for sample in samples:
        counter.add(sample.image, sample.valid)
    statistics = counter.statistics()
    summaries = []
    for k, (mean, std, low, high) in enumerate(zip(*statistics, strict=True)):
        histogram = np.zeros(BINS, np.int64)
        for sample in samples:
            values = sample.image[k] if sample.valid is None else sample.image[k][sample.valid]
            histogram += np.histogram(values, BINS, (low, max(high, low + 1e-6)))[0]
        summaries.append(ChannelSummary(low, high, mean, std, histogram.tolist()))
    return summaries
