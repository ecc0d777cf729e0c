"""Writing a network for another runtime."""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unetlite.inference.metadata import Metadata
from unetlite.inference.quantize import quantize
from unetlite.network.folding import fold
from unetlite.network.unet import UNet
from unetlite.settings.schema import METADATA_KEY, PixelType
from unetlite.terminal import hide_messages


def fold_for(network: UNet, format: str) -> UNet:
    """The network in the form that is fastest in the runtime of a format.

    Safetensors are for training on, too. They are folded when they are opened to predict.
    """
    if format == "safetensors":
        return network
    runtime = "onnxruntime" if format == "onnx" else format
    return fold(network, runtime)


def write_export(
    network: UNet,
    metadata: Metadata,
    format: str,
    path: Path,
    images: Iterable[np.ndarray] = (),
) -> None:
    """Writes a network in evaluation mode with its metadata, which name its output and precision.

    In all formats it takes pixels (B, C, H, W), any B, H, W >= 1, of the type of its images unless
    the metadata say otherwise. `images` (C, H, W) calibrate 8-bit integers. Raises ImportError if a
    package is missing.
    """
    if format == "safetensors":
        write_safetensors(network, metadata, path)
        return
    import onnx

    model = onnx_model(
        network,
        metadata.output,
        metadata.input_type,
        metadata.input_size,
    )
    if metadata.precision == "int8":
        pixels = (image.astype(metadata.takes) for image in images)
        model = quantize(model, pixels)
    if format == "onnx":
        onnx.helper.set_model_props(model, {METADATA_KEY: metadata.model_dump_json()})
        onnx.save(model, path)
        return
    import openvino

    converted = openvino.Core().read_model(model.SerializeToString())
    converted.set_rt_info(metadata.model_dump_json(), [METADATA_KEY])
    openvino.save_model(converted, path / "openvino_model.xml", compress_to_fp16=False)


def write_safetensors(
    network: UNet,
    metadata: Metadata,
    directory: Path,
) -> None:
    """A folder with `model.safetensors`, and `config.json` with the metadata."""
    from safetensors.torch import save_file

    directory.mkdir()
    weights = {name: weight.contiguous() for name, weight in network.state_dict().items()}
    save_file(weights, directory / "model.safetensors")
    config = json.dumps({METADATA_KEY: metadata.model_dump()}, indent=2)
    (directory / "config.json").write_text(config + "\n")


class ExportedNetwork(nn.Module):
    """A network with the output of an export: logits, probabilities (B, K, H, W) or classes."""

    def __init__(
        self,
        network: UNet,
        output: str,
    ):
        super().__init__()
        network = copy.deepcopy(network).eval()
        # The order of weights in memory means nothing elsewhere, but can confuse the exporter.
        self.network = network.to(memory_format=torch.contiguous_format)
        self.output = output

    def forward(self, image: Tensor) -> Tensor:
        logits = self.network(image).float()
        if self.output == "classes":
            return logits.argmax(1).to(torch.uint8)  # (B, H, W)
        if self.output == "probabilities":
            return logits.softmax(1)
        return logits


def onnx_model(
    network: UNet,
    output: str = "logits",
    input_type: PixelType | None = None,
    size: tuple[int, int] | None = None,
) -> Any:
    """A network in evaluation mode as onnx.ModelProto, for any batch, height and width.

    With a `size` (height, width) it is for one image of that. Raises ImportError if onnx or
    onnxscript is not installed.
    """
    batch = 2 if size is None else 1
    height, width = size or (64, 96)
    pixel_type = getattr(torch, input_type or network.config.pixel_type)
    channels = network.config.in_channels
    example = torch.zeros(batch, channels, height, width, dtype=pixel_type)
    dynamic = torch.export.Dim.DYNAMIC
    free = {"image": {0: dynamic, 2: dynamic, 3: dynamic}}
    with hide_messages():
        program: Any = torch.onnx.export(
            ExportedNetwork(network, output),
            (example,),
            dynamic_shapes=free if size is None else None,
            input_names=["image"],
            output_names=[output],
            dynamo=True,
            verbose=False,
        )
    return program.model_proto
