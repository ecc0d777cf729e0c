"""Which trainings with levers fit into a time."""

from dataclasses import replace

import pytest
from races_to_plan import TIMES, USUAL

from unetlite.compare.levers.kinds import BASELINE, Lever
from unetlite.compare.levers.trials import MAX_SEEDS, MIN_SEEDS, plan_trials

LEVERS = [
    Lever("steps", "twice the steps", {"trainer.max_steps": 20}, decided_by_time=True),
    Lever("rate", "half the learning rate", {"trainer.learning_rate": 0.002}),
    Lever("dice", "a Dice loss of weight 2", {"trainer.dice_weight": 2.0}),
    Lever("crops", "crops of 64 pixels", {"data.crop_size": 64}),
]


@pytest.mark.parametrize("combined", [False, True])
def test_levers_and_steps_fit_into_the_time_and_the_last_are_left_out_first(combined):
    times = replace(TIMES, steps={**TIMES.steps, BASELINE: TIMES.steps["transpose"]})
    counts = []
    for seconds in (600, 1800, 7200, 10**6):
        planned = plan_trials(LEVERS, times, USUAL, seconds, 60, combined)
        if planned is None:
            counts.append(0)
            continue
        counts.append(len(planned.levers))
        assert planned.levers == LEVERS[: len(planned.levers)]
        assert planned.seconds <= 1.02 * seconds
        assert 60 <= planned.schedule.steps <= USUAL.steps
        assert planned.schedule.epochs == 1
        assert MIN_SEEDS <= planned.seeds <= MAX_SEEDS
        assert planned.seeds == MIN_SEEDS or planned.schedule.steps == USUAL.steps
    assert counts == sorted(counts)
    assert counts[-1] == len(LEVERS)
    assert planned.seeds == MAX_SEEDS
    assert plan_trials(LEVERS, times, USUAL, 10, 60, combined) is None
