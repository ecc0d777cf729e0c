"""A network for other runtimes."""

import copy
import logging
import warnings
from pathlib import Path

import torch

from unetlite.unet import UNet


def to_onnx(network: UNet, file: Path) -> None:
    """Writes a network in evaluation mode as ONNX with free batch, height and width: uint8 pixels to float32 logits.

    Raises:
        ImportError: onnxscript is not installed.
    """
    # Where weights lie in memory says nothing to another runtime, but can confuse the exporter.
    network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    example = torch.zeros(2, network.config.in_channels, 64, 96, dtype=torch.uint8)
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        program = torch.onnx.export(
            network, (example,), dynamic_shapes={"image": free}, input_names=["image"], output_names=["logits"],
            dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    program.save(str(file))
