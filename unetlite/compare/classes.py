"""What the networks are worth by class, and beside predictions that take no training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP
from statistics import mean

import numpy as np

from unetlite.compare.comparison import Comparison
from unetlite.compare.runs import Run
from unetlite.data.cache import DecodedDataset, Split
from unetlite.data.samples import spread_positions
from unetlite.judge.analysis import analyse
from unetlite.judge.verdict import format_number
from unetlite.metrics.counts import iou_of_counts
from unetlite.metrics.trivial import BINS, most_frequent_iou, threshold_iou
from unetlite.wording import join_names

MAX_IMAGES = 100  # of a split, in which a threshold is looked for


@dataclass(frozen=True)
class ClassScores:
    """Of one class, as means over the seeds of one variant. NaN where there is nothing to score."""

    name: str
    share: float  # of the test pixels
    iou: list[float]  # of each seed
    precision: float
    recall: float
    recall_2px: float | None  # within two pixels; None: not recorded
    precision_2px: float | None


def class_scores(runs: Sequence[Run]) -> list[ClassScores]:
    """The classes that the test images have, worst IoU first."""
    counts = np.array([run.total_counts for run in runs])  # (runs, K, 3)
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    truth = runs[0].class_pixels.sum(0)  # (K,)
    with np.errstate(invalid="ignore"):
        precision = tp / (tp + fp)
        recall = tp / (tp + fn)
    iou = iou_of_counts(counts)
    scores = []
    for k, name in enumerate(runs[0].classes):
        if truth[k] == 0:
            continue
        of_class = ClassScores(
            name=name,
            share=truth[k] / truth.sum(),
            iou=iou[:, k].tolist(),
            precision=float(np.nan_to_num(precision[:, k]).mean()),
            recall=float(recall[:, k].mean()),
            recall_2px=recorded_mean(runs, f"test/recall_2px/{name}"),
            precision_2px=recorded_mean(runs, f"test/precision_2px/{name}"),
        )
        scores.append(of_class)
    return sorted(scores, key=lambda of_class: mean(of_class.iou))


def scores_by_class(comparison: Comparison) -> dict[str, dict[str, ClassScores]]:
    """Of every variant, by the name of the class, worst IoU first."""
    by_variant = {}
    for name, runs in comparison.variants.items():
        by_variant[name] = {scores.name: scores for scores in class_scores(runs)}
    return by_variant


def recorded_mean(runs: Sequence[Run], name: str) -> float | None:
    """The mean of a score over the runs that have one; None if there is none."""
    values = [run.metrics[name] for run in runs if name in run.metrics]
    present = [value for value in values if value is not None]
    return mean(present) if present else None


def worst_class(comparison: Comparison) -> str:
    """The class with the lowest IoU over all runs."""
    return class_scores(comparison.runs)[0].name


def worst_class_sentence(comparison: Comparison, variant: str) -> str:
    """The worst class in a sentence: its scores with one variant, and the range over variants."""
    name = worst_class(comparison)
    by_variant = scores_by_class(comparison)
    scores = by_variant[variant][name]
    means = [mean(by_class[name].iou) for by_class in by_variant.values()]
    text = (
        f"The worst class is {name} ({scores.share:.1%} of the test pixels): IoU "
        f"{mean(scores.iou):.3f} (test) with {variant}, precision {scores.precision:.3f}, "
        f"recall {scores.recall:.3f}"
    )
    if scores.recall_2px is not None:
        text += f"; {scores.recall_2px:.0%} of it is found within two pixels"
    others = f"Over the {comparison.noun}s its IoU is"
    return f"{text}. {others} {min(means):.3f} to {max(means):.3f}."


def class_loss_sentences(comparison: Comparison, variant: str) -> list[str]:
    """What a variant can lose in the IoU of the worst class, in a sentence.

    None without a verdict, or if a race dropped variants: they may be better in this class.
    """
    if comparison.dropped:
        return []
    label = worst_class(comparison)
    scores = comparison.tabulate(lambda run: run.class_influence(label))
    title = f"IoU of {label}"
    best = analyse(scores, title, scores.by_run(), {}, comparison.alpha).best
    if best is None:
        return []
    regret = best.regret[variant]
    if regret == 0:
        return [f"In the {title}, the worst class, it is the best too (95 % for this alone)."]
    bound = format_number(regret, ROUND_UP)
    return [
        f"In the {title}, the worst class, {variant} is at most {bound} below the best (95 % for "
        "this alone)."
    ]


def trivial_scores(comparison: Comparison, dataset: DecodedDataset | None) -> dict[str, np.ndarray]:
    """The IoU of each class (K,) by predictions that take no training, by what they are.

    Without the data set only those that need no image.
    """
    frequent = most_frequent_iou(comparison.runs[0].class_pixels.sum(0))
    scores = {"the most frequent class everywhere": frequent}
    if dataset is not None and len(dataset.classes) == 2:
        train, test = dataset.splits["train"], dataset.splits["test"]
        low, high = grey_range(train)
        histograms = [grey_histograms(split, low, high) for split in (train, test)]
        scores["a threshold of the grey value"] = threshold_iou(*histograms)
    return scores


def grey_range(split: Split) -> tuple[float, float]:
    """The lowest and highest grey value of some images, but for one in a thousand."""
    limits = []
    for grey, _ in grey_images(split):
        limits.append(np.percentile(grey, (0.1, 99.9)))
    low, high = np.array(limits).T
    return float(low.min()), float(high.max())


def grey_histograms(split: Split, low: float, high: float) -> np.ndarray:
    """Pixels of both classes (2, BINS) by grey value, the mean of the channels."""
    histograms = np.zeros((2, BINS), np.int64)
    for grey, mask in grey_images(split):
        bins = (grey - low) * (BINS / max(high - low, 1e-30))
        bins = bins.clip(0, BINS - 1).astype(np.int64)
        for k in range(2):
            histograms[k] += np.bincount(bins[mask == k], minlength=BINS)
    return histograms


def grey_images(split: Split) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Grey values and classes (H, W) of MAX_IMAGES images or fewer, from the first to the last."""
    for index in spread_positions(len(split), MAX_IMAGES):
        image, mask = split[split.full_crop(index)]
        yield np.nan_to_num(image.float().mean(0).numpy()), mask.numpy()


def no_better_than_trivial(comparison: Comparison, trivial: Mapping[str, np.ndarray]) -> list[str]:
    """A sentence on the variants whose mean IoU is at most that of a trivial prediction."""
    best = max(trivial, key=lambda name: np.nanmean(trivial[name]))
    bound = float(np.nanmean(trivial[best]))
    poor = []
    for name, by_seed in comparison.run_scores("miou").items():
        if mean(by_seed.values()) <= bound:
            poor.append(name)
    if not poor:
        return []
    verb = "is" if len(poor) == 1 else "are"
    return [
        f"{join_names(poor)} {verb} no better than {best}, which has a mean IoU of {bound:.3f}."
    ]
