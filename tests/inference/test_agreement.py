"""What an export must give to be kept, and how that is measured."""

import numpy as np
import pytest
import torch
from helpers import as_trained, make_metadata, make_model, noise

from unetlite import UsageError
from unetlite.inference import agreement
from unetlite.inference.agreement import Agreement, batches, check_agreement, measure_agreement


@pytest.mark.parametrize(
    ("operator", "precision", "measured"),
    [
        ("transpose", "float32", Agreement(1e-5, 1e-6, 1.0)),
        ("unpool", "float32", Agreement(0.5, 1e-6, 0.9995)),  # ties of maxima
        ("transpose", "bfloat16", Agreement(0.01, 1e-3, 0.9995)),
        ("transpose", "int8", Agreement(0.5, 0.1, 0.9)),
    ],
)
def test_an_export_that_agrees_is_kept(operator, precision, measured):
    network = as_trained({"name": operator}, widths=(4, 6))
    check_agreement(measured, make_metadata(network, precision=precision))


@pytest.mark.parametrize(
    ("operator", "precision", "measured"),
    [
        ("transpose", "float32", Agreement(1e-3, 1e-6, 1.0)),
        ("unpool", "float32", Agreement(0.5, 1e-3, 1.0)),
        ("transpose", "float32", Agreement(np.nan, np.nan, 1.0)),
        ("transpose", "int8", Agreement(np.inf, 0.1, 0.9)),
        ("transpose", "float32", Agreement(1e-5, 1e-6, 0.9)),
        ("transpose", "bfloat16", Agreement(0.01, 1e-3, 0.9)),
    ],
)
def test_an_export_that_differs_is_not_kept(operator, precision, measured):
    network = as_trained({"name": operator}, widths=(4, 6))
    with pytest.raises(UsageError, match="not kept"):
        check_agreement(measured, make_metadata(network, precision=precision))


def test_the_largest_difference_is_measured_relative_to_the_largest_logit(monkeypatch):
    monkeypatch.setattr(agreement, "SIZES", ((1, 20, 30), (2, 9, 9)))
    model = make_model()
    network = as_trained({"name": "bilinear"}, widths=(4, 6, 8))
    images = [noise(3, 16, 40), noise(3, 16, 40, seed=1)]
    exact = measure_agreement(model.runtime, network, images)
    assert exact.difference < 1e-5
    assert exact.classes == 1
    with torch.no_grad():
        network.head.bias += torch.tensor([0.0, 1000.0])
    shifted = measure_agreement(model.runtime, network, images)
    assert shifted.difference == pytest.approx(1, abs=0.01)
    assert shifted.bulk <= shifted.difference
    assert shifted.classes < 1


@pytest.mark.parametrize(("images", "batch", "expected"), [(5, 1, 5), (5, 3, 1), (2, 3, 1)])
def test_batches_are_whole_and_of_one_size(images, batch, expected):
    made = batches([noise(1, 4, 50, seed=k) for k in range(images)], batch, 10, 20)
    assert len(made) == expected
    assert all(pixels.shape == (batch, 1, 10, 20) for pixels in made)
    np.testing.assert_array_equal(made[0][0, :, :4], noise(1, 4, 50)[:, :, :20])
    np.testing.assert_array_equal(made[0][0, :, 4:8], noise(1, 4, 50)[:, :, :20])  # repeated
