"""PyTorch, for checkpoints and safetensors."""

import json
from pathlib import Path

import numpy as np
import torch

from unetlite.checkpoint import load_checkpoint
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes.base import RUNTIME_NAMES, Runtime, open_errors
from unetlite.network.checkpoint import build_network, with_weights
from unetlite.network.folding import fold
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.run_directory import RunFiles
from unetlite.settings.schema import METADATA_KEY


class PyTorch(Runtime):
    """A UNet, folded, on a device: by default the GPU if there is one.

    `network` is as it was trained, on the CPU.
    """

    name = RUNTIME_NAMES["pytorch"]

    def __init__(
        self,
        network: UNet,
        metadata: Metadata,
        device: str | None = None,
    ):
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network
        self.metadata = metadata
        self.device = torch.device(device)
        self.folded = fold(network).to(self.device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def infer(self, image: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(image).to(self.device)
        with torch.autocast(self.device.type, enabled=False):  # whatever the caller has chosen
            logits = self.folded(pixels).float()
        return logits.cpu().numpy()


def open_checkpoint(path: Path, device: str | None = None) -> PyTorch:
    """The network of a checkpoint. Raises UsageError, see `read_checkpoint`."""
    network, metadata = read_checkpoint(path)
    return PyTorch(network, metadata, device)


def open_safetensors(directory: Path, device: str | None = None) -> PyTorch:
    """The network of a folder with `model.safetensors`, and `config.json` with its metadata.

    Raises UsageError if one of them is missing, damaged, or does not fit the other.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with open_errors(directory, SafetensorError):
        values = json.loads((directory / "config.json").read_text())
        metadata = Metadata.read(values.get(METADATA_KEY), directory)
        file = directory / "model.safetensors"
        network = with_weights(metadata.network, load_file(file), file).eval()
    return PyTorch(network, metadata, device)


def read_checkpoint(path: Path) -> tuple[UNet, Metadata]:
    """The network of a checkpoint, on the CPU in float32 and evaluation mode, and its metadata.

    If a finished run tested this checkpoint, the metadata have the test scores. Raises UsageError
    if the file is missing, damaged, changed, or was not written by unetlite.
    """
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint, path).eval()
    values = {"metrics": {}, **checkpoint[METADATA_KEY]}
    values["receptive_field"] = receptive_field(network)
    values["encoder_reads_anywhere"] = network.encoder.reads_anywhere
    run = RunFiles(path.parent)
    tested = run.metrics.exists() and path.name == run.test_checkpoint.name
    if tested and isinstance(values["metrics"], dict):
        run.check_sums([run.metrics, path])
        values["metrics"] = {**values["metrics"], **run.stored_metrics()}
    return network, Metadata.read(values, path)
