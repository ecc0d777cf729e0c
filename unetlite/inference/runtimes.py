"""What runs a trained network, behind one contract: ONNX Runtime and OpenVINO here, which need no PyTorch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from unetlite.errors import MALFORMED, UsageError, first_line, needs
from unetlite.files import load_libraries
from unetlite.inference.metadata import Metadata
from unetlite.settings import KEY
from unetlite.timing import threads
from unetlite.training.run import RunFiles

EXPORTS = {"onnx": ".onnx", "openvino": ".openvino", "safetensors": ".safetensors"}  # how names end; two are folders


class Runtime(ABC):
    """A network that is ready to predict."""

    name: str  # as people call it
    metadata: Metadata

    @abstractmethod
    def run(self, image: np.ndarray) -> np.ndarray:
        """Raw pixels uint8 (B, C, H, W), any B, H, W >= 1, to what `metadata.output` says: logits or probabilities
        float32 (B, K, H, W), or classes uint8 (B, H, W)."""

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Float32 (B, K, H, W), adding up to 1 over K; where only classes are given, 1 for the class that is."""
        found = self.run(np.require(image, requirements=("C", "W")))
        batch, _, *size = image.shape
        shape = (batch, *size) if self.metadata.output == "classes" else (batch, len(self.metadata.classes), *size)
        if found.shape != shape or not np.isfinite(found).all():
            given = f"{found.dtype} {found.shape}, or values that are no numbers, for an image of {image.shape}"
            raise UsageError(f"{self.name} gives {given}; the file does not hold what it says. Export it anew.")
        if self.metadata.output == "classes":
            return (found[:, None] == np.arange(len(self.metadata.classes))[:, None, None]).astype(np.float32)
        if self.metadata.output == "logits":
            found = np.exp(found - found.max(1, keepdims=True))
            found /= found.sum(1, keepdims=True)
        return found


class OnnxRuntime(Runtime):
    """An ONNX file."""

    name = "ONNX Runtime"

    def __init__(self, path: Path):
        with needs("export"):
            from onnxruntime.capi import onnxruntime_pybind11_state as state
        errors = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
        with opening(path, *errors):
            self.session = make_session(path)
            stored = self.session.get_modelmeta().custom_metadata_map.get(KEY)
            inputs = [(each.name, each.type) for each in self.session.get_inputs()]
        self.metadata = Metadata.read(stored if inputs == [("image", "tensor(uint8)")] else None, path)

    def run(self, image: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"image": image})[0]


def make_session(model: Path | bytes) -> Any:
    """An onnxruntime.InferenceSession of a file or its content, on the CPU with as many threads as PyTorch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OpenVino(Runtime):
    """A folder with OpenVINO's own format. Threads take turns."""

    name = "OpenVINO"

    def __init__(self, directory: Path):
        with needs("export"):
            import openvino
        with opening(directory):
            model = openvino.Core().read_model(directory / "openvino_model.xml")
            stored = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        self.metadata = Metadata.read(stored, directory)
        self.request, self.lock = make_request(model, self.metadata.precision), Lock()

    def run(self, image: np.ndarray) -> np.ndarray:
        with self.lock:
            return self.request.infer({"image": image})[0].copy()  # its memory is used again


def make_request(model: Any, precision: str = "float32") -> Any:
    """An openvino.InferRequest of a model or of an ONNX file's content, with as many threads as PyTorch has."""
    import openvino

    model = openvino.Core().read_model(model) if isinstance(model, bytes) else model
    settings = {
        # What is not quantised is computed in this type. By default that is bfloat16 wherever it is fast.
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        "INFERENCE_NUM_THREADS": threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    return openvino.compile_model(model, "CPU", settings).create_infer_request()


@contextmanager
def opening(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Says in words that a file is damaged or foreign, if opening it raises OSError, MALFORMED or one of `errors`."""
    damaged: tuple[type[Exception], ...] = (OSError, *MALFORMED, *errors)
    try:
        yield
    except damaged as error:
        raise UsageError(f"{path} cannot be opened; it is damaged or of another kind. {first_line(error)}") from None


def open_runtime(path: Path, kind: str | None = None, device: str | None = None) -> Runtime:
    """The network of a checkpoint, of the run directory that holds it, or of anything that `unetlite export` wrote.

    `kind` is the suffix of its kind where neither name nor content tells; `device` is for PyTorch. Raises UsageError if
    the file is missing, damaged or of another kind, or if its runtime is not installed.
    """
    if path.is_dir() and RunFiles(path).judged.exists():
        path = RunFiles(path).judged
    if path.name in ("openvino_model.xml", "openvino_model.bin", "model.safetensors", "config.json"):
        path = path.parent
    if not path.exists():
        raise UsageError(f"{path}: there is no such file.")
    of_folder = {"model.safetensors": ".safetensors", "openvino_model.xml": ".openvino"}
    match kind or next((kind for name, kind in of_folder.items() if (path / name).exists()), path.suffix):
        case ".ckpt" | ".safetensors" as kind:
            load_libraries("torch")
            from unetlite.inference.pytorch import PyTorch, read_checkpoint, read_safetensors

            return PyTorch(*(read_checkpoint if kind == ".ckpt" else read_safetensors)(path), device)
        case ".onnx":
            return OnnxRuntime(path)
        case ".openvino":
            return OpenVino(path)
    expected = ", ".join(EXPORTS.values())
    raise UsageError(f"{path}: expected a checkpoint (.ckpt), a run directory, or an export ({expected}).")
