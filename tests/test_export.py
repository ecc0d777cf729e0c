"""An export gives what the checkpoint gives, in its own runtime, and opening one runs no code."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from test_fold import trained as as_trained
from test_unet import OPERATORS, image, label
from typer.testing import CliRunner

from unetlite import UsageError, load
from unetlite.card import Card
from unetlite.cli import app
from unetlite.config import compose_run
from unetlite.export import command
from unetlite.export.formats import FOLDS_NEAREST, WRITERS, write_onnx, write_openvino, write_torch_export
from unetlite.fold import fold
from unetlite.run import EXPORTS, RunDirectory
from unetlite.runtimes import open_runtime
from unetlite.runtimes.pt2 import ExportedProgram
from unetlite.unet import UNet, in_bfloat16
from unetlite.upsample import UPSAMPLERS

for package in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(package)

WIDTHS = (4, 6, 8)
OPTIONS = {"transpose": {"kernel_size": 4}, "bicubic": {"kernel_size": 1}, "carafe": {"window": 3}}
SIZES = ((1, 3, 1, 1), (1, 3, 37, 91), (1, 3, 256, 256), (3, 3, 32, 48))


def make_card(network, **changes):
    values = {
        "network": network.config, "classes": ("a", "b"), "colours": ((0, 0, 0), (255, 9, 7)),
        "config": {"data": {"name": "folder", "value_range": [3, 9]}}, "environment": {"torch": "2"},
        "metrics": {"val/miou": 0.5, "val/iou/a": None}, "receptive_field": 40,
    }  # fmt: skip
    return replace(Card(**values), **changes)


def write(directory: Path, network, card: Card, format: str) -> Path:
    """What an export command writes, without its checks."""
    path = directory / f"{card.precision}-{card.output}{EXPORTS[format]}"
    if format in ("openvino", "safetensors"):
        path.mkdir()
    folded = network if format == "safetensors" else fold(network, nearest_3x3=format in FOLDS_NEAREST).network
    if format == "torch-export" and card.precision == "bfloat16":
        folded = in_bfloat16(folded)
    WRITERS[format](folded, card, path)
    return path


def opened(path: Path):
    return ExportedProgram(path) if path.suffix == ".pt2" else open_runtime(path)


@pytest.mark.parametrize("operator", [{"name": name, **OPTIONS.get(name, {})} for name in UPSAMPLERS], ids=label)
@torch.no_grad()
def test_every_operator_agrees_in_every_runtime_at_every_size(operator, tmp_path):
    network = as_trained(operator, widths=WIDTHS)
    for format in ("onnx", "openvino", "torch-export"):
        runtime = opened(write(tmp_path, network, make_card(network), format))
        for size in SIZES:
            x = image(*size)
            found = runtime.run(x.numpy())
            expected = network(x).numpy()
            assert np.abs(found - expected).max() <= 1e-4 * max(1, np.abs(expected).max()), (format, size)


@pytest.mark.parametrize("operator", [{"name": "nearest"}, {"name": "dysample"}], ids=label)
@pytest.mark.parametrize("format", ["onnx", "openvino", "torch-export"])
@torch.no_grad()
def test_in_bfloat16_every_clear_decision_stays(operator, format, tmp_path):
    network = as_trained(operator, widths=WIDTHS)
    runtime = opened(write(tmp_path, network, make_card(network, precision="bfloat16"), format))
    for size in SIZES:
        x = image(*size)
        expected = network(x).numpy()
        found = runtime.run(x.numpy())
        clear = np.abs(expected[:, 0] - expected[:, 1]) > 0.1 * np.abs(expected).max()
        assert (found.argmax(1) == expected.argmax(1))[clear].all()
        assert (found != expected).any()  # it is another precision


@pytest.mark.parametrize(("downsample", "norm"), [("mean", "group"), ("stochastic", "instance"), ("strided", "none")])
@torch.no_grad()
def test_other_networks_agree_too(downsample, norm, tmp_path):
    network = as_trained({"name": "bilinear"}, widths=WIDTHS, downsample={"name": downsample}, norm=norm, skip="add")
    runtime = opened(write(tmp_path, network, make_card(network), "onnx"))
    for size in SIZES:
        expected = network(image(*size)).numpy()
        assert np.abs(runtime.run(image(*size).numpy()) - expected).max() <= 1e-4 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("format", WRITERS)
@torch.no_grad()
def test_the_card_and_every_output_travel(format, tmp_path):
    network = as_trained(OPERATORS[0])
    x = image(2, 3, 20, 30)
    logits = network(x)
    expected = {"logits": logits, "probabilities": logits.softmax(1), "classes": logits.argmax(1)}
    for output in ("logits",) if format == "safetensors" else expected:
        card = make_card(network, output=output)
        runtime = opened(write(tmp_path, network, card, format))
        assert runtime.card == card
        found = runtime.run(x.numpy())
        assert found.dtype == (np.uint8 if output == "classes" else np.float32)
        np.testing.assert_allclose(found, expected[output].numpy(), atol=1e-5)
        probabilities = runtime.probabilities(x.numpy())
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
        assert (probabilities.argmax(1) == logits.argmax(1).numpy()).all()


@torch.no_grad()
def test_safetensors_load_with_the_mixin_and_without_a_network(tmp_path, monkeypatch):
    network = as_trained({"name": "pixelshuffle"})
    directory = write(tmp_path, network, make_card(network), "safetensors")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("something connected"))
    again = UNet.from_pretrained(str(directory))
    assert again.config == network.config
    assert "pixelshuffle" in (directory / "README.md").read_text()
    renamed = directory.rename(tmp_path / "of-any-name")
    assert open_runtime(renamed).card.classes == ("a", "b")
    assert all(
        torch.equal(a, b) for a, b in zip(again.state_dict().values(), network.state_dict().values(), strict=True)
    )
    again.save_pretrained(tmp_path / "again")
    assert torch.equal(UNet.from_pretrained(tmp_path / "again")(image(1, 3, 9, 9)), network(image(1, 3, 9, 9)))


def test_weights_in_bfloat16_take_half_the_file(tmp_path):
    network = as_trained({"name": "transpose"}, decoder_widths=(80, 80, 80))
    full, half = (write(tmp_path, network, make_card(network, precision=p), "onnx") for p in ("float32", "bfloat16"))
    assert half.stat().st_size < 0.65 * full.stat().st_size


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def rewrite(archive: Path, change) -> None:
    """Passes every member of a zip file through `change(name, content)`."""
    with ZipFile(archive) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    with ZipFile(archive, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, change(name, content))


def test_opening_an_exported_program_runs_nothing_of_it(tmp_path):
    network = as_trained(OPERATORS[0])
    path = write(tmp_path, network, make_card(network), "torch-export")
    trace = tmp_path / "trace"
    expected = open_runtime(path).run(image(1, 3, 8, 8).numpy())
    rewrite(
        path,
        lambda name, content: pickle.dumps(Payload(trace)) if "sample_inputs" in name or "models/" in name else content,
    )
    np.testing.assert_array_equal(open_runtime(path).run(image(1, 3, 8, 8).numpy()), expected)
    assert not trace.exists()

    def pickled(name, content):
        if not name.endswith("weights_config.json"):
            return pickle.dumps(Payload(trace)) if name.endswith("weight_0") else content
        config = json.loads(content)
        for entry in config["config"].values():
            entry["use_pickle"] = True
        return json.dumps(config)

    rewrite(path, pickled)
    with pytest.raises(UsageError, match="plain numbers"):
        open_runtime(path)
    assert not trace.exists()


@pytest.mark.parametrize("format", ["onnx", "openvino", "torch-export", "safetensors"])
@pytest.mark.parametrize("damage", ["cut", "noise", "foreign"])
def test_a_damaged_or_foreign_file_ends_in_one_line(format, damage, tmp_path):
    network = as_trained(OPERATORS[0])
    path = write(tmp_path, network, make_card(network), format)
    if damage == "foreign":
        if format == "onnx":
            import onnx

            model = onnx.load(path)
            del model.metadata_props[:]
            onnx.save(model, path)
        elif format == "openvino":
            xml = path / "openvino_model.xml"
            xml.write_text(xml.read_text().replace("unetlite", "another"))
        elif format == "torch-export":
            rewrite(path, lambda name, content: b"{}" if "extra/" in name else content)
        else:
            (path / "config.json").write_text("{}")
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        if damage == "cut" and file.suffix in (".onnx", ".pt2", ".xml", ".safetensors"):
            file.write_bytes(file.read_bytes()[:300])
        if damage == "noise" and file.suffix in (".onnx", ".pt2", ".xml", ".safetensors"):
            file.write_bytes(np.random.default_rng(0).bytes(4000))
    result = CliRunner().invoke(app, ["predict", str(path), __file__, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert path.name in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 7}, {"colours": [[0, 0]]}, {"colours": []}, {"receptive_field": "x"}, {"receptive_field": -1},
        {"precision": "int4"}, {"output": "masks"}, {"config": "data"}, {"config": {"data": None}},
        {"config": {"data": {"name": "folder", "value_range": "x"}}}, {"config": {"data": {"name": "a", "resize": -1}}},
        {"network": {"upsample": "x"}}, {"network": {"widths": None}}, {"network": {"later": 1}}, {"metrics": [1]},
        {"metrics": {"a": "b"}},
    ],
)  # fmt: skip
def test_a_card_with_odd_values_is_refused_in_words(change, tmp_path):
    card = json.loads(make_card(as_trained(OPERATORS[0])).to_json())
    assert Card.from_json(json.dumps(card), tmp_path)
    with pytest.raises(UsageError, match="written by unetlite"):
        Card.from_json(json.dumps(card | change), tmp_path)


@pytest.mark.parametrize("damage", ["bytes", "no network", "later key", "other weights", "a number"])
def test_a_damaged_or_newer_checkpoint_is_refused_in_words(runs, damage):
    path = runs / "transpose" / "seed0" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    random, whole = np.random.default_rng(0), path.read_bytes()
    if damage == "bytes":
        for _ in range(30):
            changed = bytearray(whole)
            for place in random.integers(0, len(whole), 40):
                changed[place] = random.integers(0, 256)
            path.write_bytes(changed)
            try:
                load(path)
            except UsageError as error:
                assert "best.ckpt" in str(error)  # noqa: PT017
        return
    match damage:
        case "no network":
            del checkpoint["unetlite"]["network"]
        case "later key":
            checkpoint["unetlite"]["network"]["later"] = 1
        case "other weights":
            checkpoint["state_dict"].popitem()
        case "a number":
            checkpoint["unetlite"] = 3
    torch.save(checkpoint, path)
    with pytest.raises(UsageError, match=r"best\.ckpt"):
        load(path)


@pytest.mark.parametrize("format", WRITERS)
def test_the_command_checks_measures_and_keeps(runs, format):
    checkpoint = runs / "bilinear" / "seed0" / "best.ckpt"
    result = CliRunner().invoke(app, ["export", str(checkpoint), "--format", format], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    kept = checkpoint.with_suffix(EXPORTS[format])
    assert all(word in result.output for word in (str(kept), "MB", "largest difference", "37 x 91", "ms"))
    assert {file.name for file in checkpoint.parent.iterdir() if file.name.startswith("partial")} == set()
    card = load(kept).card
    assert card.classes == ("background", "foreground")
    assert card.config["upsample"]["name"] == "bilinear"
    assert card.metrics["test/miou"] == json.loads((checkpoint.parent / "metrics.json").read_text())["test/miou"]
    again = CliRunner().invoke(app, ["export", str(checkpoint), "--format", format])
    assert again.exit_code == 2
    assert "exists" in again.stderr


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_integers_are_calibrated_on_training_images_and_their_loss_is_told(runs, format, tmp_path):
    checkpoint = runs / "transpose" / "seed0" / "best.ckpt"
    kept = tmp_path / f"small{EXPORTS[format]}"
    arguments = ["export", str(checkpoint), "--format", format, "--int8", "--to", str(kept)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "mean IoU" in result.output
    runtime = open_runtime(kept)
    assert runtime.card.precision == "int8"
    x = image(1, 3, 40, 50)
    exact = open_runtime(checkpoint).probabilities(x[:, :1].numpy())
    assert 0 < np.abs(runtime.probabilities(x[:, :1].numpy()) - exact).max() < 0.2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "tflite"], "torch-export"),
        (["--output", "masks"], "probabilities"),
        (["--precision", "float16"], "bfloat16"),
        (["--int8", "--format", "torch-export"], "openvino"),
        (["--int8", "--precision", "bfloat16"], "one of them"),
        (["--format", "safetensors", "--output", "classes"], "logits"),
        (["--to", "model.pt"], ".onnx"),
        (["--images", "nowhere/*.png"], "nowhere"),
    ],
)
def test_options_that_do_not_fit_leave_nothing(runs, arguments, words):
    checkpoint = runs / "transpose" / "seed0" / "best.ckpt"
    before = sorted(checkpoint.parent.iterdir())
    result = CliRunner().invoke(app, ["export", str(checkpoint), *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
    assert sorted(checkpoint.parent.iterdir()) == before


@pytest.mark.parametrize("writer", [write_onnx, write_openvino, write_torch_export])
def test_an_export_that_gives_something_else_is_not_kept(runs, monkeypatch, writer):
    checkpoint = runs / "transpose" / "seed0" / "best.ckpt"
    before = sorted(checkpoint.parent.iterdir())
    (format,) = (name for name, known in WRITERS.items() if known is writer)

    def wrong(network, card, path):
        with torch.no_grad():
            network.head.bias[0] += 0.01
        writer(network, card, path)

    monkeypatch.setattr(command, "WRITERS", {**WRITERS, format: wrong})
    result = CliRunner().invoke(app, ["export", str(checkpoint), "--format", format])
    assert result.exit_code == 2
    assert "not kept" in result.stderr
    assert sorted(checkpoint.parent.iterdir()) == before


def test_an_export_beside_a_checkpoint_does_not_disturb_the_run(runs, trained):
    run = runs / "transpose" / "seed0"
    (run / "best.onnx").write_bytes(b"")
    (run / "best.openvino").mkdir()
    config = compose_run([])
    stored = json.loads(json.dumps(load(run).card.config))
    assert RunDirectory(run, {**config, **stored, "resume": "auto"}).finished
    shutil.rmtree(run / "best.openvino")
