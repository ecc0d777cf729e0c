"""Writing a network for another runtime. All formats take uint8 pixels (B, C, H, W) with any B, H, W >= 1."""

import copy
import json
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unetlite.inference.metadata import Metadata
from unetlite.network.checkpoint import KEY
from unetlite.network.unet import UNet

EXAMPLE = (2, 64, 96)
"""Batch, height and width that networks are traced with; all three stay free."""

PAGE = """---
library_name: unetlite
pipeline_tag: image-segmentation
tags: [unet, semantic-segmentation]
---

# U-Net with {upsample} upsampling

Takes raw pixels, uint8 (B, {channels}, H, W) of any size, and gives logits (B, K, H, W) of the classes {classes}.
{scores}
```python
from unetlite import load

model = load("DIR")
model.predict("image.png").overlay.save("overlay.png")
model.network  # a torch.nn.Module, to train on
```

`huggingface-cli upload NAME DIR` shares it.
"""


def write(network: UNet, metadata: Metadata, format: str, path: Path, images: Iterable[np.ndarray] = ()) -> None:
    """Writes one artefact, with the metadata in it.

    Args:
        network: in evaluation mode.
        metadata: say what the artefact gives, and its precision.
        format: "onnx" (a file), "openvino" or "safetensors" (folders).
        path: of the artefact.
        images: uint8 (C, H, W), of the training images, to choose 8-bit integers by.

    Raises:
        ImportError: a package is missing.
    """
    if format == "safetensors":
        return write_safetensors(network, metadata, path)
    model = onnx_model(network, metadata.output)
    if metadata.precision == "int8":
        model = quantised(model, images)
    if format == "onnx":
        import onnx

        onnx.helper.set_model_props(model, {KEY: metadata.model_dump_json()})
        onnx.save(model, path)
    else:
        import openvino

        converted = openvino.Core().read_model(model.SerializeToString())
        converted.set_rt_info(metadata.model_dump_json(), [KEY])
        openvino.save_model(converted, path / "openvino_model.xml", compress_to_fp16=False)


def write_safetensors(network: UNet, metadata: Metadata, directory: Path) -> None:
    """`model.safetensors`, `config.json` with the metadata, and a page about the network, `README.md`."""
    from safetensors.torch import save_file

    directory.mkdir()
    weights = {name: weight.contiguous() for name, weight in network.state_dict().items()}
    save_file(weights, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps({KEY: metadata.model_dump()}, indent=2) + "\n")
    names = {"test/miou": "mean IoU", "test/dice": "mean Dice", "test/boundary_iou_1px": "boundary IoU (1 pixel)"}
    scores = [f"{name} {metadata.metrics[key]:.4f}" for key, name in names.items() if metadata.metrics.get(key)]
    page = PAGE.format(
        upsample=metadata.network.upsample["name"], channels=metadata.network.in_channels,
        classes=", ".join(metadata.classes),
        scores=f"On the test images of {metadata.config['data']['name']}: {', '.join(scores)}.\n" if scores else "",
    )  # fmt: skip
    (directory / "README.md").write_text(page)


class Exported(nn.Module):
    """A network with the output that an export has: logits, probabilities (B, K, H, W) or classes (B, H, W)."""

    def __init__(self, network: UNet, output: str):
        super().__init__()
        # Where weights lie in memory says nothing to another runtime, but can confuse the exporter.
        self.network = copy.deepcopy(network).eval().to(memory_format=torch.contiguous_format)
        self.output = output

    def forward(self, image: Tensor) -> Tensor:
        logits = self.network(image).float()
        if self.output == "classes":
            return logits.argmax(1).to(torch.uint8)
        return logits.softmax(1) if self.output == "probabilities" else logits


def onnx_model(network: UNet, output: str = "logits") -> Any:
    """A network in evaluation mode as onnx.ModelProto. Raises ImportError if onnx or onnxscript is not installed."""
    batch, height, width = EXAMPLE
    example = torch.zeros(batch, network.config.in_channels, height, width, dtype=torch.uint8)
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with quiet("torch"):
        program = torch.onnx.export(
            Exported(network, output), (example,), dynamic_shapes={"image": free}, input_names=["image"],
            output_names=[output], dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    return program.model_proto


def quantised(model: Any, images: Iterable[np.ndarray]) -> Any:
    """An onnx.ModelProto whose convolutions compute with 8-bit integers, by ONNX Runtime's own tool.

    Weights get a scale per channel, maps one each, from the range that they take on the images. The last convolution
    stays as it is: it costs little, and the logits keep their digits.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    feeds = ({"image": image[None]} for image in images)
    reader: Any = SimpleNamespace(get_next=lambda: next(feeds, None))
    with TemporaryDirectory() as directory, quiet("root"):
        full, prepared, written = (Path(directory) / f"{name}.onnx" for name in ("full", "prepared", "written"))
        onnx.save(model, full)
        quant_pre_process(full, prepared, skip_symbolic_shape=True)
        head = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"][-1]
        quantize_static(
            prepared, written, reader, quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "ConvTranspose", "MaxPool", "AveragePool", "Concat", "Resize", "Relu"],
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=[head],
        )  # fmt: skip
        return onnx.load(written)


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keeps back what a tool says about itself, by warnings and by the logger of this name."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
