"""What trainings have learnt: the classes that they predict better than by chance."""

from collections.abc import Sequence

import numpy as np

from unetlite.judge.scores import Scores

MIN_SKILL = 0.01  # of a class that was learnt


def class_skills(counts: np.ndarray) -> np.ndarray:
    """How much better than chance a training predicts each class (K,): 1 is perfect, 0 is chance.

    `counts` (K, 3) are TP, FP and FN. A prediction that ignores the image, with a share p of the
    pixels for a class that has a share t, has the IoU p t / (p + t - p t). The skill is
    (IoU - chance) / (1 - chance). It is NaN for a class that the truth has nowhere or everywhere.

    >>> class_skills(np.array([[98, 2, 0], [0, 0, 2]]))  # all is predicted as the first class
    array([0., 0.])
    """
    true_positive, false_positive, false_negative = counts.astype(float).T
    truth = true_positive + false_negative  # (K,)
    pixels = truth.sum()
    t = truth / pixels
    p = (true_positive + false_positive) / pixels
    skills = np.full(len(counts), np.nan)
    judged = (t > 0) & (t < 1)
    p, t = p[judged], t[judged]
    chance = p * t / (p + t - p * t)
    iou = true_positive[judged] / (truth + false_positive)[judged]
    skills[judged] = (iou - chance) / (1 - chance)
    return skills


def missed_classes(counts: Sequence[np.ndarray], trainings: int = 1) -> list[int]:
    """The indices of the classes in the truth that fewer than so many trainings have learnt.

    `counts` (K, 3) are those of every training on the same test images. If it is all classes, the
    most frequent one is left out: it was predicted everywhere.
    """
    skills = np.array([class_skills(of_training) for of_training in counts])  # (trainings, K)
    judged = ~np.isnan(skills[0])
    learnt = (skills >= MIN_SKILL).sum(0)
    missed = np.flatnonzero(judged & (learnt < trainings)).tolist()
    if len(missed) == judged.sum() > 0:
        truth = counts[0][:, 0] + counts[0][:, 2]
        missed.remove(max(missed, key=truth.__getitem__))
    return missed


def missing_spread(scores: Scores) -> str | None:
    """Why scores without spread give no verdict; None if they have some."""
    tables = np.stack(list(scores.values.values()))  # (V, S, N)
    if (tables == tables[0]).all():
        return (
            "No verdict: all variants have the same scores to the last digit "
            f"({tables.mean():.4f} on average). Equal scores without any spread are no evidence; "
            "take test images that are harder, or more of them, and see that the runs are no "
            "copies of each other."
        )
    means = tables.mean(2)
    differences = means - means[0]
    rounding = 1e-12 * np.abs(means).max() + 1e-50
    if len(scores.seeds) > 1 and (np.ptp(differences, axis=1) <= rounding).all():
        return (
            "No verdict: the variants differ by the same in every seed, to the last digit. "
            "Differences without any spread are no evidence; give scores that are not rounded, "
            "and see that the runs are no copies of each other."
        )
    return None
