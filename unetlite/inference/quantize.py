"""8-bit integers for an ONNX model, by ONNX Runtime's own tool."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from unetlite.terminal import hide_messages

OPERATORS = ["Conv", "ConvTranspose", "MaxPool", "AveragePool", "Concat", "Resize", "Relu"]
"""What computes with integers."""


class CalibrationImages:
    """Images (C, H, W), one at a time, as ONNX Runtime's CalibrationDataReader."""

    def __init__(self, images: Iterable[np.ndarray]):
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The input for the next image; None after the last."""
        image = next(self.images, None)
        if image is None:
            return None
        return {"image": image[None]}


def quantize(model: Any, images: Iterable[np.ndarray]) -> Any:
    """An onnx.ModelProto whose convolutions compute with 8-bit integers.

    Weights get a scale per channel. Maps get one each, from their range on the images
    (C, H, W). The last convolution stays as it is: it costs little, and the logits keep their
    digits. Raises ImportError if onnx or onnxruntime is not installed.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as directory, hide_messages():
        original = Path(directory) / "original.onnx"
        prepared = Path(directory) / "prepared.onnx"
        quantized = Path(directory) / "quantized.onnx"
        onnx.save(model, original)
        quant_pre_process(original, prepared, skip_symbolic_shape=True)
        images_reader: Any = CalibrationImages(images)
        quantize_static(
            prepared,
            quantized,
            images_reader,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            op_types_to_quantize=OPERATORS,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[last_convolution(onnx.load(prepared))],
        )
        return onnx.load(quantized)


def last_convolution(model: Any) -> str:
    """The name of the last convolution of an onnx.ModelProto."""
    names = [node.name for node in model.graph.node if node.op_type == "Conv"]
    return names[-1]
