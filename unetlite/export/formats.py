"""Writing a network in each format. All take uint8 pixels (B, C, H, W) with any B, H, W >= 1."""

import copy
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.fx.experimental._config as shape_config
from torch import Tensor, nn

from unetlite.card import Card
from unetlite.checkpoint import KEY
from unetlite.errors import UsageError
from unetlite.unet import UNet

EXAMPLE = (2, 64, 96)
"""Batch, height and width that networks are traced with; all three stay free."""

FOLDS_NEAREST = ("openvino", "torch-export")
"""Formats in which folded nearest is faster. ONNX Runtime's transposed convolution of 4 x 4 is slow: see
`python benchmarks/exports.py forms`."""


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


def write_onnx(network: UNet, card: Card, file: Path) -> None:
    """ONNX with the card as metadata `unetlite`; in bfloat16 the weights only, see `store_in_bfloat16`."""
    import onnx

    model = onnx_model(network, card.output)
    if card.precision == "bfloat16":
        store_in_bfloat16(model)
    set_card(model, card)
    onnx.save(model, file)


def onnx_model(network: UNet, output: str = "logits") -> Any:
    """A network in evaluation mode as onnx.ModelProto.

    Raises:
        ImportError: onnx or onnxscript is not installed.
    """
    with quiet():
        program = torch.onnx.export(
            Exported(network, output), (example(network),), dynamic_shapes={"image": free_sizes()},
            input_names=["image"], output_names=[output], dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    return program.model_proto


def set_card(model: Any, card: Card) -> None:
    """Writes the card into an ONNX model's metadata, in place of what is there."""
    import onnx

    onnx.helper.set_model_props(model, {KEY: card.to_json()})


def store_in_bfloat16(model: Any) -> None:
    """Stores an ONNX model's weights in bfloat16, half as large; a cast at their entry gives float32 to compute with.

    ONNX Runtime has no convolutions in bfloat16 for processors. It applies the casts once, when the file is opened.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in list(model.graph.initializer):
        if weight.data_type == TensorProto.FLOAT and len(weight.dims) > 1:
            values = torch.from_numpy(numpy_helper.to_array(weight).copy()).bfloat16()
            small = onnx.TensorProto(name=f"{weight.name}.bfloat16", data_type=TensorProto.BFLOAT16, dims=weight.dims)
            small.raw_data = values.view(torch.int16).numpy().tobytes()
            casts.append(helper.make_node("Cast", [small.name], [weight.name], to=TensorProto.FLOAT))
            model.graph.initializer.remove(weight)
            model.graph.initializer.append(small)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def write_torch_export(network: UNet, card: Card, file: Path) -> None:
    """A program for `torch.export.load`, with the card as extra file `unetlite`."""
    # Otherwise sizes of one pixel would be refused.
    if not hasattr(shape_config, "backed_size_oblivious"):
        raise UsageError(
            "--format torch-export with free sizes needs a newer PyTorch: pip install -U torch torchvision"
        )
    with quiet(), shape_config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        program = torch.export.export(
            Exported(network, card.output), (example(network),), dynamic_shapes={"image": free_sizes()}
        )
        torch.export.save(program, file, extra_files={KEY: card.to_json()})


def write_openvino(network: UNet, card: Card, directory: Path) -> None:
    """OpenVINO's own format, with the card as runtime information `unetlite`."""
    file = directory.parent / "network.onnx"
    write_onnx(network, card, file)
    onnx_to_openvino(file, card, directory)
    file.unlink()


def onnx_to_openvino(file: Path, card: Card, directory: Path) -> None:
    """An ONNX file in OpenVINO's own format, quantised where the ONNX file is."""
    import openvino

    model = openvino.convert_model(file)
    model.set_rt_info(card.to_json(), [KEY])
    openvino.save_model(model, directory / "openvino_model.xml", compress_to_fp16=False)


def write_safetensors(network: UNet, card: Card, directory: Path) -> None:
    """`model.safetensors` and `config.json` with the card, as huggingface_hub has them, and a `README.md`."""
    (directory / "README.md").write_text(card.to_markdown())
    network.save_pretrained(directory)
    file = directory / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), KEY: json.loads(card.to_json())}, indent=2) + "\n")


WRITERS: Mapping[str, Callable[[UNet, Card, Path], None]] = {
    "onnx": write_onnx,
    "torch-export": write_torch_export,
    "openvino": write_openvino,
    "safetensors": write_safetensors,
}


def example(network: UNet) -> Tensor:
    """Pixels to trace a network with."""
    batch, height, width = EXAMPLE
    return torch.zeros(batch, network.config.in_channels, height, width, dtype=torch.uint8)


def free_sizes() -> dict[int, Any]:
    """Batch, height and width, for an exporter."""
    return dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps back what the exporters say about themselves."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
