"""PyTorch as a runtime: networks of checkpoints, and of safetensors."""

import json
from pathlib import Path

import numpy as np
import torch

from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import Runtime, opening
from unetlite.network.checkpoint import build_network, load_checkpoint, with_weights
from unetlite.network.folding import fold
from unetlite.network.measures import receptive_field
from unetlite.network.unet import UNet
from unetlite.settings import KEY
from unetlite.training.run import RunFiles


class PyTorch(Runtime):
    """A UNet, folded, on a device: by default the GPU if there is one. `network` is as it was trained, on the CPU."""

    name = "PyTorch"

    def __init__(self, network: UNet, metadata: Metadata, device: str | None = None):
        self.network, self.metadata = network, metadata
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.folded = fold(network).to(self.device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(self, image: np.ndarray) -> np.ndarray:
        with torch.autocast(self.device.type, enabled=False):  # whatever the caller has chosen
            return self.folded(torch.from_numpy(image).to(self.device)).float().cpu().numpy()


def read_checkpoint(path: Path) -> tuple[UNet, Metadata]:
    """The network of a checkpoint, on the CPU in float32 and evaluation mode, and its metadata.

    The scores are those of the test images if a finished run was judged by it. UsageError if the file is missing,
    damaged, or was not written by unetlite.
    """
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint, path).eval()
    values = {"metrics": {}, **checkpoint[KEY], "receptive_field": receptive_field(network.config)}
    run = RunFiles(path.parent)
    if run.metrics.exists() and path.name == run.judged.name and isinstance(values["metrics"], dict):
        values["metrics"] |= run.stored_metrics()
    return network, Metadata.read(values, path)


def read_safetensors(directory: Path) -> tuple[UNet, Metadata]:
    """The same of a folder with `model.safetensors`, and `config.json` that holds the metadata."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with opening(directory, SafetensorError):
        metadata = Metadata.read(json.loads((directory / "config.json").read_text()).get(KEY), directory)
        file = directory / "model.safetensors"
        return with_weights(metadata.network, load_file(file), file).eval(), metadata
