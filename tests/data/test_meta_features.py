"""What sets look like, in numbers."""

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.meta_features import border_gradient, measure_meta_features
from unetlite.data.samples import Sample

MASK = np.zeros((60, 60), np.uint8)
MASK[:, 20:30] = 1


def test_stripes_are_measured_in_pixels_and_shares():
    colours = np.stack([MASK * 200, MASK * 0, MASK * 100]).astype(np.uint8)
    grey = np.stack([MASK * 200] * 3).astype(np.uint8)
    features = measure_meta_features([Sample("a", colours, MASK, "a")], images=7, classes=3)
    assert (features.images, features.classes, features.pixels) == (7, 3, 60)
    assert abs(features.foreground - 1 / 6) < 1e-9
    assert abs(features.thickness - 10) <= 1
    assert features.colour > 0
    assert measure_meta_features([Sample("a", grey, MASK, "a")], 7, 3).colour == 0
    assert np.isfinite(features.coordinates()).all()


def test_a_sharp_truth_has_the_gradient_of_the_image_at_its_borders():
    image = MASK * 100.0
    moved = np.roll(MASK, 8, axis=1)
    assert border_gradient(image, MASK) > 5 * border_gradient(image, moved)
    assert border_gradient(image * 0, MASK) is None
    ignored = np.where(np.arange(60) % 2, IGNORE, 0) * np.ones((60, 1), int)
    assert border_gradient(image, ignored.astype(np.uint8)) is None


def test_an_image_without_any_class_but_one_has_looks():
    features = measure_meta_features(
        [Sample("a", np.zeros((1, 9, 9), np.uint8), MASK[:9, :9], "a")], 1, 2
    )
    assert np.isfinite(features.coordinates()).all()
