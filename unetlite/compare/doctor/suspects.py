"""Images to look at: all networks fail on them, or their masks fit elsewhere better."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from unetlite.classes import IGNORE
from unetlite.compare.comparison import Comparison
from unetlite.compare.doctor.misplaced import Fit, Shift, find_fit, find_shift, overlap
from unetlite.compare.doctor.run_data import predict_classes, small_images
from unetlite.compare.report.figures import fit_picture
from unetlite.compare.runs import Run
from unetlite.data.loader import SegmentationData
from unetlite.network.unet import UNet
from unetlite.visualize import Pictures, colour_mask

FAILED = 0.25  # of the median image's score: what all networks are below is named
DOUBTFUL = 0.8  # of the same: below, other places for the mask are tried
MIN_LEARNT = 0.2  # a median score from which on networks know what they look for
MIN_IMAGES = 8  # to speak of a median
MAX_NETWORKS = 3  # that vote
MAX_EXAMINED = 60  # images of a split, the worst of the test images
MAX_PIXELS = 2**23  # of the images of a split that are predicted
MAX_MASKS = 2**26  # pixels of masks that a prediction is compared with
MIN_DRAWN = 20  # pixels of a mask; fewer may be equal by chance
MAX_SHOWN = 6  # images in the report


class Suspect(NamedTuple):
    """An image, why it is one to look at, and what is shown of it."""

    name: str
    split: str
    reason: str  # a sentence
    pictures: Pictures


@dataclass(frozen=True)
class Suspects:
    """What to look at, most conspicuous first."""

    failed: list[Suspect] = field(default_factory=list)  # by all networks
    misplaced: list[Suspect] = field(default_factory=list)  # masks that belong elsewhere

    @property
    def ordered(self) -> list[Suspect]:
        """All of them, each image with the reason that explains most."""
        explained = {suspect.name for suspect in self.misplaced}
        others = [suspect for suspect in self.failed if suspect.name not in explained]
        return [*self.misplaced, *others]

    @property
    def sentences(self) -> list[str]:
        """The reasons."""
        return [suspect.reason for suspect in self.ordered]

    @property
    def pictures(self) -> dict[str, Pictures]:
        """Image, mask and majority prediction by reason."""
        shown = {}
        for suspect in self.ordered[:MAX_SHOWN]:
            if suspect.pictures:
                shown[suspect.reason] = suspect.pictures
        return shown


class Examined(NamedTuple):
    """An image with what networks that were not trained on it predict."""

    name: str
    split: str
    rgb: np.ndarray  # uint8 (H, W, 3)
    mask: np.ndarray  # class indices (H, W)
    majority: np.ndarray  # class indices (H, W)
    background: int  # the commonest class

    @property
    def drawn(self) -> np.ndarray:
        """Where the mask has another class than the commonest, (H, W)."""
        return is_drawn(self.mask, self.background)

    @property
    def predicted(self) -> np.ndarray:
        """Where the networks see another class than the commonest, (H, W)."""
        return self.majority != self.background

    @property
    def iou(self) -> float:
        """The IoU of both."""
        return overlap(self.predicted, self.drawn)

    def suspect(self, reason: str, data: SegmentationData) -> Suspect:
        """As one to look at, for this reason."""
        return Suspect(self.name, self.split, reason, suspect_pictures(self, data))


def find_suspects(comparison: Comparison, data: SegmentationData | None) -> Suspects:
    """Test images on which all trainings fail, and masks of test and validation images that fit
    another image or place better than their own.

    Without the data there are no pictures.
    """
    runs = comparison.runs
    scores = best_scores(runs)
    median = float(np.nanmedian(scores)) if not np.isnan(scores).all() else 0.0
    if len(scores) < MIN_IMAGES or median < MIN_LEARNT:
        return Suspects()
    order = np.argsort(scores, kind="stable")  # NaN is last
    failed = [k for k in order.tolist() if scores[k] < FAILED * median]
    background = runs[0].classes[background_of(runs[0])]
    reasons = {}
    for k in failed:
        reasons[runs[0].images[k]] = (
            f"All {len(runs)} trainings fail on {runs[0].images[k]} (test): IoU {scores[k]:.2f} at "
            f"best, where the median test image has {median:.2f} ({background} left out)."
        )
    if data is None:
        return Suspects([Suspect(name, "test", reason, {}) for name, reason in reasons.items()])
    doubtful = [runs[0].images[k] for k in order.tolist() if scores[k] < DOUBTFUL * median]
    return examine(
        data,
        list(comparison.networks.values())[:MAX_NETWORKS],
        reasons,
        doubtful[:MAX_EXAMINED],
        median,
    )


def examine(
    data: SegmentationData,
    networks: Sequence[UNet],
    reasons: Mapping[str, str],
    doubtful: Sequence[str],
    median: float,
) -> Suspects:
    """Predicts doubtful test images, and validation images, and looks where their masks fit."""
    images = list(predict_images(data, "test", doubtful, networks))
    shown = {each.name: suspect_pictures(each, data) for each in images}
    failed = []
    for name, reason in reasons.items():
        failed.append(Suspect(name, "test", reason, shown.get(name, {})))
    suspects = Suspects(failed)
    validation_images = data.dataset.splits["val"].names[:MAX_EXAMINED]
    images += predict_images(data, "val", validation_images, networks)
    for each in images:
        if each.iou >= DOUBTFUL * median:
            continue
        cause = None
        if each.split == "test" and each.name in reasons:
            cause = same_mask_reason(each, data)
        if cause is None:
            cause = misplaced_reason(each, data, median)
        if cause is not None:
            suspects.misplaced.append(each.suspect(cause, data))
    return suspects


def same_mask_reason(image: Examined, data: SegmentationData) -> str | None:
    """Which other image has the mask of an image on which all fail, in a sentence; None if none.

    Masks that several others have are drawn after a template.
    """
    drawn = image.drawn
    if drawn.sum() < MIN_DRAWN:
        return None
    same = []
    for split_name, name, mask in masks_of_size(data, image):
        if np.array_equal(mask, drawn):
            same.append((split_name, name))
    if len(same) != 1:
        return None
    ((split_name, name),) = same
    split = data.dataset.splits[split_name]
    other, _ = split[split.full_crop(split.names.index(name))]
    if np.array_equal(data.dataset.display.rgb(other.numpy()), image.rgb):
        return None
    return (
        f"{image.name} ({image.split}) and {name} ({split_name}) have the same mask, but their "
        f"images differ; all trainings fail on {image.name}, so it is most likely that of {name}."
    )


def misplaced_reason(image: Examined, data: SegmentationData, median: float) -> str | None:
    """Where the mask of an image fits better, in a sentence; None if nowhere.

    `median` is the IoU of a usual image.
    """
    shift = find_shift(image.predicted, image.drawn, median)
    if shift is not None:
        return shift_sentence(image.name, shift)
    masks = ((name, mask) for _, name, mask in masks_of_size(data, image))
    fit = find_fit(image.predicted, masks, image.iou, median)
    if fit is not None:
        return fit_sentence(image.name, fit)
    return None


def shift_sentence(name: str, shift: Shift) -> str:
    """Such as "The mask of 017 is shifted by 8 pixels to the right ..."."""
    parts = []
    if shift.down:
        parts.append(f"{abs(shift.down)} pixels {'down' if shift.down > 0 else 'up'}")
    if shift.right:
        direction = "to the right" if shift.right > 0 else "to the left"
        parts.append(f"{abs(shift.right)} pixels {direction}")
    return (
        f"The mask of {name} is shifted by {' and '.join(parts)}: IoU with the prediction "
        f"{shift.before:.2f}, moved back {shift.after:.2f}."
    )


def fit_sentence(name: str, fit: Fit) -> str:
    """Such as "The mask of 042 fits the image 077 ..."."""
    return (
        f"The mask of {fit.name} fits the image {name} better than its own: IoU with the "
        f"prediction {fit.overlap:.2f}, that of its own mask {fit.own:.2f}."
    )


def background_class(data: SegmentationData) -> int:
    """The commonest class of the training images."""
    labels = data.dataset.splits["train"].labels[: len(data.dataset.classes)]
    return int(np.argmax(labels))


def best_scores(runs: Sequence[Run]) -> np.ndarray:
    """The best IoU of any run on each test image (N,), of all classes but the commonest at once.

    NaN for an image that has none of them.
    """
    scores = []
    for run in runs:
        counts = run.counts("overlap")  # (N, K, 3)
        others = np.delete(counts, background_of(run), axis=1).sum(1)  # (N, 3)
        true_positive, _, false_negative = others.T
        has_truth = true_positive + false_negative > 0
        union = others.sum(1)
        scores.append(np.where(has_truth, true_positive / np.maximum(union, 1), np.nan))
    return np.max(scores, axis=0)


def background_of(run: Run) -> int:
    """The class with most pixels of the truth."""
    return int(run.class_pixels.sum(0).argmax())


def predict_images(
    data: SegmentationData,
    split_name: str,
    names: Sequence[str],
    networks: Sequence[UNet],
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Examined]:
    """Images of a split by name, with the majority of the networks, up to so many pixels.

    Of equal votes the lowest class counts.
    """
    split = data.dataset.splits[split_name]
    indices = map(split.names.index, names)
    for index, image, mask in small_images(split, indices, max_pixels):
        votes = torch.stack([torch.from_numpy(predict_classes(each, image)) for each in networks])
        majority = votes.mode(0).values.numpy()
        rgb = data.dataset.display.rgb(image.numpy())
        yield Examined(
            split.names[index],
            split_name,
            rgb,
            mask.numpy(),
            majority,
            background_class(data),
        )


def masks_of_size(data: SegmentationData, image: Examined) -> Iterator[tuple[str, str, np.ndarray]]:
    """The masks of other images of that size: split, name, and where something is drawn (H, W)."""
    remaining = MAX_MASKS
    for split_name, split in data.dataset.splits.items():
        for index, name in enumerate(split.names):
            if tuple(split.sizes[index]) != image.mask.shape or name == image.name:
                continue
            remaining -= image.mask.size
            if remaining < 0:
                return
            mask = split[split.full_crop(index)].mask.numpy()
            yield split_name, name, is_drawn(mask, image.background)


def is_drawn(mask: np.ndarray, background: int) -> np.ndarray:
    """Where a mask (H, W) has another class than the commonest."""
    return (mask != background) & (mask != IGNORE)


def suspect_pictures(image: Examined, data: SegmentationData) -> Pictures:
    """The pictures of an image, its mask and the majority prediction, none larger than SIDE."""
    pictures = {
        "image": image.rgb,
        "mask": colour_mask(image.mask, data.dataset.colours),
        "prediction": colour_mask(image.majority, data.dataset.colours),
    }
    return {caption: fit_picture(picture) for caption, picture in pictures.items()}
