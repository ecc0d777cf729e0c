"""Every network gives in every runtime what it gives in PyTorch, at every size."""

import numpy as np
import pytest
import torch
from helpers import as_trained, image, noise
from torch import nn

from unetlite.inference.export import fold_for, onnx_model
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.openvino import make_request
from unetlite.network.upsampling.base import UPSAMPLERS, EncoderFeatures
from unetlite.settings.schema import UNetConfig

OPTIONS = {
    "transpose": {"kernel_size": 4},
    "bicubic": {"kernel_size": 1},
    "carafe": {"window": 3},
    "sapa": {"window": 3},
    "fade": {"window": 3},
}
OPERATORS = [{"name": name, **OPTIONS.get(name, {})} for name in UPSAMPLERS]
SIZES = ((1, 1, 1), (1, 37, 91), (3, 32, 48))  # batch, height, width


def run_onnx(content, pixels):
    return make_session(content).run(None, {"image": pixels})[0]


def run_openvino(content, pixels):
    return make_request(content).infer({"image": pixels})[0]


def assert_agrees(network, runners):
    """The logits of exported contents against those of their network, at SIZES."""
    for content, run in runners:
        for batch, height, width in SIZES:
            size = (batch, 3, height, width)
            expected = network(image(*size)).numpy()
            difference = np.abs(run(content, image(*size).numpy()) - expected).max()
            assert difference <= 1e-4 * max(1, np.abs(expected).max()), size


class Operators(nn.Module):
    """Operators side by side: to them an image is the coarser map, and shuffled the encoder's."""

    def __init__(self, operators):
        super().__init__()
        self.config = UNetConfig(in_channels=16)  # what an export reads
        self.operators = nn.ModuleDict(operators)

    def forward(self, image):
        x = image.float() / 255
        fine = nn.functional.pixel_shuffle(x, 2)  # (B, 4, 2H, 2W)
        _, positions = nn.functional.max_pool2d(fine, 2, return_indices=True)
        features = EncoderFeatures(fine, positions)
        return torch.cat([up(x[:, :6], features) for up in self.operators.values()], 1)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@torch.no_grad()
def test_every_operator_agrees_in_every_runtime(runtime):
    """As it is folded for the runtime. In one export, which takes seconds."""
    operators = {}
    folded = {}
    for operator in OPERATORS:
        name = operator["name"]
        if runtime == "onnxruntime" or UPSAMPLERS[name].folds_by_runtime:
            operators[name] = as_trained(operator, widths=(4, 6)).decoder[0].up
            folded[name] = operators[name].folded(runtime)
    content = onnx_model(Operators(folded)).SerializeToString()
    runners = [run_openvino] if runtime == "openvino" else [run_onnx, run_openvino]
    for batch, height, width in SIZES:
        pixels = image(batch, 16, height, width)
        expected = Operators(operators).eval()(pixels).split(4, dim=1)
        for run in runners:
            outputs = np.split(run(content, pixels.numpy()), len(operators), axis=1)
            for name, output, right in zip(operators, outputs, expected, strict=True):
                difference = np.abs(output - right.numpy()).max()
                assert difference <= 1e-4 * max(1, float(right.abs().max())), (name, height, width)


NETWORKS = [
    ("unpool", "max", "batch"),
    ("bilinear", "mean", "group"),
    ("bilinear", "stochastic", "instance"),
    ("bilinear", "strided", "none"),
]


@pytest.mark.parametrize(("operator", "downsample", "norm"), NETWORKS)
@torch.no_grad()
def test_whole_networks_agree_too(operator, downsample, norm):
    options = {"downsample": {"name": downsample}, "norm": norm, "skip": "add"}
    network = as_trained({"name": operator}, widths=(4, 6), **options)
    content = onnx_model(fold_for(network, "onnx")).SerializeToString()
    assert_agrees(network, [(content, run_onnx), (content, run_openvino)])


def test_safetensors_hold_the_network_as_trained():
    network = as_trained({"name": "nearest"}, widths=(4, 6))
    assert fold_for(network, "safetensors") is network


def deep_image(pixel_type, channels, height, width):
    """Random pixels (1, C, H, W); floats have pixels without data."""
    pixels = noise(1, channels, height, width, dtype=np.uint16).astype(pixel_type)
    if pixel_type == "float32":
        pixels[:, :, 3:5, 4:9] = np.nan
    return pixels


def deep_network(pixel_type, channels):
    network = as_trained(
        {"name": "bilinear"},
        widths=(4, 6),
        in_channels=channels,
        pixel_type=pixel_type,
    )
    network.set_normalisation(torch.full((channels,), 3e4), torch.full((channels,), 1e4))
    return network


@pytest.mark.parametrize("pixel_type", ["uint16", "float32"])
@torch.no_grad()
def test_pixels_of_any_type_and_number_of_channels_agree(pixel_type):
    network = deep_network(pixel_type, channels=5)
    content = onnx_model(network).SerializeToString()
    pixels = deep_image(pixel_type, 5, 37, 50)
    expected = network(torch.from_numpy(pixels)).numpy()
    assert np.isfinite(expected).all()
    for run in (run_onnx, run_openvino):
        np.testing.assert_allclose(run(content, pixels), expected, atol=1e-4)


@pytest.mark.parametrize("pixel_type", ["uint8", "uint16"])
@torch.no_grad()
def test_an_export_may_take_floats_and_one_size(pixel_type):
    network = deep_network(pixel_type, channels=3)
    model = onnx_model(network, input_type="float32", size=(40, 52))
    pixels = deep_image(pixel_type, 3, 40, 52)
    expected = network(torch.from_numpy(pixels)).numpy()
    floats = pixels.astype(np.float32)
    np.testing.assert_allclose(run_onnx(model.SerializeToString(), floats), expected, atol=1e-4)


@pytest.mark.parametrize("operator", ["transpose", "nearest", "bilinear", "pixelshuffle"])
@torch.no_grad()
def test_opencv_opens_floats_of_one_size(operator):
    cv2 = pytest.importorskip("cv2")
    network = as_trained({"name": operator}, widths=(4, 6))
    model = onnx_model(fold_for(network, "onnx"), input_type="float32", size=(40, 48))
    pixels = image(1, 3, 40, 48).float()
    reader = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    reader.setInput(pixels.numpy())
    np.testing.assert_allclose(reader.forward(), network(pixels).numpy(), atol=1e-4)
