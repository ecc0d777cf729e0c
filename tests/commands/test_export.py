"""`unetlite export`: what is kept was checked; what cannot be is refused, and leaves nothing."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import add_images, forge, image, make_old, noise, run_cli, save

from unetlite import load, timing
from unetlite.commands import checked_export
from unetlite.inference import export
from unetlite.inference.runtimes import open_runtime
from unetlite.inference.runtimes.base import EXPORTS
from unetlite.run_directory import RunDirectory
from unetlite.settings.schema import read_settings

for package in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(package)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """Between measurements."""
    monkeypatch.setattr(timing, "PAUSE", 0)


@pytest.fixture(scope="module")
def models():
    """What equal networks were exported to."""
    return {}


@pytest.fixture(autouse=True)
def one_export_of_equal_networks(models, monkeypatch):
    """It takes seconds."""
    original = export.onnx_model

    def remembered(network, *options):
        weights = [weight.numpy().tobytes() for weight in network.state_dict().values()]
        key = repr((network, weights, options))
        if key not in models:
            models[key] = original(network, *options)
        return copy.deepcopy(models[key])

    monkeypatch.setattr(export, "onnx_model", remembered)


@pytest.mark.parametrize("format", EXPORTS)
def test_one_checked_file_stays_beside_the_checkpoint(runs, format):
    checkpoint = runs / "bilinear" / "seed0" / "last.ckpt"
    before = set(checkpoint.parent.iterdir())
    result = run_cli("export", checkpoint, "--format", format)
    assert result.exit_code == 0, result.output
    kept = checkpoint.with_suffix(EXPORTS[format])
    assert set(checkpoint.parent.iterdir()) == before | {kept}
    for word in (str(kept), "MB", "largest difference", "37 x 91", "times as fast"):
        assert word in result.output
    metadata = load(kept).metadata
    assert metadata.classes == ("background", "foreground")
    assert metadata.config["upsample"]["name"] == "bilinear"
    scores = json.loads((checkpoint.parent / "metrics.json").read_text())
    assert metadata.metrics["test/miou"] == scores["test/miou"]
    again = run_cli("export", checkpoint, "--format", format)
    assert again.exit_code == 2
    assert "exists" in again.stderr


def test_images_to_check_with_need_no_data_set(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("unetlite.commands.checked_export.load_run_data", None)
    save(tmp_path / "images" / "a.png", noise(40, 50))
    options = ["--images", tmp_path / "images", "--to", tmp_path / "a.onnx"]
    result = run_cli("export", runs / "transpose" / "seed0", *options, "--output", "classes")
    assert result.exit_code == 0, result.output
    assert open_runtime(tmp_path / "a.onnx").metadata.output == "classes"


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_integers_are_calibrated_on_training_images_and_scored(trained, format, tmp_path):
    checkpoint = trained / "transpose" / "seed0" / "best.ckpt"
    kept = tmp_path / f"small{EXPORTS[format]}"
    result = run_cli("export", checkpoint, "--format", format, "--int8", "--to", kept)
    assert result.exit_code == 0, result.output
    assert "mean IoU" in result.output
    runtime = open_runtime(kept)
    assert runtime.metadata.precision == "int8"
    pixels = image(1, 1, 40, 50).numpy()
    exact = open_runtime(checkpoint).probabilities(pixels)
    assert 0 < np.abs(runtime.probabilities(pixels) - exact).max() < 0.2


@pytest.fixture
def squares(trained) -> Path:
    """Where the data of the runs are."""
    return trained.parents[1] / "squares"


def test_integers_are_calibrated_on_the_data_of_the_run_wherever_they_are(
    runs, squares, tmp_path, monkeypatch
):
    run = runs / "transpose" / "seed0"
    moved = shutil.copytree(squares, tmp_path / "moved", copy_function=shutil.copy)
    gone = {"root": str(tmp_path / "gone")}
    forge(run, lambda _, metadata: metadata["config"]["data"].update(gone))
    refused = run_cli("export", run, "--int8")
    assert refused.exit_code == 2
    assert "no such directory" in refused.stderr
    found = run_cli("export", run, "--int8", "--images", moved, "--to", tmp_path / "a.onnx")
    assert found.exit_code == 0, found.stderr
    assert "mean IoU" in found.stdout
    assert open_runtime(tmp_path / "a.onnx").metadata.environment["data_hash"]

    images = [moved / "images" / f"{k}.png" for k in range(3)]
    given = [word for image in images for word in ("--images", image)]
    others = run_cli("export", run, "--int8", *given, "--to", tmp_path / "b.onnx")
    assert others.exit_code == 0, others.stderr
    assert "calibrated on the images that were given, and not scored" in others.stdout
    assert "mean IoU" not in others.stdout

    add_images(moved)
    refused = run_cli("export", run, "--int8", "--images", moved, "--to", tmp_path / "c.onnx")
    assert refused.exit_code == 2
    assert "made with other data" in refused.stderr
    assert not (tmp_path / "c.onnx").exists()


def test_a_run_that_does_not_record_its_data_is_calibrated_with_a_warning(runs, tmp_path):
    run = runs / "transpose" / "seed0"
    make_old(run)
    result = run_cli("export", run, "--int8", "--to", tmp_path / "a.onnx")
    assert result.exit_code == 0, result.stderr
    assert "does not record its data" in result.stdout


def test_a_checkpoint_of_another_run_does_not_get_the_scores_of_this_one(runs):
    run = runs / "transpose" / "seed0"
    shutil.copy(runs / "bilinear" / "seed0" / "last.ckpt", run / "last.ckpt")
    result = run_cli("export", run)
    assert result.exit_code == 2
    assert "last.ckpt is not as the run wrote it" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "torch-export"], "safetensors"),
        (["--output", "masks"], "probabilities"),
        (["--precision", "float16"], "bfloat16"),
        (["--precision", "bfloat16"], "openvino"),
        (["--int8", "--format", "safetensors"], "openvino"),
        (["--int8", "--precision", "bfloat16", "--format", "openvino"], "one of them"),
        (["--format", "safetensors", "--output", "classes"], "logits"),
        (["--to", "{runs}/model.pt"], ".onnx"),
        (["--to", "{runs}/model"], ".onnx"),
        (["--int8", "--format", "openvino", "--to", "{runs}/x.xml"], ".openvino"),
        (["--to", "{runs}/transpose/seed0/best.ckpt/x.onnx"], "a file is where a folder is needed"),
        (["--images", "nowhere/*.png"], "nowhere"),
    ],
)
def test_options_that_do_not_fit_leave_nothing(runs, arguments, message):
    before = sorted(runs.rglob("*"))
    arguments = [argument.format(runs=runs) for argument in arguments]
    result = run_cli("export", runs / "transpose" / "seed0", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert sorted(runs.rglob("*")) == before


def test_an_export_that_gives_something_else_is_not_kept(runs, monkeypatch):
    checkpoint = runs / "transpose" / "seed0" / "best.ckpt"
    before = sorted(checkpoint.parent.iterdir())
    real = export.write_export

    def write_another(network, *arguments):
        with torch.no_grad():
            network.head.bias[0] += 0.01
        real(network, *arguments)

    monkeypatch.setattr(checked_export, "write_export", write_another)
    result = run_cli("export", checkpoint)
    assert result.exit_code == 2
    assert "not kept" in result.stderr
    assert sorted(checkpoint.parent.iterdir()) == before


def test_an_export_beside_a_checkpoint_does_not_disturb_the_run(runs):
    directory = runs / "transpose" / "seed0"
    (directory / "best.onnx").write_bytes(b"")
    (directory / "best.int8.openvino").mkdir()
    config = load(directory).metadata.config
    settings = read_settings({**config, "run_dir": str(directory), "resume": "auto"})
    assert RunDirectory(settings).finished
