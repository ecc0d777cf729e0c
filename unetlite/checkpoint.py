"""Reading checkpoints, as data and never as code."""

import hashlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from unetlite.errors import PARSE_ERRORS, UsageError
from unetlite.settings.schema import METADATA_KEY, upgrade_config
from unetlite.validation import is_small_json

MAX_PICKLE = 2**24  # bytes of a checkpoint's structure, without its numbers
READ_ERRORS = (*PARSE_ERRORS, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU. Raises UsageError for any other file."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint.")
    try:
        check_archive(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except READ_ERRORS:
        # The reason is left out: for a foreign file PyTorch recommends to run its code.
        raise UsageError(
            f"{path} is not a checkpoint, or is damaged; give last.ckpt of a run."
        ) from None
    metadata = checkpoint.get(METADATA_KEY) if isinstance(checkpoint, dict) else None
    if not isinstance(metadata, dict) or not is_small_json(metadata):
        raise UsageError(f"{path} is not a checkpoint of unetlite; give last.ckpt of a run.")
    if isinstance(metadata.get("config"), dict):
        metadata["config"] = upgrade_config(metadata["config"])
    return checkpoint


def check_archive(path: Path) -> None:
    """Raises ValueError for an archive that PyTorch did not write, or that is larger unpacked."""
    with zipfile.ZipFile(path) as archive:
        size = 0
        structure = 0
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError("a compressed entry")
            size += entry.file_size
            if entry.filename.endswith(".pkl"):
                structure += entry.file_size
        if structure > MAX_PICKLE or size > path.stat().st_size:
            raise ValueError("larger than the file")
        if archive.testzip() is not None:
            raise ValueError("a damaged entry")


def hash_weights(state_dict: dict[str, Any]) -> str:
    """SHA-256 of the weights of a state dict, in hex."""
    digest = hashlib.sha256()
    for weight in state_dict.values():
        digest.update(weight.contiguous().numpy())
    return digest.hexdigest()
