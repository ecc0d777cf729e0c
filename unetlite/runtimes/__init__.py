"""What runs a trained network: PyTorch, or one of the runtimes that it was exported to. All behind one contract."""

from pathlib import Path

from unetlite.errors import UsageError
from unetlite.run import EXPORTS, RunFiles
from unetlite.runtimes.runtime import Runtime


def open_runtime(path: Path) -> Runtime:
    """The network of a checkpoint, of the run directory that holds it, or of anything that `unetlite export` wrote.

    Raises:
        UsageError: there is no such file, it is of another kind, it is damaged, or its runtime is not installed.
    """
    if path.is_dir() and RunFiles(path).best.exists():
        path = RunFiles(path).best
    if path.suffix in (".xml", ".bin") or path.name in ("model.safetensors", "config.json"):
        path = path.parent
    if not path.exists():
        raise UsageError(f"{path}: there is no such file.")
    # Imported where they are needed: each takes its time, and may not be installed.
    match kind(path):
        case ".ckpt":
            from unetlite.runtimes.pytorch import open_checkpoint

            return open_checkpoint(path)
        case ".safetensors":
            from unetlite.runtimes.pytorch import open_safetensors

            return open_safetensors(path)
        case ".onnx":
            from unetlite.runtimes.onnx import OnnxRuntime

            return OnnxRuntime(path)
        case ".openvino":
            from unetlite.runtimes.openvino import OpenVino

            return OpenVino(path)
        case ".pt2":
            from unetlite.runtimes.pt2 import open_weights

            return open_weights(path)
    expected = ", ".join(EXPORTS.values())
    raise UsageError(f"{path}: expected a checkpoint (.ckpt), a run directory, or an export ({expected}).")


def kind(path: Path) -> str:
    """What a file or folder is: the suffix of its kind, by its own suffix, or for a folder by what lies in it."""
    if (path / "model.safetensors").exists():
        return EXPORTS["safetensors"]
    if (path / "openvino_model.xml").exists():
        return EXPORTS["openvino"]
    return path.suffix
