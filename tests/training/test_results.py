"""The files of a finished run, and what TensorBoard shows of it."""

import csv
import json

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from unetlite.tables import read_csv
from unetlite.training.trainer import board_tag

SCORES = ["miou", "dice", "miou_per_image", "dice_per_image", "boundary_iou_1px"]
CLASSES = ("background", "foreground")
for kind in ("iou", "dice"):
    SCORES += [f"{kind}/{label}" for label in CLASSES]


@pytest.fixture(scope="module")
def events(finished):
    return EventAccumulator(str(finished), size_guidance={"scalars": 0, "images": 0}).Reload()


@pytest.fixture(scope="module")
def metrics(finished):
    return json.loads((finished / "metrics.json").read_text())


def test_a_run_leaves_its_files(finished):
    names = {path.name for path in finished.iterdir()}
    names = {name for name in names if not name.startswith((".", "events."))}
    assert names == {
        "config.yaml",
        "overrides.yaml",
        "environment.json",
        "train.log",
        "best.ckpt",
        "last.ckpt",
        "metrics.json",
        "per_image.csv",
        "counts.csv",
        "curve.csv",
        "val_counts.csv",
        "SHA256SUMS",
    }
    assert len(list(finished.glob("events.*"))) == 1
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert config["seed"] == 3
    assert config["experiment"] == "test"
    assert config["upsample"] == {"name": "nearest", "kernel_size": 3}
    assert "seed=3" in yaml.safe_load((finished / "overrides.yaml").read_text())


def test_metrics_are_flat_and_agree_with_tensorboard(metrics, events):
    expected = [f"{stage}/{name}" for stage in ("test", "val") for name in SCORES]
    others = {
        *(f"test/{kind}_2px/{label}" for kind in ("recall", "precision") for label in CLASSES),
        "val/loss",
        "train/seconds",
        "train/images_per_second",
        "model/parameters",
        "test/phase_ripple",
    }
    assert set(metrics) == {*expected, *others}
    for name in expected:
        assert 0 <= metrics[name] <= 1
    for name in SCORES:
        curve = [event.value for event in events.Scalars(board_tag(f"val/{name}"))]
        assert any(value == pytest.approx(metrics[f"val/{name}"], abs=1e-6) for value in curve)
    last = events.Scalars("score/miou")[-1].value
    assert last == pytest.approx(metrics["val/miou"], abs=1e-6)


def test_no_chart_of_tensorboard_is_a_single_dot_and_scores_come_first(events, finished):
    tags = events.Tags()["scalars"]
    assert min(tags) == "score/miou"
    for name in tags:
        assert len(events.Scalars(name)) > 1 or name.startswith("train/")  # every fifth step
    curve = read_csv(finished / "curve.csv")
    points = [(event.step + 1, event.value) for event in events.Scalars("score/miou")]
    assert [int(step) for step in curve["step"]] == [step for step, _ in points]
    assert [float(score) for score in curve["miou"]] == pytest.approx(
        [value for _, value in points]
    )


def test_tensorboard_has_curves_pictures_text_and_hyperparameters(events):
    tags = events.Tags()
    curves = {"train/loss", "train/cross_entropy", "train/dice_loss", "val/loss"}
    assert curves | {"train/learning_rate"} <= set(tags["scalars"])
    assert "epoch" not in tags["scalars"]
    steps = [event.step for event in events.Images("val/pictures")]
    assert steps == [3, 5]  # the first epoch and the last
    assert "configuration/text_summary" in tags["tensors"]
    start = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    for word in (b"upsample", b"nearest, 3", b"test mIoU", b"parameters", b"model.widths"):
        assert word in start
    experiment = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    assert b"score/miou" in experiment


def test_per_image_scores_are_those_of_the_test_images(finished, metrics):
    with (finished / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1  # 15 % of eight
    assert rows[0]["image"] in {str(k) for k in range(8)}
    mean = sum(float(row["miou"]) for row in rows) / len(rows)
    assert mean == pytest.approx(metrics["test/miou_per_image"], abs=1e-6)
