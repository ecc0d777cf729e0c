"""What networks are worth by class, and beside predictions without training."""

import numpy as np
import pytest

from unetlite.compare.classes import (
    class_scores,
    grey_histograms,
    grey_range,
    no_better_than_trivial,
    trivial_scores,
    worst_class,
    worst_class_sentence,
)
from unetlite.compare.comparison import read_comparison
from unetlite.compare.curves import missing_trend, read_curves, read_trend
from unetlite.compare.doctor.run_data import find_data
from unetlite.errors import UsageError


def test_the_worst_class_comes_first_with_its_own_scores(runs, put_counts):
    put_counts(runs, lambda operator, seed: 1500)  # of 2000 pixels; 500 false ones
    comparison = read_comparison(runs)
    for run in comparison.runs:
        counts = run.counts("overlap")
        for kind, value in {"tp": 600.0, "fp": 200.0, "fn": 1400.0}.items():
            run.columns[f"overlap/{kind}/foreground"] = np.full(len(counts), value)
    worst, best = class_scores(comparison.variants["transpose"])
    assert (worst.name, best.name) == ("foreground", "background")
    assert worst.share == 0.5
    assert worst.iou == pytest.approx([600 / 2200] * 3)
    assert (worst.precision, worst.recall) == (600 / 800, 600 / 2000)
    assert worst_class(comparison) == "foreground"
    sentence = worst_class_sentence(comparison, "transpose")
    assert "foreground (50.0% of the test pixels): IoU 0.273 (test) with transpose" in sentence
    assert "within two pixels" in sentence


def test_variants_no_better_than_a_trivial_prediction_are_named(runs, put_counts):
    put_counts(runs, lambda operator, seed: 1990 if operator == "transpose" else 0)
    comparison = read_comparison(runs)
    trivial = trivial_scores(comparison, None)
    (name,) = trivial
    assert trivial[name].tolist() == [0.5, 0]
    (sentence,) = no_better_than_trivial(comparison, trivial)
    assert sentence == (
        "bilinear is no better than the most frequent class everywhere, which has a mean IoU of "
        "0.250."
    )


def test_a_threshold_is_tried_on_images_of_two_classes(runs):
    comparison = read_comparison(runs)
    dataset = find_data(comparison, None).data.dataset
    split = dataset.splits["test"]
    low, high = grey_range(dataset.splits["train"])
    histograms = grey_histograms(split, low, high)
    assert histograms.sum(1).tolist() == split.labels[:2]
    # A square that is 90 brighter in noise of 120 values: most of it is found.
    iou = trivial_scores(comparison, dataset)["a threshold of the grey value"]
    assert 0.5 < iou.min() < iou.max() < 0.95


def test_curves_of_all_seeds_stand_at_the_same_steps_and_a_damaged_one_is_refused(runs):
    comparison = read_comparison(runs)
    curves = read_curves(comparison.variants)
    assert list(curves) == ["bilinear", "transpose"]
    for name, curve in curves.items():
        assert curve.scores.shape == (3, len(curve.steps))
        last = [run.metrics["val/miou"] for run in comparison.variants[name]]
        assert curve.scores[:, -1] == pytest.approx(last, abs=1e-6)
    assert read_trend(comparison.runs) is None  # two steps are no curve
    assert missing_trend(comparison.runs).startswith("2 validations in a training, and 3")
    file = comparison.runs[0].files.curve
    file.write_text("step,miou\n1,a\n")
    with pytest.raises(UsageError, match="is damaged"):
        read_curves(comparison.variants)
    file.write_text("step,miou\n1,0.1\n2,0.2\n3,0.4\n")
    assert missing_trend(comparison.runs[:1]).startswith("too few trainings")
    file.unlink()  # as of an earlier version
    assert "of an earlier version" in missing_trend(comparison.runs)
    assert list(read_curves(comparison.variants)) == ["transpose"]
