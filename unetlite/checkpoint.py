"""Reading checkpoints, as data and never as code."""

import pickle
from pathlib import Path
from typing import Any

import torch

from unetlite.errors import UsageError

KEY = "unetlite"
"""Where a checkpoint has the network's configuration, class names and colours, and the run's configuration, environment
and scores."""


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint that this project wrote, on the CPU.

    Raises:
        UsageError: the file is missing, or is not such a checkpoint.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError):
        # The reason is left out: for a foreign file PyTorch's own recommends to run its code.
        raise UsageError(f"{path} is not a checkpoint, or is damaged.") from None
    if not isinstance(checkpoint, dict) or KEY not in checkpoint:
        raise UsageError(f"{path} is not a checkpoint of unetlite.")
    return checkpoint
