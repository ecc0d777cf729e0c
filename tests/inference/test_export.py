"""An export gives what the checkpoint gives, in its own runtime, and opening one runs no code."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import as_trained, image, label, make_metadata
from typer.testing import CliRunner

from unetlite import UsageError, load, timing
from unetlite.cli import app
from unetlite.inference import export
from unetlite.inference.export import Agreement, demand
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import EXPORTS, make_request, make_session, open_runtime
from unetlite.network.folding import fold
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings import compose_run
from unetlite.training.run import RunDirectory

for package in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(package)

WIDTHS = (4, 6)
OPTIONS = {"transpose": {"kernel_size": 4}, "bicubic": {"kernel_size": 1}, "carafe": {"window": 3}}
SIZES = ((1, 3, 1, 1), (1, 3, 37, 91), (1, 3, 256, 256), (3, 3, 32, 48))


def write(directory: Path, network, metadata: Metadata, format: str) -> Path:
    """What an export command writes, without its checks."""
    path = directory / f"{metadata.precision}-{metadata.output}{EXPORTS[format]}"
    folded = network if format == "safetensors" else fold(network, nearest_3x3=format == "openvino")
    export.write(folded, metadata, format, path)
    return path


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """Between measurements."""
    monkeypatch.setattr(timing, "PAUSE", 0)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A network in every format."""
    directory = tmp_path_factory.mktemp("written")
    network = as_trained({"name": "nearest"}, widths=WIDTHS)
    for format in EXPORTS:
        write(directory, network, make_metadata(network), format)
    return directory


@pytest.fixture
def exports(written, tmp_path) -> dict[str, Path]:
    """Copies that a test may change."""
    shutil.copytree(written, tmp_path / "exports")
    return {format: tmp_path / "exports" / f"float32-logits{suffix}" for format, suffix in EXPORTS.items()}


def run(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


@pytest.mark.parametrize("operator", [{"name": name, **OPTIONS.get(name, {})} for name in UPSAMPLERS], ids=label)
@torch.no_grad()
def test_every_operator_agrees_in_every_runtime_at_every_size(operator):
    network = as_trained(operator, widths=WIDTHS)
    folds = (False, True) if operator["name"] == "nearest" else (True,)  # as for ONNX Runtime, and for OpenVINO
    for nearest_3x3 in folds:
        model = export.onnx_model(fold(network, nearest_3x3=nearest_3x3)).SerializeToString()
        session, request = make_session(model), make_request(model)
        for size in SIZES:
            x = image(*size).numpy()
            expected = network(image(*size)).numpy()
            for found in (session.run(None, {"image": x})[0], request.infer({"image": x})[0]):
                assert np.abs(found - expected).max() <= 1e-4 * max(1, np.abs(expected).max()), size


@torch.no_grad()
def test_in_bfloat16_every_clear_decision_stays(tmp_path):
    import openvino

    network = as_trained({"name": "nearest"}, widths=(4, 6, 8))
    runtime = open_runtime(write(tmp_path, network, make_metadata(network, precision="bfloat16"), "openvino"))
    differences = []
    for size in SIZES:
        expected = network(image(*size)).numpy()
        found = runtime.run(image(*size).numpy())
        clear = np.abs(expected[:, 0] - expected[:, 1]) > 0.1 * np.abs(expected).max()
        assert (found.argmax(1) == expected.argmax(1))[clear].all()
        differences.append(np.abs(found - expected).max())
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert max(differences) > 1e-4  # it is another precision


@pytest.mark.parametrize(("downsample", "norm"), [("mean", "group"), ("stochastic", "instance"), ("strided", "none")])
@torch.no_grad()
def test_other_networks_agree_too(downsample, norm, tmp_path):
    network = as_trained({"name": "bilinear"}, downsample={"name": downsample}, norm=norm, skip="add", widths=WIDTHS)
    runtime = open_runtime(write(tmp_path, network, make_metadata(network), "onnx"))
    for size in SIZES:
        expected = network(image(*size)).numpy()
        assert np.abs(runtime.run(image(*size).numpy()) - expected).max() <= 1e-4 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("format", EXPORTS)
@torch.no_grad()
def test_the_metadata_and_every_output_travel(format, tmp_path):
    network = as_trained({"name": "transpose"}, widths=WIDTHS)
    x = image(2, 3, 20, 30)
    logits = network(x)
    expected = {"logits": logits, "probabilities": logits.softmax(1), "classes": logits.argmax(1)}
    for output in {"onnx": expected, "openvino": ("classes",), "safetensors": ("logits",)}[format]:
        metadata = make_metadata(network, output=output)
        runtime = open_runtime(write(tmp_path, network, metadata, format))
        assert runtime.metadata == metadata
        found = runtime.run(x.numpy())
        assert found.dtype == (np.uint8 if output == "classes" else np.float32)
        np.testing.assert_allclose(found, expected[output].numpy(), atol=1e-5)
        probabilities = runtime.probabilities(x.numpy())
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
        assert (probabilities.argmax(1) == logits.argmax(1).numpy()).all()


@torch.no_grad()
def test_the_network_comes_back_to_train_on_unless_a_runtime_has_compiled_it(exports, tmp_path):
    network = as_trained({"name": "nearest"}, widths=WIDTHS)
    again = load(exports["safetensors"].rename(tmp_path / "of-any-name")).network
    assert again.config == network.config
    assert again.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(weight, network.state_dict()[name]) for name, weight in again.state_dict().items())
    assert torch.equal(again(image(1, 3, 9, 9)), network(image(1, 3, 9, 9)))
    for format, runtime in (("onnx", "ONNX Runtime"), ("openvino", "OpenVINO")):
        with pytest.raises(UsageError, match=runtime):
            _ = load(exports[format]).network


