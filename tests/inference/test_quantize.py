"""Convolutions compute with 8-bit integers, but for the last."""

import numpy as np
import torch
from helpers import as_trained, noise

from unetlite.inference.export import fold_for, onnx_model
from unetlite.inference.quantize import CalibrationImages, last_convolution, quantize
from unetlite.inference.runtimes.onnx import make_session


def test_images_come_one_at_a_time_and_end():
    reader = CalibrationImages([noise(3, 4, 5)])
    np.testing.assert_array_equal(reader.get_next()["image"], noise(3, 4, 5)[None])
    assert reader.get_next() is None


@torch.no_grad()
def test_logits_stay_close_and_the_head_stays_in_float32():
    network = as_trained({"name": "transpose"}, widths=(4, 6))
    model = onnx_model(fold_for(network, "onnx"))
    images = [noise(3, 32, 48, seed=seed) for seed in range(4)]
    quantized = quantize(model, images)
    kinds = {node.name: node for node in quantized.graph.node}
    assert any(node.op_type == "QuantizeLinear" for node in quantized.graph.node)
    head = kinds[last_convolution(quantized)]
    weights = {tensor.name: tensor.data_type for tensor in quantized.graph.initializer}
    assert weights[head.input[1]] == 1  # float32
    expected = network(torch.from_numpy(images[0][None])).numpy()
    session = make_session(quantized.SerializeToString())
    logits = session.run(None, {"image": images[0][None]})[0]
    assert 0 < np.abs(logits - expected).max() < 0.2 * np.abs(expected).max()
