"""ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from unetlite.card import Card, foreign
from unetlite.checkpoint import KEY
from unetlite.errors import MALFORMED
from unetlite.runtimes.runtime import Runtime, opening


def make_session(model: Path | bytes) -> Any:
    """An onnxruntime.InferenceSession of a file or its content, on the CPU with as many threads as PyTorch has.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OnnxRuntime(Runtime):
    """An ONNX file.

    Raises:
        UsageError: the file is damaged, was not exported by unetlite, or onnxruntime is not installed.
    """

    name = "ONNX Runtime"

    def __init__(self, path: Path):
        with opening(path):
            from onnxruntime.capi import onnxruntime_pybind11_state as state
        errors = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
        with opening(path, *errors, *MALFORMED):
            self.session = make_session(path)
            stored = self.session.get_modelmeta().custom_metadata_map.get(KEY)
            inputs = [(each.name, each.type) for each in self.session.get_inputs()]
        self.card = Card.from_json(stored, path)
        if inputs != [("image", "tensor(uint8)")]:
            raise foreign(path)

    def run(self, image: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"image": image})[0]
