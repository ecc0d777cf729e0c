"""Eight-bit integers, by ONNX Runtime's own tool."""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def quantise(file: Path, images: Iterable[np.ndarray], quantised: Path) -> None:
    """Rewrites an ONNX file so that convolutions compute with 8-bit integers.

    Weights get a scale per channel, maps one each, from the range that they take on the images. The last convolution
    stays as it is: it costs little, and the logits keep their digits.

    Args:
        file: what `write_onnx` wrote, in float32.
        images: uint8 (C, H, W), of the training images.
        quantised: the file to write.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        """The images one by one, as the tool takes them."""

        def __init__(self) -> None:
            self.images = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.images, None)
            return None if image is None else {"image": image[None]}

    prepared = file.with_suffix(".prepared.onnx")
    logging.disable(logging.WARNING)  # of the tool, about itself
    try:
        quant_pre_process(file, prepared, skip_symbolic_shape=True)
        head = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"][-1]
        quantize_static(
            prepared, quantised, Images(), quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "ConvTranspose", "MaxPool", "AveragePool", "Concat", "Resize", "Relu"],
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=[head],
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
        prepared.unlink(missing_ok=True)
