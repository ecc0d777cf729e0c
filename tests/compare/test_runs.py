"""A run as its directory records it."""

import csv
import json

import numpy as np
import pytest

from unetlite.compare.metrics import METRICS
from unetlite.compare.runs import read_run
from unetlite.errors import UsageError


def test_the_scores_of_images_average_to_the_scores_of_the_run(trained):
    for file in trained.rglob("metrics.json"):
        run = read_run(file.parent)
        for metric in METRICS:
            score = np.nanmean(run.image_scores(metric))
            assert score == pytest.approx(run.metrics[f"test/{metric}"], abs=1e-6), metric


def test_runs_from_before_there_were_groups_have_their_images_as_groups(runs):
    run = runs / "bilinear" / "seed0"
    for name in ("per_image.csv", "counts.csv"):
        rows = [[row[0], *row[2:]] for row in csv.reader((run / name).open())]
        with (run / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    read = read_run(run)
    assert read.groups == read.images
    assert len(read.images) == 4


def test_the_environment_is_read_from_its_file_and_may_be_missing(runs):
    run = runs / "bilinear" / "seed0"
    (run / "best.ckpt").unlink()  # no checkpoint is read for it
    (run / "environment.json").write_text(json.dumps({"torch": "1.0"}))
    assert read_run(run).environment == {"torch": "1.0"}
    (run / "environment.json").unlink()
    assert read_run(run).environment == {}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("counts.csv", None, "not a complete run"),
        ("per_image.csv", "image,group,miou\n0,0\n", "not a complete run"),
        ("per_image.csv", "image,group,miou\n0,0,high\n", "not a complete run"),
        ("environment.json", "{", "not a complete run"),
        ("metrics.json", "{", "is damaged"),
        ("config.yaml", "[", "is damaged"),
    ],
)
def test_a_missing_or_damaged_file_is_refused_with_the_remedy(runs, name, text, words):
    run = runs / "bilinear" / "seed0"
    (run / name).unlink()
    if text is not None:
        (run / name).write_text(text)
    with pytest.raises(UsageError, match=words) as error:
        read_run(run)
    assert str(run) in str(error.value)
    assert "Delete" in str(error.value)
    assert "\n" not in str(error.value)
