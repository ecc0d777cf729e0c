"""Why scores give no verdict: networks that have learnt nothing, and scores that are all equal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unetlite.compare.runs import Run
from unetlite.judge.learning import missed_classes, missing_spread
from unetlite.judge.scores import Scores
from unetlite.metrics.counts import iou_of_counts
from unetlite.wording import join_names


def objection(runs: Sequence[Run], scores: Scores) -> str | None:
    """Why there can be no verdict from these runs and their scores, and what to change."""
    unlearnt = missed_reason(runs)
    if unlearnt is not None:
        return f"No verdict: {unlearnt}"
    return missing_spread(scores)


def missed_reason(runs: Sequence[Run]) -> str | None:
    """Which classes no run has learnt, and what to change; None if there is none."""
    counts = [run.total_counts for run in runs]  # (K, 3) each
    missed = missed_classes(counts)
    if not missed:
        return None
    return (
        f"none of {len(runs)} trainings has learnt {join_classes(runs[0], counts, missed)}, "
        f"so their scores say nothing about what is compared. {remedy(runs[0].config)}"
    )


def rare_class_cautions(runs: Sequence[Run]) -> list[str]:
    """A sentence on the classes that some runs have learnt, but fewer than half of them."""
    counts = [run.total_counts for run in runs]  # (K, 3) each
    half = len(runs) // 2
    missed = missed_classes(counts)
    rare = [k for k in missed_classes(counts, half) if k not in missed]
    if not rare:
        return []
    return [
        f"Fewer than {half} of {len(runs)} trainings have learnt "
        f"{join_classes(runs[0], counts, rare)}. {remedy(runs[0].config)}"
    ]


def join_classes(run: Run, counts: Sequence[np.ndarray], indices: Sequence[int]) -> str:
    """Classes with their shares of the test pixels and their best IoU, in a sentence."""
    pixels = run.class_pixels.sum(0)  # (K,)
    texts = []
    for k in indices:
        best = max(iou_of_counts(of_run[k]) for of_run in counts)
        share = f"{pixels[k] / pixels.sum():.2%} of the test pixels"
        texts.append(f"the class {run.classes[k]} ({share}, best IoU {best:.4f})")
    return join_names(texts)


def remedy(config: Mapping[str, Any]) -> str:
    """What may help a network to learn a rare class, with the settings as they are."""
    trainer = config["trainer"]
    data = config["data"]
    length = f"trainer.max_epochs, {trainer.get('max_epochs')} now"
    if trainer.get("max_steps", -1) > 0:
        length += f"; trainer.max_steps, {trainer['max_steps']} now"
    batch, crop, dice = data.get("batch_size"), data.get("crop_size"), trainer.get("dice_weight")
    return (
        f"Train more steps ({length}; a smaller data.batch_size, {batch} now, or more "
        f"data.crops_per_image make more of an epoch), take larger crops (data.crop_size, {crop} "
        f"now), raise trainer.dice_weight ({dice} now), or leave the class out of data.classes."
    )