def test_a_folder_as_huggingface_hub_wrote_it_opens(exports):
    """`unetlite export --format safetensors` did before, with the options of the network beside the metadata."""
    file = exports["safetensors"] / "config.json"
    before = open_runtime(exports["safetensors"]).metadata
    file.write_text(json.dumps({"in_channels": 3, "widths": [4, 6], **json.loads(file.read_text())}))
    assert open_runtime(exports["safetensors"]).metadata == before


@pytest.mark.parametrize("format", EXPORTS)
@pytest.mark.parametrize("damage", ["cut", "noise", "foreign", "missing"])
def test_a_damaged_or_foreign_file_ends_in_one_line(format, damage, exports, tmp_path):
    path = exports[format]
    main = {"onnx": path, "openvino": path / "openvino_model.xml", "safetensors": path / "model.safetensors"}[format]
    match damage:
        case "cut":
            main.write_bytes(main.read_bytes()[:300])
        case "noise":
            main.write_bytes(np.random.default_rng(0).bytes(4000))
        case "missing":
            {"safetensors": path / "config.json"}.get(format, main).unlink()
        case "foreign" if format == "onnx":
            import onnx

            model = onnx.load(path)
            del model.metadata_props[:]
            onnx.save(model, path)
        case "foreign" if format == "openvino":
            main.write_text(main.read_text().replace("unetlite", "another"))
        case "foreign":
            (path / "config.json").write_text("{}")
    result = CliRunner().invoke(app, ["predict", str(path), __file__, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert path.name in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 7}, {"colours": [[0, 0]]}, {"colours": []}, {"colours": [[0, 0, 0], [0, 0, 256]]},
        {"receptive_field": "x"}, {"receptive_field": -1}, {"precision": "int4"}, {"output": "masks"},
        {"config": "data"}, {"config": {"data": None}}, {"config": {"data": {"name": "folder", "value_range": "x"}}},
        {"config": {"data": {"name": "a", "resize": -1}}}, {"config": {"data": {"name": 3}}},
        {"network": {"upsample": "x"}}, {"network": {"widths": None}}, {"network": {"later": 1}}, {"metrics": [1]},
        {"network": {"widths": [4, 6], "decoder_widths": [1, 2, 3]}}, {"metrics": {"a": "b"}},
    ],
)  # fmt: skip
def test_metadata_with_odd_values_are_refused_in_words(change, tmp_path):
    values = json.loads(make_metadata(as_trained({"name": "transpose"})).model_dump_json())
    assert Metadata.read(json.dumps(values | {"of a later version": 1}), tmp_path)
    with pytest.raises(UsageError, match="written by unetlite"):
        Metadata.read(json.dumps(values | change), tmp_path)


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


