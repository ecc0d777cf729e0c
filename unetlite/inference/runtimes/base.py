"""The contract of a runtime: raw pixels in, logits, probabilities or classes out."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from unetlite.errors import PARSE_ERRORS, UsageError, first_line
from unetlite.inference.metadata import Metadata

EXPORTS = {"onnx": ".onnx", "openvino": ".openvino", "safetensors": ".safetensors"}
"""The suffix of each format's name. ONNX is a file, the others are folders."""

RUNTIME_NAMES = {"pytorch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
"""The runtimes as they are shown, by what the code calls them."""


class Runtime(ABC):
    """A network that is ready to predict."""

    name: str  # of RUNTIME_NAMES
    metadata: Metadata

    @abstractmethod
    def infer(self, image: np.ndarray) -> np.ndarray:
        """What `run` gives, for a batch of the type and size that the file takes."""

    def run(self, image: np.ndarray) -> np.ndarray:
        """What `metadata.output` names, for raw pixels (B, C, H, W), any B, H, W >= 1.

        Logits or probabilities are float32 (B, K, H, W), classes are uint8 (B, H, W). Raises
        UsageError if an export takes images of another size only.
        """
        image = np.array(image, self.metadata.takes, order="C")
        size = self.metadata.input_size
        if size is None:
            return self.infer(image)
        if image.shape[-2:] != size:
            height, width = image.shape[-2:]
            raise UsageError(
                f"an image of {height} x {width} pixels: this export takes {size[0]} x {size[1]} "
                "only. Scale or crop the image, or export without --size."
            )
        outputs = [self.infer(image[k : k + 1]) for k in range(len(image))]
        return np.concatenate(outputs)

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Float32 (B, K, H, W), which add up to 1 over K. A class without a score gets 1.

        Raises UsageError if the output has another shape than the metadata says, or is not finite.
        """
        output = self.run(image)
        kind = self.metadata.output
        batch, _, height, width = image.shape
        indices = np.arange(len(self.metadata.classes))
        shape = [batch, len(indices), height, width]
        if kind == "classes":
            shape = [batch, height, width]
        if list(output.shape) != shape or not np.isfinite(output).all():
            raise UsageError(
                f"{self.name} gives {output.dtype} {output.shape}, or values that are not finite, "
                f"for an image of {image.shape}; the file does not match its metadata. "
                "Export it anew."
            )
        if kind == "classes":
            one_hot = output[:, None] == indices[:, None, None]
            return one_hot.astype(np.float32)
        if kind == "logits":
            output = np.exp(output - output.max(1, keepdims=True))
            output /= output.sum(1, keepdims=True)
        return output


@contextmanager
def open_errors(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Turns what opening a damaged or foreign file raises, also these errors, into a UsageError."""
    damaged: tuple[type[Exception], ...] = (OSError, *PARSE_ERRORS, *errors)
    try:
        yield
    except damaged as error:
        raise UsageError(
            f"{path} cannot be opened; it is damaged or of another kind. {first_line(error)}"
        ) from None
