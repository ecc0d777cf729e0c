"""ONNX Runtime."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.errors import require_extra
from unetlite.inference import measure
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes.base import RUNTIME_NAMES, Runtime, open_errors
from unetlite.settings.schema import METADATA_KEY
from unetlite.threads import num_threads

INPUT_TYPES = {"uint8": "tensor(uint8)", "uint16": "tensor(uint16)", "float32": "tensor(float)"}


class OnnxRuntime(Runtime):
    """An ONNX file, on the CPU."""

    name = RUNTIME_NAMES["onnxruntime"]

    def __init__(self, path: Path):
        with require_extra("export"):
            import_module("onnxruntime")
        with open_errors(path, Exception):  # its errors have no class of their own
            self.session = make_session(path)
            stored = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            inputs = [(node.name, node.type) for node in self.session.get_inputs()]
        self.metadata = Metadata.read(stored, path)
        if inputs != [("image", INPUT_TYPES[self.metadata.takes])]:
            self.metadata = Metadata.read(None, path)  # raises the error of a foreign file

    def infer(self, image: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"image": image})[0]


def make_session(model: Path | bytes) -> Any:
    """An onnxruntime.InferenceSession of a file or its content, on the CPU.

    It takes as many threads as PyTorch.
    """
    return measure.make_session(model, num_threads())
