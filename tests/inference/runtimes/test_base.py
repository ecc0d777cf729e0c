"""A runtime whose output does not match its metadata is refused."""

import numpy as np
import pytest
from helpers import as_trained, make_metadata

from unetlite import UsageError
from unetlite.inference.runtimes.base import Runtime


class Constant(Runtime):
    """A runtime with a fixed output."""

    name = "Constant"

    def __init__(self, result, output):
        self.metadata = make_metadata(as_trained({"name": "nearest"}, widths=(4, 6)), output=output)
        self.result = result

    def infer(self, image):
        return self.result


PIXELS = np.zeros((1, 3, 2, 2), np.uint8)


def test_logits_become_probabilities_without_overflow():
    logits = np.array([1000.0, 0.0], np.float32).reshape(1, 2, 1, 1) * np.ones((1, 1, 2, 2), "f4")
    probabilities = Constant(logits, "logits").probabilities(PIXELS)
    np.testing.assert_array_equal(probabilities[:, 0], 1)
    np.testing.assert_array_equal(probabilities[:, 1], 0)


def test_classes_become_probabilities_of_0_and_1():
    classes = np.array([[[0, 1], [1, 0]]], np.uint8)
    probabilities = Constant(classes, "classes").probabilities(PIXELS)
    assert probabilities.dtype == np.float32
    np.testing.assert_array_equal(probabilities[0, 1], classes[0])
    np.testing.assert_array_equal(probabilities.sum(1), 1)


@pytest.mark.parametrize(
    ("result", "output"),
    [
        (np.zeros((1, 3, 2, 2), np.float32), "logits"),  # three classes for two
        (np.zeros((1, 2, 2), np.uint8), "logits"),
        (np.zeros((1, 2, 2, 2), np.float32), "classes"),
        (np.full((1, 2, 2, 2), np.nan, np.float32), "probabilities"),
    ],
)
def test_another_shape_or_values_that_are_not_finite_are_refused(result, output):
    with pytest.raises(UsageError, match="does not match its metadata"):
        Constant(result, output).probabilities(PIXELS)


class Recorder(Constant):
    """Keeps what it is given."""

    def infer(self, image):
        self.given = image
        return np.zeros((len(image), 2, *image.shape[2:]), np.float32)


def test_an_export_gets_the_type_it_takes_and_one_image_of_its_size():
    runtime = Recorder(None, "logits")
    fixed = {"input_type": "float32", "input_size": (4, 6)}
    runtime.metadata = runtime.metadata.model_copy(update=fixed)
    output = runtime.run(np.ones((3, 3, 4, 6), np.uint8))
    assert output.shape == (3, 2, 4, 6)
    assert runtime.given.shape == (1, 3, 4, 6)
    assert runtime.given.dtype == np.float32
    with pytest.raises(UsageError, match="6 x 4 pixels: this export takes 4 x 6 only"):
        runtime.run(np.ones((1, 3, 6, 4), np.uint8))
