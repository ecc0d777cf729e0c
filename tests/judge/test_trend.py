"""Whether trainings were still gaining when they ended."""

import numpy as np

from unetlite.judge.trend import late_gain, late_trend, trend_text

STEPS = np.arange(1, 13) * 29


def saturating(pace, noise=0.0, seed=0):
    """A curve that approaches its end; `pace` in steps."""
    random = np.random.default_rng(seed)
    scores = 0.96 - 0.6 * np.exp(-STEPS / pace)
    return STEPS, scores + noise * random.standard_normal(len(STEPS))


def test_slow_trainings_are_far_from_trained_and_fast_ones_are_not():
    slow = late_trend([saturating(400, seed=k, noise=0.002) for k in range(6)])
    fast = late_trend([saturating(30, seed=k, noise=0.002) for k in range(6)])
    assert slow.is_far
    assert not fast.is_far
    assert trend_text(slow).startswith("Not fully trained: in the last third")
    assert trend_text(fast).startswith("Not known: in the last third")


def test_flat_curves_with_noise_are_seldom_called_far_from_trained():
    called = 0
    for number in range(300):
        curves = [saturating(5, noise=0.02, seed=(number, k)) for k in range(9)]
        called += late_trend(curves).is_far
    assert called <= 300 / 16


def test_the_interval_covers_the_true_gain_with_seven_in_eight_at_least():
    for count in (4, 9, 18):
        truth = late_gain(*saturating(150))
        covered = 0
        for number in range(200):
            curves = [saturating(150, noise=0.01, seed=(number, k)) for k in range(count)]
            trend = late_trend(curves)
            covered += trend.low <= truth <= trend.high
        assert covered / 200 > 7 / 8 - 0.05


def test_trainings_that_never_moved_do_not_hide_the_others():
    dead = (STEPS, np.full(len(STEPS), 0.25))
    slow = [saturating(400, seed=k, noise=0.002) for k in range(4)]
    assert late_trend([dead, dead, *slow]) == late_trend(slow)


def test_three_trainings_or_two_points_tell_nothing():
    assert late_trend([saturating(150)] * 3) is None
    short = (STEPS[:2], np.array([0.1, 0.2]))
    assert late_trend([short] * 4) is None
