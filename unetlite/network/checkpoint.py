"""Reading checkpoints, as data and never as code; what is no checkpoint of this version ends in a UsageError."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unetlite.errors import MALFORMED, UsageError, first_line
from unetlite.network.unet import UNet
from unetlite.registry import is_plain
from unetlite.settings import KEY, UNetConfig

LARGEST_PICKLE = 2**24  # bytes of a checkpoint's structure, all but the numbers themselves


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint that this project wrote, on the CPU."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint.")
    try:
        with zipfile.ZipFile(path) as archive:  # which may be no larger than the file, before it is read
            entries = archive.infolist()
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            structure = sum(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
            size = sum(entry.file_size for entry in entries)
            if packed or structure > LARGEST_PICKLE or size > path.stat().st_size or archive.testzip():
                raise ValueError("not as PyTorch writes it")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (*MALFORMED, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError):
        # The reason is left out: for a foreign file PyTorch's own recommends to run its code.
        raise UsageError(f"{path} is not a checkpoint, or is damaged.") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(KEY), dict) or not is_plain(checkpoint[KEY]):
        raise UsageError(f"{path} is not a checkpoint of unetlite.")
    return checkpoint


def load_network(path: Path) -> UNet:
    """The network of a checkpoint, with its weights, on the CPU."""
    return build_network(load_checkpoint(path), path)


def build_network(checkpoint: dict[str, Any], path: Path) -> UNet:
    """The network of the content of a checkpoint, in float32."""
    try:
        stored = checkpoint["state_dict"].items()
        weights = {name.removeprefix("network."): w for name, w in stored if name.startswith("network.")}
        return with_weights(UNetConfig(**checkpoint[KEY]["network"]), weights, path)
    except (UsageError, *MALFORMED) as error:
        reason = first_line(error)
        raise UsageError(f"{path} holds another network than this version of unetlite builds ({reason}).") from None


def with_weights(config: UNetConfig, weights: Mapping[str, Tensor], path: Path) -> UNet:
    """A network with the weights of a file, in float32. Raises UsageError or one of MALFORMED if they do not fit.

    Nothing is allocated before the shapes are known to fit, and the file to be as large as its numbers.
    """
    if sum(weight.nbytes for weight in weights.values()) > path.stat().st_size:
        raise ValueError("more numbers than the file has room for")
    with torch.device("meta"):
        network = UNet(config)
    network.load_state_dict(weights, assign=True)
    if wrong := [name for name, weight in network.state_dict().items() if not weight.isfinite().all()]:
        raise ValueError(f"{wrong[0]} is not finite")
    return network.float()  # whatever PyTorch's default type is
