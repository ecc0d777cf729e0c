"""What several tests need: operators, networks as after training, images on disk, and the settings of a small run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from unetlite.inference.metadata import Metadata
from unetlite.network.unet import UNet, initialise
from unetlite.settings import CHECKOUT, UNetConfig

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")

OPERATORS = [
    *({"name": "transpose", "kernel_size": k} for k in (2, 3, 4)),
    *({"name": name, "kernel_size": k} for name in ("nearest", "bilinear", "bicubic") for k in (1, 3)),
    *({"name": name, "kernel_size": k} for name in ("pixelshuffle", "unpool") for k in (1, 3)),
    *({"name": name} for name in ("zeros", "bilinear_additive", "separable", "carafe", "sapa", "fade", "dysample")),
    {"name": "transpose", "kernel_size": 6, "blur": True},
    {"name": "large_context", "kernel_size": 7},
    *({"name": name, "blur": True} for name in ("zeros", "pixelshuffle", "unpool")),
    {"name": "dysample", "style": "pl", "dynamic": True},
]


def label(operator):
    """Of an operator, for the name of a test."""
    return "-".join(map(str, operator.values()))


def image(*shape, seed=0):
    """Random pixels."""
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def as_trained(operator, **options):
    """A network with running statistics and affine parameters as after training, and a bias for every sub-pixel."""
    network = UNet(UNetConfig(**{"widths": (4, 6, 8, 10), "upsample": operator, **options}))
    initialise(network, seed=0)
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def save(path: Path, array: np.ndarray) -> Path:
    """An image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def overrides(root, tmp_path, *more):
    """Settings of a small network on a folder of images."""
    return [
        "data=folder", f"data.root={root}", f"data_dir={tmp_path / 'data'}", f"output_dir={tmp_path / 'outputs'}",
        "experiment=test", "model.widths=[4,6,8]", "data.crop_size=32", "data.batch_size=2",
        "trainer.accelerator=cpu", *more,
    ]  # fmt: skip


def run_script(*arguments, cwd):
    """`python train.py ARGUMENTS` from another directory."""
    environment = {key: value for key, value in os.environ.items() if key not in ("HYDRA_FULL_ERROR", "UNETLITE_HOME")}
    command = [sys.executable, str(CHECKOUT / "train.py"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def noise(*shape, seed=0, dtype=np.uint8):
    """Random values of all that a type has."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def make_metadata(network, **changes):
    """What travels with a network, made up."""
    values = {
        "network": network.config, "classes": ("a", "b"), "colours": ((0, 0, 0), (255, 9, 7)),
        "config": {"data": {"name": "folder", "value_range": [3, 9]}}, "environment": {"torch": "2"},
        "metrics": {"val/miou": 0.5, "val/iou/a": None}, "receptive_field": 40,
    }  # fmt: skip
    return Metadata(**{**values, **changes})
