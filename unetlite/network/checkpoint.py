"""Networks of checkpoints. The files are read as data, never as code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unetlite.checkpoint import load_checkpoint
from unetlite.errors import PARSE_ERRORS, UsageError, first_line
from unetlite.network.names import upgrade_names
from unetlite.network.unet import UNet
from unetlite.settings.schema import METADATA_KEY, UNetConfig

PREFIX = "network."
"""Of the network's names in the state dict of a checkpoint."""


def load_network(path: Path) -> UNet:
    """The network of a checkpoint, with its weights, on the CPU in float32."""
    return build_network(load_checkpoint(path), path)


def build_network(checkpoint: dict[str, Any], path: Path) -> UNet:
    """The network of the content of a checkpoint, in float32.

    Raises UsageError if this version builds another network.
    """
    try:
        weights = {}
        for name, weight in checkpoint["state_dict"].items():
            if name.startswith(PREFIX):
                weights[name.removeprefix(PREFIX)] = weight
        config = UNetConfig(**checkpoint[METADATA_KEY]["network"])
        return with_weights(config, weights, path)
    except (UsageError, *PARSE_ERRORS) as error:
        reason = first_line(error)
        raise UsageError(
            f"{path} holds another network than this version of unetlite builds ({reason})."
        ) from None


def with_weights(config: UNetConfig, weights: Mapping[str, Tensor], path: Path) -> UNet:
    """A network with the weights of the file `path`, of this version or an older one, in float32.

    Raises UsageError or one of PARSE_ERRORS if they do not fit. Before it is certain that shapes
    fit and that the file is as large as its numbers, nothing is allocated.
    """
    size = sum(weight.nbytes for weight in weights.values())
    if size > path.stat().st_size:
        raise ValueError("more numbers than the file has room for")
    with torch.device("meta"):
        network = UNet(config)
    network.load_state_dict(upgrade_names(weights), assign=True)
    if any(buffer.is_meta for buffer in network.buffers()):  # constants of an encoder of timm
        network = UNet(config)
        network.load_state_dict(weights)
    for name, weight in network.state_dict().items():
        if not weight.isfinite().all():
            raise ValueError(f"{name} is not finite")
    return network.float()  # whatever PyTorch's default type is
