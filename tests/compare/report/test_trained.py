"""Whether networks are trained: the answer comes first, and only of trainings as long."""

from types import SimpleNamespace

import pytest

from unetlite.compare.levers.outcome import MeasuredLever
from unetlite.compare.report.trained import is_short, trained_sentence
from unetlite.judge.trend import Trend

SMALL = Trend(0.0167, 0.0144, 0.0198, lacking=0.28, trainings=21)
LARGE = Trend(0.08, 0.07, 0.09, lacking=0.28, trainings=21)


def levers(gain, half_width, steps):
    """Levers of which twice the steps, of a base with so many, have this gain."""
    low, high = gain - half_width, gain + half_width
    row = MeasuredLever("steps", "twice the steps", "", gain, low, high, 0.0, 2.0, 1.0)
    outcome = SimpleNamespace(rows=[row], miou=0.72)
    return SimpleNamespace(
        record=SimpleNamespace(trials=SimpleNamespace(steps=steps)), outcome=outcome
    )


@pytest.mark.parametrize(
    ("trend", "measured", "answer", "number"),
    [
        (SMALL, None, "Not known: ", "+0.0167"),
        (LARGE, levers(0.0, 0.001, 725), "Not fully trained: ", "+0.0800"),
        (SMALL, levers(0.03, 0.01, 725), "Not fully trained: ", "+0.0300 ± 0.0100"),
        (SMALL, levers(0.005, 0.01, 725), "Trained: ", "at most 0.015 "),
        (SMALL, levers(0.01, 0.05, 725), "Not known: ", "between nothing and 0.06"),
        (SMALL, levers(0.03, 0.01, 213), "Not known: ", "+0.0167"),  # that of shorter trainings
        ("2 validations in a training", None, "Not known: ", "2 validations"),
    ],
)
def test_the_answer_comes_first_and_then_its_number(trend, measured, answer, number):
    text = trained_sentence(trend, measured, 725)
    assert text.startswith(answer)
    assert number in text
    gains = trend if isinstance(trend, Trend) else None
    assert is_short(gains, measured, 725) == (answer == "Not fully trained: ")
