"""Whether the networks are trained, in a plain answer."""

from decimal import ROUND_UP

from unetlite.compare.levers.outcome import MeasuredLever
from unetlite.compare.levers.table import LONGER_TRAINING, Levers, gain_text
from unetlite.judge.trend import FAR, Trend, trend_text
from unetlite.judge.verdict import format_number


def trained_sentence(trend: Trend | str, levers: Levers | None, steps: int) -> str:
    """Whether networks of so many steps are trained: yes, no, or not known, and by what number.

    `trend` is why there is none, if it is text.
    """
    row = longer_training(levers, steps)
    is_far = isinstance(trend, Trend) and trend.is_far
    if is_far or levers is None or row is None:
        if isinstance(trend, str):
            return f"Not known: {trend}."
        return trend_text(trend)
    if row.gains:
        return f"Not fully trained: twice the steps gain {gain_text(row)} in mean IoU (val)."
    if row.high <= FAR * (1 - levers.outcome.miou):
        most = format_number(max(row.high, 0.0), ROUND_UP)
        return f"Trained: twice the steps gain at most {most} in mean IoU (val, 95 %)."
    return (
        f"Not known: twice the steps gain {gain_text(row)} in mean IoU (val), between nothing and "
        f"{format_number(row.high, ROUND_UP)}."
    )


def is_short(trend: Trend | None, levers: Levers | None, steps: int) -> bool:
    """True if networks are shown not to be fully trained."""
    if trend is not None and trend.is_far:
        return True
    row = longer_training(levers, steps)
    return row is not None and row.gains


def longer_training(levers: Levers | None, steps: int) -> MeasuredLever | None:
    """What twice the steps gain; None if that was measured with trainings that were shorter."""
    if levers is None or levers.record.trials.steps < steps:
        return None
    for row in levers.outcome.rows:
        if row.name == LONGER_TRAINING:
            return row
    return None
