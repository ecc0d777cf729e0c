"""Tables of images: of which weights the counts are, and runs without a test."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import overrides

from unetlite.compare.runs import read_counts, read_run, stack_counts
from unetlite.data.loader import SegmentationData
from unetlite.errors import UsageError
from unetlite.metrics.counts import per_image_influence
from unetlite.settings.composition import compose_run
from unetlite.training.run import train
from unetlite.training.segmenter import make_scores
from unetlite.training.tables import ValidationCounts


def test_the_counts_of_validation_images_are_those_of_the_validation_score(finished):
    images, groups, columns = read_counts(finished / "val_counts.csv")
    influence = per_image_influence(stack_counts(columns, "overlap"))
    metrics = json.loads((finished / "metrics.json").read_text())
    assert influence.mean() == pytest.approx(metrics["val/miou"], abs=1e-6)
    with (finished / "counts.csv").open() as file:
        tested = {row["image"] for row in csv.DictReader(file)}
    assert tested.isdisjoint(images)
    assert len(groups) == len(images)


@pytest.mark.parametrize(("of_best", "kept"), [(True, 1), (False, 2)])
def test_with_best_the_counts_are_those_of_the_best_epoch_also_after_an_interruption(
    tmp_path, of_best, kept
):
    file = tmp_path / "val_counts.csv"
    counts = ValidationCounts(file, of_best)
    data = SimpleNamespace(validated={"image": ["a"], "group": ["a"]})
    for epoch, score in enumerate((0.5, 0.7, 0.6)):
        scores = make_scores(["a", "b"])
        mask = torch.tensor([[[0] * (epoch + 1) + [1] * (3 - epoch)]])  # (1, 1, 4)
        scores.update(torch.zeros_like(mask), mask)
        trainer = SimpleNamespace(callback_metrics={"val/miou": score}, datamodule=data)
        counts.on_validation_end(trainer, SimpleNamespace(val_scores=scores, classes=["a", "b"]))
        state = counts.state_dict()
        counts = ValidationCounts(file, of_best)
        counts.load_state_dict(state)
    _, _, columns = read_counts(file)
    assert columns["overlap/tp/a"].tolist() == [kept + 1]


def test_without_a_test_no_test_image_is_looked_at_and_the_run_does_not_compare(
    discs, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        SegmentationData, "test_dataloader", lambda _: pytest.fail("test images were loaded")
    )
    settings = compose_run(overrides(discs, tmp_path, "trainer.max_steps=1", "test=false"))
    score = train(settings)
    run = Path(settings.run_dir)
    metrics = json.loads((run / "metrics.json").read_text())
    assert score == metrics["val/miou"]
    assert not [name for name in metrics if name.startswith("test/")]
    assert (run / "val_counts.csv").exists()
    assert not (run / "counts.csv").exists()
    assert np.isfinite(metrics["train/seconds"])
    with pytest.raises(UsageError, match="was trained with test=false"):
        read_run(run)
    with pytest.raises(UsageError, match=r"test \(False there, True here\)"):
        train(compose_run(overrides(discs, tmp_path, "trainer.max_steps=1", "resume=auto")))
