"""PyTorch's exported programs (`torch.export`).

PyTorch opens such a file by unpickling and by evaluating text from it, so opening one can run any code. A file is
therefore opened here by its weights and its card alone, which are plain data, in unetlite's own network. Who trusts a
file runs the program itself with `torch.export.load(file).module()`.
"""

import json
import math
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from unetlite.card import Card
from unetlite.checkpoint import KEY
from unetlite.errors import MALFORMED, UsageError
from unetlite.fold import fold
from unetlite.runtimes.pytorch import PyTorch
from unetlite.runtimes.runtime import Runtime, opening
from unetlite.unet import UNet, in_bfloat16

DTYPES = {5: torch.int64, 7: torch.float32, 13: torch.bfloat16}
"""By their numbers in the file."""


class ExportedProgram(Runtime):
    """The program itself, on the CPU. Runs code: only for a file that this process has just written."""

    name = "torch.export"

    def __init__(self, path: Path):
        extra = {KEY: ""}
        self.program = torch.export.load(path, extra_files=extra).module()
        self.card = Card.from_json(extra[KEY], path)

    @torch.inference_mode()
    def run(self, image: np.ndarray) -> np.ndarray:
        return self.program(torch.from_numpy(image)).numpy()


def open_weights(path: Path) -> PyTorch:
    """The network of an exported program, without running the program.

    Raises:
        UsageError: the file is damaged, or was not exported by unetlite.
    """
    with opening(path, BadZipFile, *MALFORMED), ZipFile(path) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}  # below a folder of any name
        card = Card.from_json(archive.read(names[f"extra/{KEY}"]).decode(), path)
        stored = json.loads(archive.read(names["data/weights/model_weights_config.json"]))["config"]
        weights = {
            name.removeprefix("network."): read_tensor(archive.read(names[f"data/weights/{entry['path_name']}"]), entry)
            for name, entry in stored.items()
        }
        network = UNet(card.network).eval().float()
        if network.state_dict().keys() != weights.keys():
            network = fold(network).network
        if card.precision == "bfloat16":
            network = in_bfloat16(network)
        network.load_state_dict(weights)
    return PyTorch(network, card)


def read_tensor(data: bytes, entry: dict[str, Any]) -> Tensor:
    """A tensor of its bytes and its description in the file."""
    meta = entry["tensor_meta"]
    shape = [size["as_int"] for size in meta["sizes"]]
    strides = [stride["as_int"] for stride in meta["strides"]]
    dtype = DTYPES.get(meta["dtype"])
    if entry["use_pickle"] or dtype is None or len(data) != math.prod(shape) * dtype.itemsize:
        raise UsageError("a tensor in the file is not stored as plain numbers.")
    flat = torch.frombuffer(bytearray(data), dtype=dtype)
    return flat.as_strided(shape, strides, meta["storage_offset"]["as_int"])
