"""The files of a finished run, and what TensorBoard shows of it."""

import csv
import json

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

SCORES = ["miou", "dice", "miou_per_image", "dice_per_image", "boundary_iou_1px"]
for kind in ("iou", "dice"):
    SCORES += [f"{kind}/background", f"{kind}/foreground"]


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
        "val/loss",
        "train/seconds",
        "train/images_per_second",
        "model/parameters",
        "test/phase_ripple",
        "test/miou_last",
        "test/miou_best",
    }
    assert set(metrics) == {*expected, *others}
    for name in expected:
        assert 0 <= metrics[name] <= 1
    for name in SCORES:
        curve = [event.value for event in events.Scalars(f"val/{name}")]
        assert any(value == pytest.approx(metrics[f"val/{name}"], abs=1e-6) for value in curve)
    for name in ("miou", "dice", "boundary_iou_1px"):  # other test scores would be single dots
        last = events.Scalars(f"test/{name}")[-1].value
        assert last == pytest.approx(metrics[f"test/{name}"], abs=1e-6)
    last = events.Scalars("val/miou")[-1].value
    assert last == pytest.approx(metrics["val/miou"], abs=1e-6)
    for name in events.Tags()["scalars"]:
        if name.startswith("test/"):
            assert len(events.Scalars(name)) == 1


def test_tensorboard_has_curves_pictures_text_and_hyperparameters(events):
    tags = events.Tags()
    curves = {"train/loss", "train/cross_entropy", "train/dice_loss", "val/loss"}
    assert curves | {"train/learning_rate"} <= set(tags["scalars"])
    assert "epoch" not in tags["scalars"]
    steps = [event.step for event in events.Images("val/pictures")]
    assert steps == [3, 5]  # the first epoch and the last
    assert "configuration/text_summary" in tags["tensors"]
    start = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    for word in (b"upsample", b"nearest, 3", b"model.widths"):
        assert word in start
    experiment = events.summary_metadata["_hparams_/experiment"].plugin_data.content
    assert b"test/miou" in experiment


def test_per_image_scores_are_those_of_the_test_images(finished, metrics):
    with (finished / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1  # 15 % of eight
    assert rows[0]["image"] in {str(k) for k in range(8)}
    mean = sum(float(row["miou"]) for row in rows) / len(rows)
    assert mean == pytest.approx(metrics["test/miou_per_image"], abs=1e-6)
