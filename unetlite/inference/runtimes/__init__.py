"""The runtimes that predict with a trained network, and which of them opens a file."""

from importlib import import_module
from pathlib import Path

from unetlite.errors import UsageError
from unetlite.inference.demo_networks import PREFIX, demo_folder
from unetlite.inference.runtimes.base import EXPORTS, Runtime
from unetlite.run_directory import RunFiles
from unetlite.terminal import load_libraries

RUNTIMES = {
    ".ckpt": ("pytorch", "open_checkpoint"),
    ".safetensors": ("pytorch", "open_safetensors"),
    ".onnx": ("onnx", "OnnxRuntime"),
    ".openvino": ("openvino", "OpenVino"),
}
"""By suffix, what opens a file: a module beside this one, and a function or class in it."""

FOLDERS = {"model.safetensors": ".safetensors", "openvino_model.xml": ".openvino"}
"""The kind of an exported folder, by a file in it."""

FILES_OF_FOLDERS = (*FOLDERS, "openvino_model.bin", "config.json")


def open_runtime(
    path: Path,
    kind: str | None = None,
    device: str | None = None,
) -> Runtime:
    """The network of a checkpoint, of its run directory, or of anything that an export wrote.

    A path such as `demo:transpose` is a network of the package.
    `kind` is its suffix, where neither name nor content shows it. `device` is for PyTorch. Raises
    UsageError if the file is missing, damaged or of another kind, or its runtime is not installed.
    """
    path = find_model(path)
    kind = kind or model_kind(path)
    if kind not in RUNTIMES:
        suffixes = ", ".join(EXPORTS.values())
        raise UsageError(
            f"{path}: expected a checkpoint (.ckpt), a run directory, or an export ({suffixes})."
        )
    module_name, opener_name = RUNTIMES[kind]
    if module_name == "pytorch":
        load_libraries("torch")
    opener = getattr(import_module(f"{__name__}.{module_name}"), opener_name)
    return opener(path, device) if module_name == "pytorch" else opener(path)


def find_model(path: Path) -> Path:
    """The checkpoint of a run directory, the folder of a file in an export, or the path itself.

    For a name such as `demo:transpose` it is a folder of the package.
    """
    if str(path).startswith(PREFIX):
        return demo_folder(str(path))
    if path.is_dir() and RunFiles(path).test_checkpoint.exists():
        return RunFiles(path).test_checkpoint
    if path.name in FILES_OF_FOLDERS:
        path = path.parent
    if not path.exists():
        raise UsageError(f"{path}: there is no such file.")
    return path


def model_kind(path: Path) -> str:
    """The suffix of a model's kind: of a folder by its content, else that of its name."""
    for name, kind in FOLDERS.items():
        if (path / name).exists():
            return kind
    return path.suffix