@pytest.mark.parametrize("format", EXPORTS)
def test_the_command_checks_and_keeps(runs, format):
    checkpoint = runs / "bilinear" / "seed0" / "last.ckpt"
    before = {*checkpoint.parent.iterdir()}
    result = run(checkpoint, "--format", format)
    assert result.exit_code == 0, result.output
    kept = checkpoint.with_suffix(EXPORTS[format])
    assert {*checkpoint.parent.iterdir()} == before | {kept}
    assert all(word in result.output for word in (str(kept), "MB", "largest difference", "37 x 91"))
    metadata = load(kept).metadata
    assert metadata.classes == ("background", "foreground")
    assert metadata.config["upsample"]["name"] == "bilinear"
    tested = json.loads((checkpoint.parent / "metrics.json").read_text())
    assert metadata.metrics["test/miou"] == tested["test/miou"]
    again = run(checkpoint, "--format", format)
    assert again.exit_code == 2
    assert "exists" in again.stderr


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_integers_are_calibrated_on_training_images_and_their_loss_is_told(runs, format, tmp_path):
    checkpoint = runs / "transpose" / "seed0" / "best.ckpt"
    kept = tmp_path / f"small{EXPORTS[format]}"
    result = run(checkpoint, "--format", format, "--int8", "--to", kept)
    assert result.exit_code == 0, result.output
    assert "mean IoU" in result.output
    runtime = open_runtime(kept)
    assert runtime.metadata.precision == "int8"
    x = image(1, 1, 40, 50).numpy()
    exact = open_runtime(checkpoint).probabilities(x)
    assert 0 < np.abs(runtime.probabilities(x) - exact).max() < 0.2


@pytest.mark.parametrize(
    ("arguments", "words"),
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
def test_options_that_do_not_fit_leave_nothing(runs, arguments, words):
    before = sorted(runs.rglob("*"))
    result = run(runs / "transpose" / "seed0", *(argument.format(runs=runs) for argument in arguments))
    assert result.exit_code == 2
    assert words in result.stderr.splitlines()[-1]
    assert sorted(runs.rglob("*")) == before


def test_an_export_that_gives_something_else_is_not_kept(runs, monkeypatch):
    checkpoint = runs / "transpose" / "seed0" / "best.ckpt"
    before = sorted(checkpoint.parent.iterdir())
    real = export.write

    def wrong(network, *arguments):
        with torch.no_grad():
            network.head.bias[0] += 0.01
        real(network, *arguments)

    monkeypatch.setattr(export, "write", wrong)
    result = run(checkpoint)
    assert result.exit_code == 2
    assert "not kept" in result.stderr
    assert sorted(checkpoint.parent.iterdir()) == before


def test_what_is_demanded_of_an_export():
    metadata = make_metadata(as_trained({"name": "transpose"}))
    unpool = make_metadata(as_trained({"name": "unpool"}))
    demand(Agreement(1e-5, 1e-6, 1.0), metadata)
    demand(Agreement(0.5, 1e-6, 0.9995), unpool)  # ties of maxima
    demand(Agreement(0.5, 0.1, 0.9), make_metadata(as_trained({"name": "transpose"}), precision="int8"))
    for found in (Agreement(1e-3, 1e-6, 1.0), Agreement(np.nan, np.nan, 1.0), Agreement(1e-5, 1e-6, 0.9)):
        with pytest.raises(UsageError, match="not kept"):
            demand(found, metadata)


def test_an_export_beside_a_checkpoint_does_not_disturb_the_run(runs):
    directory = runs / "transpose" / "seed0"
    (directory / "best.onnx").write_bytes(b"")
    (directory / "best.int8.openvino").mkdir()
    config = compose_run([])
    stored = json.loads(json.dumps(load(directory).metadata.config))
    assert RunDirectory(directory, {**config, **stored}, "auto").finished
