"""The validation scores of runs over their steps."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from unetlite.compare.runs import Run
from unetlite.errors import UsageError
from unetlite.judge.trend import MIN_POINTS, MIN_TRAININGS, Trend, late_trend
from unetlite.tables import read_csv
from unetlite.wording import counted


class Curve(NamedTuple):
    """Scores of validation images (S,) after so many training steps (S,)."""

    steps: np.ndarray
    scores: np.ndarray  # (S,), or (runs, S) of several


def read_curve(run: Run) -> Curve | None:
    """The mean IoU of a run's validation images; None in runs of earlier versions.

    Raises UsageError if the file is damaged.
    """
    file = run.files.curve
    if not file.exists():
        return None
    try:
        table = read_csv(file)
        steps = np.array(table["step"], dtype=float)
        scores = np.array(table["miou"], dtype=float)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{file} is damaged ({error}). {run.files.remedy}") from None
    return Curve(steps, scores)


def read_trend(runs: Sequence[Run]) -> Trend | None:
    """The gain of these runs at their end; None if one of them has no curve, or too short a one."""
    curves = []
    for run in runs:
        curve = read_curve(run)
        if curve is None:
            return None
        curves.append((curve.steps, curve.scores))
    return late_trend(curves)


def missing_trend(runs: Sequence[Run]) -> str:
    """Why these runs do not show what they gain at their end: what there is too little of."""
    validations = []
    for run in runs:
        curve = read_curve(run)
        if curve is None:
            return f"{run.files.path} is of an earlier version, and has no validation curve"
        validations.append(len(curve.steps))
    fewest = min(validations, default=0)
    if fewest < MIN_POINTS:
        return (
            f"{counted(fewest, 'validation')} in a training, and {MIN_POINTS} or more show what "
            "it gains (trainer.max_epochs)"
        )
    return f"too few trainings whose scores moved; {MIN_TRAININGS} or more show what they gain"


def read_curves(variants: Mapping[str, Sequence[Run]]) -> dict[str, Curve]:
    """The curves of each variant's runs (runs, S), at the steps that all of them have.

    A variant is left out if one of its runs has no curve.
    """
    curves = {}
    for name, runs in variants.items():
        of_runs = [read_curve(run) for run in runs]
        recorded = [curve for curve in of_runs if curve is not None]
        if len(recorded) < len(runs):
            continue
        steps = recorded[0].steps
        for curve in recorded:
            steps = np.intersect1d(steps, curve.steps)
        if len(steps) == 0:
            continue
        scores = [curve.scores[np.isin(curve.steps, steps)] for curve in recorded]
        curves[name] = Curve(steps, np.array(scores))
    return curves
