"""Features that go with differences are found, and others are not."""

import numpy as np
from results.moderators import find_moderators


def test_moderators_are_found_only_where_they_are():
    random = np.random.default_rng(0)
    features = random.normal(size=(4, 10))
    means = random.normal(size=(9, 10))
    by_chance = find_moderators(features, means)
    assert by_chance.p_value > 0.05
    means[3] = 2 * features[1] + 0.01 * random.normal(size=10)
    found = find_moderators(features, means)
    assert found.p_value < 0.01
    assert np.unravel_index(abs(found.correlations).argmax(), (4, 9)) == (1, 3)
    assert 0.6 < found.threshold < 1
