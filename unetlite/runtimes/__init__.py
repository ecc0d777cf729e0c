"""What runs a trained network: PyTorch, or one of the runtimes that it was exported to. All behind one contract."""

from pathlib import Path

from unetlite.errors import UsageError
from unetlite.run import RunFiles
from unetlite.runtimes.runtime import Runtime

SUFFIXES = {".ckpt": "pytorch", ".safetensors": "pytorch", ".onnx": "onnx", ".pt2": "pt2", ".openvino": "openvino"}
"""By the end of a file's or folder's name, the module of this package that opens it."""


def open_runtime(path: Path) -> Runtime:
    """The network of a checkpoint, of the run directory that holds it, or of anything that `unetlite export` wrote.

    Raises:
        UsageError: there is no such file, it is of another kind, it is damaged, or its runtime is not installed.
    """
    if path.is_dir() and RunFiles(path).best.exists():
        path = RunFiles(path).best
    if path.suffix == ".xml":
        path = path.parent
    if not path.exists():
        raise UsageError(f"{path}: there is no such file.")
    # Imported where they are needed: each takes its time, and may not be installed.
    match SUFFIXES.get(path.suffix):
        case "pytorch":
            from unetlite.runtimes.pytorch import open_checkpoint, open_safetensors

            return open_checkpoint(path) if path.is_file() else open_safetensors(path)
        case "onnx":
            from unetlite.runtimes.onnx import OnnxRuntime

            return OnnxRuntime(path)
        case "openvino":
            from unetlite.runtimes.openvino import OpenVino

            return OpenVino(path)
        case "pt2":
            from unetlite.runtimes.pt2 import open_weights

            return open_weights(path)
    raise UsageError(f"{path}: expected a checkpoint (.ckpt), or an export ({', '.join(list(SUFFIXES)[1:])}).")
