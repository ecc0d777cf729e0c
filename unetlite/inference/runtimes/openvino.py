"""OpenVINO."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from unetlite.errors import require_extra
from unetlite.inference import measure
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes.base import RUNTIME_NAMES, Runtime, open_errors
from unetlite.settings.schema import METADATA_KEY
from unetlite.threads import num_threads


class OpenVino(Runtime):
    """A folder in OpenVINO's own format, on the CPU. Threads take turns."""

    name = RUNTIME_NAMES["openvino"]

    def __init__(self, directory: Path):
        with require_extra("export"):
            import openvino
        stored = None
        with open_errors(directory):
            model = openvino.Core().read_model(directory / "openvino_model.xml")
            if model.has_rt_info([METADATA_KEY]):
                stored = model.get_rt_info([METADATA_KEY]).astype(str)
        self.metadata = Metadata.read(stored, directory)
        self.request = make_request(model, self.metadata.precision)
        self.lock = Lock()

    def infer(self, image: np.ndarray) -> np.ndarray:
        with self.lock:
            output = self.request.infer({"image": image})[0]
            return output.copy()  # the request uses its memory again


def make_request(model: Any, precision: str = "float32") -> Any:
    """An openvino.InferRequest of a model, or of the content of an ONNX file.

    It takes as many threads as PyTorch.
    """
    import openvino

    if isinstance(model, bytes):
        model = openvino.Core().read_model(model)
    hint = "bf16" if precision == "bfloat16" else "f32"
    return measure.make_request(model, num_threads(), hint)
