"""Reading checkpoints, as data and never as code; what is no checkpoint of this version ends in a UsageError."""

import pickle
from pathlib import Path
from typing import Any

import torch

from unetlite.errors import MALFORMED, UsageError, first_line
from unetlite.network.unet import UNet
from unetlite.settings import UNetConfig

KEY = "unetlite"
"""Where a checkpoint has the network's configuration, class names and colours, and the run's configuration, environment
and scores."""


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint that this project wrote, on the CPU."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (*MALFORMED, pickle.UnpicklingError, EOFError, OSError):
        # The reason is left out: for a foreign file PyTorch's own recommends to run its code.
        raise UsageError(f"{path} is not a checkpoint, or is damaged.") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(KEY), dict):
        raise UsageError(f"{path} is not a checkpoint of unetlite.")
    return checkpoint


def load_network(path: Path) -> UNet:
    """The network of a checkpoint, with its weights, on the CPU."""
    return build_network(load_checkpoint(path), path)


def build_network(checkpoint: dict[str, Any], path: Path) -> UNet:
    """The network of the content of a checkpoint, in float32."""
    prefix = "network."
    try:
        network = UNet(UNetConfig(**checkpoint[KEY]["network"])).float()  # whatever PyTorch's default type is
        stored = checkpoint["state_dict"].items()
        network.load_state_dict({name.removeprefix(prefix): w for name, w in stored if name.startswith(prefix)})
    except (UsageError, *MALFORMED) as error:
        raise UsageError(
            f"{path} holds another network than this version of unetlite builds ({first_line(error)})."
        ) from None
    return network
