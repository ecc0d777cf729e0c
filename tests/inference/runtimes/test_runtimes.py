"""Every format opens in its runtime; damaged files are refused; ONNX needs no PyTorch."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import as_trained, image, make_metadata, run_cli, write_export_of

from unetlite import UsageError, load
from unetlite.inference.runtimes import RUNTIMES, open_runtime
from unetlite.inference.runtimes.base import EXPORTS

FILES = {"onnx": "", "openvino": "openvino_model.xml", "safetensors": "model.safetensors"}


@pytest.mark.parametrize(
    ("format", "output"),
    [
        ("onnx", "logits"),
        ("onnx", "probabilities"),
        ("onnx", "classes"),
        ("openvino", "classes"),
        ("safetensors", "logits"),
    ],
)
@torch.no_grad()
def test_metadata_and_output_travel(format, output, tmp_path):
    network = as_trained({"name": "transpose"}, widths=(4, 6))
    pixels = image(2, 3, 20, 30)
    logits = network(pixels)
    expected = {"logits": logits, "probabilities": logits.softmax(1), "classes": logits.argmax(1)}
    metadata = make_metadata(network, output=output)
    runtime = open_runtime(write_export_of(network, metadata, format, tmp_path))
    assert runtime.metadata == metadata
    result = runtime.run(pixels.numpy())
    assert result.dtype == (np.uint8 if output == "classes" else np.float32)
    np.testing.assert_allclose(result, expected[output].numpy(), atol=1e-5)
    probabilities = runtime.probabilities(pixels.numpy())
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (probabilities.argmax(1) == logits.argmax(1).numpy()).all()


def test_every_format_has_a_runtime():
    assert set(EXPORTS.values()) < set(RUNTIMES)


@torch.no_grad()
def test_in_bfloat16_every_clear_decision_stays(tmp_path):
    import openvino

    network = as_trained({"name": "nearest"}, widths=(4, 6, 8))
    metadata = make_metadata(network, precision="bfloat16")
    runtime = open_runtime(write_export_of(network, metadata, "openvino", tmp_path))
    differences = []
    for size in ((1, 3, 1, 1), (1, 3, 37, 91), (3, 3, 32, 48)):
        expected = network(image(*size)).numpy()
        logits = runtime.run(image(*size).numpy())
        clear = np.abs(expected[:, 0] - expected[:, 1]) > 0.1 * np.abs(expected).max()
        assert (logits.argmax(1) == expected.argmax(1))[clear].all()
        differences.append(np.abs(logits - expected).max())
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert max(differences) > 1e-4  # it is another precision


def test_a_file_inside_an_exported_folder_opens_the_folder(exports):
    for path in (
        exports["openvino"] / "openvino_model.xml",
        exports["openvino"] / "openvino_model.bin",
        exports["safetensors"] / "config.json",
    ):
        assert open_runtime(path).metadata == open_runtime(path.parent).metadata


def test_only_a_runtime_of_pytorch_has_a_network_to_train_on(exports):
    for format, runtime in (("onnx", "ONNX Runtime"), ("openvino", "OpenVINO")):
        with pytest.raises(UsageError, match=runtime):
            _ = load(exports[format]).network


def damage_file(damage, path, format):
    """Cuts, replaces, removes, or makes it foreign: without unetlite's metadata."""
    main = path / FILES[format] if FILES[format] else path
    if damage == "cut":
        main.write_bytes(main.read_bytes()[:300])
    elif damage == "noise":
        main.write_bytes(np.random.default_rng(0).bytes(4000))
    elif damage == "missing":
        (path / "config.json" if format == "safetensors" else main).unlink()
    elif format == "onnx":
        import onnx

        model = onnx.load(path)
        del model.metadata_props[:]
        onnx.save(model, path)
    elif format == "openvino":
        main.write_text(main.read_text().replace("unetlite", "another"))
    else:
        (path / "config.json").write_text("{}")


@pytest.mark.parametrize("format", EXPORTS)
@pytest.mark.parametrize("damage", ["cut", "noise", "foreign", "missing"])
def test_a_damaged_or_foreign_file_ends_in_one_line(format, damage, exports, tmp_path):
    path = exports[format]
    damage_file(damage, path, format)
    result = run_cli("predict", path, __file__, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert path.name in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_runtime_names_the_extra(exports, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"unetlite\[export\]"):
        open_runtime(exports["onnx"])


def test_onnx_predicts_without_pytorch(exports, tmp_path):
    """In a process of its own: here PyTorch is loaded."""
    program = (
        "import sys, numpy; from unetlite import load;"
        f"load({str(exports['onnx'])!r}).predict(numpy.zeros((9, 9, 3), 'u1'));"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_folder_with_more_in_its_configuration_opens(exports):
    """Earlier versions wrote the options of the network beside the metadata."""
    file = exports["safetensors"] / "config.json"
    before = open_runtime(exports["safetensors"]).metadata
    content = {"in_channels": 3, "widths": [4, 6], **json.loads(file.read_text())}
    file.write_text(json.dumps(content))
    assert open_runtime(exports["safetensors"]).metadata == before
