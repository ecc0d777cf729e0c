"""Every network gives in every runtime what it gives in PyTorch, at every size."""

import numpy as np
import pytest
import torch
from helpers import as_trained, image, label

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
