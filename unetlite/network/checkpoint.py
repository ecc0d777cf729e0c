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
from unetlite.settings import UNetConfig

KEY = "unetlite"  # where a checkpoint has its architecture, classes and colours, and the run's configuration and scores

LARGEST_PICKLE = 2**24  # bytes of a checkpoint's structure, all but the numbers themselves
MOST_VALUES, DEEPEST = 100_000, 20  # of what stands under KEY


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint that this project wrote, on the CPU."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint.")
    try:
        check_archive(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (*MALFORMED, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError):
        # The reason is left out: for a foreign file PyTorch's own recommends to run its code.
        raise UsageError(f"{path} is not a checkpoint, or is damaged.") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(KEY), dict) or not is_plain(checkpoint[KEY]):
        raise UsageError(f"{path} is not a checkpoint of unetlite.")
    return checkpoint


def check_archive(path: Path) -> None:
    """Raises ValueError for a file whose content is larger than itself, before it is read, or is damaged."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        structure = sum(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
        size = sum(entry.file_size for entry in entries)
        if packed or structure > LARGEST_PICKLE or size > path.stat().st_size or archive.testzip():
            raise ValueError("not as PyTorch writes it")


def is_plain(value: Any) -> bool:
    """Whether a value is made of dictionaries, lists, texts and numbers alone, not too many and not too deep.

    A list that is in itself, or twice in each of many lists, is small in a file and endless when it is walked.
    """
    left = [(value, 0)]
    for count in range(MOST_VALUES):
        if not left:
            return True
        each, depth = left.pop()
        if isinstance(each, dict) and all(isinstance(key, str) for key in each) and depth < DEEPEST:
            left += [(inner, depth + 1) for inner in each.values()]
        elif isinstance(each, (list, tuple)) and depth < DEEPEST and len(each) < MOST_VALUES - count:
            left += [(inner, depth + 1) for inner in each]
        elif not isinstance(each, (str, int, float, bool, type(None))):
            return False
    return False


def load_network(path: Path) -> UNet:
    """The network of a checkpoint, with its weights, on the CPU."""
    return build_network(load_checkpoint(path), path)


def build_network(checkpoint: dict[str, Any], path: Path) -> UNet:
    """The network of the content of a checkpoint, in float32."""
    prefix = "network."
    try:
        stored = checkpoint["state_dict"].items()
        weights = {name.removeprefix(prefix): w for name, w in stored if name.startswith(prefix)}
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
