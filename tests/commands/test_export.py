"""`unetlite export`: what is kept was checked; what cannot be is refused, and leaves nothing."""

import json

import numpy as np
import pytest
import torch
from helpers import image, noise, run_cli, save

from unetlite import load, timing
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
    monkeypatch.setattr("unetlite.data.loader.load_run_data", None)
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
        (["--to", "{runs}/transpose/seed0/best.ckpt/x.onnx"], "--to"),
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

    monkeypatch.setattr(export, "write_export", write_another)
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
