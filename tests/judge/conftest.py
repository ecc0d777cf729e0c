"""Simulated scores whose truth is known."""

import numpy as np
import pytest


def simulated_scores(random, means, seeds, images, groups=None, deviations=1.0, heavy=False):
    """Scores (S, N) by variant, and the group of each image.

    Seeds and images have effects on all variants alike, and on each variant. Images of one group
    are correlated; without groups each image is its own.
    """
    variants = len(means)
    groups = images if groups is None else groups
    group_of_image = np.sort(np.arange(images) % groups)

    def draw(*shape):
        if heavy:
            return random.standard_t(3, shape) / np.sqrt(3)
        return random.standard_normal(shape)

    def image_effects(count):
        of_groups = draw(count, groups)[:, group_of_image]
        return 0.8 * draw(count, images) + 0.6 * of_groups

    scale = np.broadcast_to(deviations, variants)[:, None, None]
    scores = np.asarray(means)[:, None, None] + random.normal(size=(seeds, 1))
    scores = scores + scale * random.normal(size=(variants, seeds, 1))
    scores = scores + 5 * image_effects(1) + 4 * image_effects(variants)[:, None]
    scores = scores + 4 * random.normal(size=(variants, seeds, images))
    return {f"v{k}": table for k, table in enumerate(scores)}, group_of_image


@pytest.fixture(scope="session")
def simulate():
    return simulated_scores
