"""PyTorch: checkpoints, and folders of safetensors."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unetlite.card import Card, checkpoint_card
from unetlite.checkpoint import build_network, load_checkpoint
from unetlite.errors import MALFORMED, UsageError
from unetlite.fold import fold
from unetlite.runtimes.runtime import Runtime, opening
from unetlite.unet import UNet


class PyTorch(Runtime):
    """A UNet, folded, on a device: by default the GPU if there is one."""

    name = "PyTorch"

    def __init__(self, network: UNet, card: Card, device: str | None = None):
        self.card = replace(card, output="logits")  # whatever a file was exported with
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.network = fold(network).network.to(self.device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(self, image: np.ndarray) -> np.ndarray:
        with torch.autocast(self.device.type, enabled=False):  # whatever the caller has chosen
            return self.network(torch.from_numpy(image).to(self.device)).float().cpu().numpy()


def open_checkpoint(path: Path) -> PyTorch:
    """The network of a checkpoint.

    Raises:
        UsageError: the file is not a checkpoint of unetlite.
    """
    checkpoint = load_checkpoint(path)
    network = build_network(checkpoint, path)
    return PyTorch(network, checkpoint_card(path, checkpoint, network))


def open_safetensors(directory: Path, device: str | None = None) -> PyTorch:
    """The network of a folder that `unetlite export --format safetensors` wrote.

    Raises:
        UsageError: a file is missing, damaged, or was not written by unetlite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in ("config.json", "model.safetensors"):
        if not (directory / name).is_file():
            raise UsageError(f"{directory} has no {name}; it needs config.json and model.safetensors.")
    with opening(directory, SafetensorError, *MALFORMED):
        config = json.loads((directory / "config.json").read_text())
        card = Card.from_json(json.dumps(config.get("unetlite")), directory)
        network = UNet(card.network).eval().float()
        network.load_state_dict(load_file(directory / "model.safetensors"))
        return PyTorch(network, card, device)
