"""Mean, deviation and range: those of NumPy, without what is no value and with few outliers."""

import numpy as np
import pytest
from helpers import noise

from unetlite.data import normalisation
from unetlite.data.normalisation import Histogram, SampledPixels


def test_bytes_have_the_mean_and_the_deviation_of_all_pixels():
    images = [noise(3, 7, 9, seed=k) for k in range(4)]
    histogram = Histogram(3, np.dtype(np.uint8))
    for image in images:
        histogram.add(image, None)
    statistics = histogram.statistics()
    pixels = np.concatenate([image.reshape(3, -1) for image in images], axis=1)
    np.testing.assert_allclose(statistics.mean, pixels.mean(1))
    np.testing.assert_allclose(statistics.std, pixels.std(1))
    assert (statistics.low, statistics.high) == ([0] * 3, [255] * 3)


def add_and_summarise(kind, image, valid=None):
    counter = SampledPixels(len(image))
    if kind == np.uint16:
        counter = Histogram(len(image), np.dtype(kind))
    counter.add(image.astype(kind), valid)
    return counter.statistics()


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_hot_pixels_change_next_to_nothing(kind):
    image = (noise(2, 100, 100).astype(int) + 200).astype(np.float64)
    clean = add_and_summarise(kind, image)
    image[:, 5, :4] = 65535
    hot = add_and_summarise(kind, image)
    np.testing.assert_allclose(hot.mean, clean.mean, rtol=0.01)
    np.testing.assert_allclose(hot.std, clean.std, rtol=0.02)
    assert max(hot.high) <= 455


def test_pixels_without_data_do_not_count():
    image = noise(1, 20, 30).astype(np.float64)
    valid = np.zeros((20, 30), bool)
    valid[:, 10:] = True
    expected = add_and_summarise(np.uint16, image[..., 10:])
    assert add_and_summarise(np.uint16, image, valid) == expected
    image[:, ~valid] = np.nan
    with_nan = add_and_summarise(np.float32, image)
    np.testing.assert_allclose(with_nan.mean, expected.mean, rtol=0.01)
    nothing = add_and_summarise(np.float32, image * np.nan)
    assert nothing == ([0], [0], [0], [0])


def test_a_sample_of_many_images_stays_small_and_fair(monkeypatch):
    monkeypatch.setattr(normalisation, "SAMPLED", 1000)
    counter = SampledPixels(1)
    for k in range(50):
        counter.add(np.full((1, 30, 30), k, np.float32), None)
    assert counter.values.shape[1] <= 2000
    assert counter.statistics().mean[0] == pytest.approx(24.5, abs=1)
