"""OpenVINO."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from unetlite.card import Card
from unetlite.checkpoint import KEY
from unetlite.errors import MALFORMED
from unetlite.runtimes.runtime import Runtime, opening

HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""By the card's precision, what is not quantised is computed in; OpenVINO's default is bfloat16 where it is fast."""


def read_onnx(model: bytes) -> Any:
    """The openvino.Model of the content of an ONNX file.

    Raises:
        ImportError: openvino is not installed.
    """
    import openvino

    return openvino.Core().read_model(model)


def make_request(model: Any, precision: str = "float32") -> Any:
    """An openvino.InferRequest of a model, on the CPU with as many threads as PyTorch has.

    Raises:
        ImportError: openvino is not installed.
    """
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    return openvino.compile_model(model, "CPU", settings).create_infer_request()


class OpenVino(Runtime):
    """A folder with OpenVINO's own format. Threads take turns.

    Raises:
        UsageError: the files are damaged, were not exported by unetlite, or openvino is not installed.
    """

    name = "OpenVINO"

    def __init__(self, directory: Path):
        with opening(directory):
            import openvino
        with opening(directory, *MALFORMED):
            model = openvino.Core().read_model(directory / "openvino_model.xml")
            stored = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        self.card = Card.from_json(stored, directory)
        self.lock = Lock()
        self.request = make_request(model, self.card.precision)

    def run(self, image: np.ndarray) -> np.ndarray:
        with self.lock:
            return self.request.infer({"image": image})[0].copy()  # its memory is used again
