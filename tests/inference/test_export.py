"""Every network gives in every runtime what it gives in PyTorch, at every size."""

import numpy as np
import pytest
import torch
from helpers import as_trained, image, label, noise

from unetlite.inference.export import fold_for, onnx_model
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.openvino import make_request
from unetlite.network.upsampling.base import UPSAMPLERS

OPTIONS = {"transpose": {"kernel_size": 4}, "bicubic": {"kernel_size": 1}, "carafe": {"window": 3}}
OPERATORS = [{"name": name, **OPTIONS.get(name, {})} for name in UPSAMPLERS]
SIZES = ((1, 3, 1, 1), (1, 3, 37, 91), (3, 3, 32, 48))


def run_onnx(content, pixels):
    return make_session(content).run(None, {"image": pixels})[0]


def run_openvino(content, pixels):
    return make_request(content).infer({"image": pixels})[0]


def assert_agrees(network, runners):
    """The logits of exported contents against those of their network, at SIZES."""
    for content, run in runners:
        for size in SIZES:
            expected = network(image(*size)).numpy()
            difference = np.abs(run(content, image(*size).numpy()) - expected).max()
            assert difference <= 1e-4 * max(1, np.abs(expected).max()), size


@pytest.mark.parametrize("operator", OPERATORS, ids=label)
@torch.no_grad()
def test_every_operator_agrees_in_every_runtime(operator):
    network = as_trained(operator, widths=(4, 6))
    content = onnx_model(fold_for(network, "onnx")).SerializeToString()
    for_openvino = content
    if UPSAMPLERS[operator["name"]].folds_by_runtime:
        for_openvino = onnx_model(fold_for(network, "openvino")).SerializeToString()
        assert for_openvino != content
    assert_agrees(network, [(content, run_onnx), (for_openvino, run_openvino)])


@pytest.mark.parametrize(
    ("downsample", "norm"), [("mean", "group"), ("stochastic", "instance"), ("strided", "none")]
)
@torch.no_grad()
def test_other_networks_agree_too(downsample, norm):
    options = {"downsample": {"name": downsample}, "norm": norm, "skip": "add"}
    network = as_trained({"name": "bilinear"}, widths=(4, 6), **options)
    content = onnx_model(fold_for(network, "onnx")).SerializeToString()
    assert_agrees(network, [(content, run_onnx)])


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


@pytest.mark.parametrize("pixel_type", ["uint8", "uint16", "float32"])
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
