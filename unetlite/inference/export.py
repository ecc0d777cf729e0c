"""Writing a network for another runtime, and whether it then gives what the checkpoint gives, and how fast."""

import copy
import json
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unetlite.data.cache import Split
from unetlite.errors import UsageError
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import Runtime
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings import KEY
from unetlite.timing import in_turn

SIZES = ((1, 256, 256), (3, 128, 192), (1, 37, 91))  # batch, height and width of what an export is checked with
TOLERANCE = 1e-4  # of logits relative to the largest, where that is above 1, and of probabilities
EQUAL_CLASSES = 0.999


def write(network: UNet, metadata: Metadata, format: str, path: Path, images: Iterable[np.ndarray] = ()) -> None:
    """Writes a network in evaluation mode with its metadata, which say what it is to give and how precisely.

    It takes uint8 pixels (B, C, H, W), any B, H, W >= 1, in all formats. 8-bit integers are chosen by `images`, uint8
    (C, H, W). Raises ImportError if a package is missing.
    """
    if format == "safetensors":
        from safetensors.torch import save_file

        path.mkdir()
        weights = {name: weight.contiguous() for name, weight in network.state_dict().items()}
        save_file(weights, path / "model.safetensors")
        (path / "config.json").write_text(json.dumps({KEY: metadata.model_dump()}, indent=2) + "\n")
        return
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
    example = torch.zeros(2, network.config.in_channels, 64, 96, dtype=torch.uint8)
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with quiet():
        program: Any = torch.onnx.export(
            Exported(network, output), (example,), dynamic_shapes={"image": free}, input_names=["image"],
            output_names=[output], dynamo=True, verbose=False,
        )  # fmt: skip
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
    with TemporaryDirectory() as directory, quiet():
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
def quiet() -> Iterator[None]:
    """Keeps back what a tool says about itself, by warnings and in the log."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


class Agreement(NamedTuple):
    """Of an export with the network it was made of."""

    difference: float  # the largest; of logits relative to the largest, if above 1, of classes the share that differs
    bulk: float  # the largest but for the 5 % that differ most
    classes: float  # the share of pixels whose class is equal


@torch.inference_mode()
def agreement(runtime: Runtime, network: UNet, images: Sequence[np.ndarray]) -> Agreement:
    """The outputs of an export against those of its network in float32, for windows of SIZES out of uint8 (C, H, W)."""
    differences, equal = [], []
    for size in SIZES:
        for batch in batches(images, *size):
            logits, found = network(torch.from_numpy(batch)), runtime.run(batch)  # (B, K, H, W)
            classes = found if runtime.metadata.output == "classes" else found.argmax(1)
            equal.append((classes == logits.argmax(1).numpy()).ravel())
            if runtime.metadata.output != "classes":
                expected = logits if runtime.metadata.output == "logits" else logits.softmax(1)
                difference = np.abs(found - expected.numpy()) / max(1.0, float(expected.abs().max()))
                differences.append(difference.ravel())
    same = float(np.concatenate(equal).mean())
    if not differences:
        return Agreement(1 - same, 1 - same, same)
    values = np.concatenate(differences)
    return Agreement(float(values.max()), float(np.quantile(values, 0.95)), same)


def batches(images: Sequence[np.ndarray], batch: int, height: int, width: int) -> list[np.ndarray]:
    """The images cut to one size, each repeated where it is smaller, uint8 (B, C, H, W), in whole batches."""
    windows = [image.take(range(height), 1, mode="wrap").take(range(width), 2, mode="wrap") for image in images]
    windows *= -(-batch // len(windows))
    return [np.stack(windows[k : k + batch]) for k in range(0, len(windows) - batch + 1, batch)]


def demand(found: Agreement, metadata: Metadata) -> None:
    """Raises UsageError if an export may not be kept: see TOLERANCE and EQUAL_CLASSES. Integers may differ.

    Unpooling puts a value where the maximum was. Where two pixels tie but for rounding, no two runtimes need agree, nor
    does PyTorch in float32 with itself in float64; there the tolerance holds for the bulk.
    """
    ties = getattr(UPSAMPLERS[metadata.network.upsample["name"]], "needs_positions", False)
    difference = found.bulk if ties else found.difference
    if not np.isfinite(found.difference):
        raise UsageError("the export gives values that are no numbers; it was not kept.")
    if metadata.precision == "float32" and metadata.output != "classes" and difference > TOLERANCE:
        differs = f"the export differs from the checkpoint by {difference:.1e}, more than {TOLERANCE:.0e}"
        raise UsageError(f"{differs}; it was not kept. Try --no-fold, or another --format.")
    if metadata.precision != "int8" and found.classes < EQUAL_CLASSES:
        equal = f"the export gives the class of the checkpoint at {found.classes:.3%} of the pixels"
        raise UsageError(f"{equal}, less than {EQUAL_CLASSES:.1%}; it was not kept. Try --precision float32.")


def some_images(split: Split, count: int) -> Iterator[np.ndarray]:
    """Images from all over a split, uint8 (C, H, W)."""
    for index in np.unique(np.linspace(0, len(split) - 1, count).astype(int)).tolist():
        yield split[split.whole(index)][0].numpy()


@torch.inference_mode()
def loss(runtime: Runtime, network: UNet, split: Split) -> str:
    """The mean IoU of a runtime and of the network it was made of, over the whole images of a split, in words."""
    before, after = (SegmentationScores(runtime.metadata.classes) for _ in range(2))
    for index in range(len(split)):
        image, mask = split[split.whole(index)]
        before.update(network(image[None]).argmax(1), mask[None])
        after.update(torch.from_numpy(runtime.probabilities(image[None].numpy())).argmax(1), mask[None])
    old, new = (float(scores.compute()["miou"]) for scores in (before, after))
    return f"{new:.5f} on the {len(split)} test images, {new - old:+.5f} against the checkpoint's {old:.5f} in float32"


@torch.inference_mode()
def latency(runtime: Runtime, network: UNet, images: Sequence[np.ndarray]) -> str:
    """Medians of the export and of PyTorch as trained, taken in turn, in words."""
    (image, *_) = batches(images, 1, 256, 256)
    functions = {"export": partial(runtime.run, image), "trained": partial(network, torch.from_numpy(image))}
    export, trained = in_turn(functions).values()
    measured = f"{export:.1f} ms for 256 x 256 pixels with {torch.get_num_threads()} threads"
    return f"{measured}, {trained / export:.1f} times as fast as the checkpoint in PyTorch ({trained:.1f} ms)"
