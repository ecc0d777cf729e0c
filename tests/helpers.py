"""What several tests need: operators, networks as after training, images, small runs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from unetlite.cli import app
from unetlite.inference.export import fold_for, write_export
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Model
from unetlite.inference.runtimes.base import EXPORTS
from unetlite.inference.runtimes.pytorch import PyTorch
from unetlite.network.initialization import initialise
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.settings.paths import CHECKOUT
from unetlite.settings.schema import METADATA_KEY, UNetConfig

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")

OPERATORS = [
    *({"name": "transpose", "kernel_size": k} for k in (2, 3, 4)),
    *(
        {"name": name, "kernel_size": k}
        for name in ("nearest", "bilinear", "bicubic")
        for k in (1, 3)
    ),
    *({"name": name, "kernel_size": k} for name in ("pixelshuffle", "unpool") for k in (1, 3)),
    *(
        {"name": name}
        for name in (
            "zeros",
            "bilinear_additive",
            "residual",
            "separable",
            "carafe",
            "sapa",
            "fade",
            "dysample",
            "lda_aqu",
        )
    ),
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
    return torch.randint(
        0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def as_trained(operator, **options):
    """A network with statistics, affine parameters and biases as after training."""
    network = UNet(UNetConfig(**{"widths": (4, 6, 8, 10), "upsample": operator, **options}))
    initialise(network, seed=0)
    torch.manual_seed(0)
    for block in network.decoder:
        if block.up.needs_positions:
            continue  # rounding decides ties of maxima
        for parameter in block.up.parameters():
            parameter.data += 0.01 * torch.randn_like(parameter)
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


def write_pairs(root: Path, image: np.ndarray, mask: np.ndarray, suffix=".png", count=3) -> str:
    """images/K.png and masks/K.png for K = 0, 1, ...; the folder as text.

    The images differ in their last value, since the same image is never in two splits.
    """
    for k in range(count):
        other = image.copy()
        other.flat[-1] += k
        save(root / "images" / f"{k}{suffix}", other)
        save(root / "masks" / f"{k}.png", mask)
    return str(root)


def overrides(root, tmp_path, *more):
    """Settings of a small network on a folder of images."""
    return [
        "data=folder",
        f"data.root={root}",
        f"data_dir={tmp_path / 'data'}",
        f"output_dir={tmp_path / 'outputs'}",
        "experiment=test",
        "model.widths=[4,6,8]",
        "data.crop_size=32",
        "data.batch_size=2",
        "trainer.accelerator=cpu",
        *more,
    ]


def invert_masks(root: Path) -> None:
    """What was foreground in a folder of images is background."""
    for file in (root / "masks").iterdir():
        save(file, 255 - np.array(Image.open(file)))


def turn_masks(root: Path) -> None:
    """By 180 degrees: sizes and shares of classes stay."""
    for file in (root / "masks").iterdir():
        save(file, np.array(Image.open(file))[::-1, ::-1])


def add_images(root: Path) -> None:
    """A ninth image in the folder of eight discs."""
    for kind in ("images", "masks"):
        shutil.copy(root / kind / "0.png", root / kind / "8.png")


def run_cli(*words):
    """`unetlite WORDS` in this process: the result has exit_code, stdout and stderr."""
    # By this Hydra closes the handlers of others, and absl's closes pytest's stderr.
    with patch("logging.config._clearExistingHandlers"):
        result = CliRunner().invoke(app, [str(word) for word in words])
    unexpected = result.exception is not None and not isinstance(result.exception, SystemExit)
    assert not unexpected, result.exception
    return result


def run_script(*arguments, cwd):
    """`python train.py ARGUMENTS` from another directory."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("HYDRA_FULL_ERROR", "UNETLITE_HOME")
    }
    command = [sys.executable, str(CHECKOUT / "train.py"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def noise(*shape, seed=0, dtype=np.uint8):
    """Random values of all that a type has."""
    return np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True
    )


def make_metadata(network, **changes):
    """What travels with a network, made up."""
    values = {
        "network": network.config,
        "classes": ("a", "b"),
        "colours": ((0, 0, 0), (255, 9, 7)),
        "config": {"data": {"name": "folder"}},
        "environment": {"torch": "2"},
        "metrics": {"val/miou": 0.5, "val/iou/a": None},
        "receptive_field": 40,
    }
    return Metadata(**{**values, **changes})


def make_model(tile=None, overlap=None, metadata=None, **options):
    """A model of three resolutions in PyTorch; `options` are those of `as_trained`."""
    network = as_trained(**{"operator": {"name": "bilinear"}, "widths": (4, 6, 8), **options})
    values = {"receptive_field": receptive_field(network), **(metadata or {})}
    return Model(PyTorch(network, make_metadata(network, **values)), tile=tile, overlap=overlap)


def write_export_of(network, metadata, format, directory):
    """Writes what `unetlite export` writes, without its checks."""
    path = directory / f"{metadata.precision}-{metadata.output}{EXPORTS[format]}"
    write_export(fold_for(network, format), metadata, format, path)
    return path


def sign(run: Path) -> None:
    """Makes changed files of a finished run pass for what the run wrote."""
    names = [line.split("  ")[1] for line in (run / "SHA256SUMS").read_text().splitlines()]
    lines = []
    for name in names:
        digest = hashlib.sha256((run / name).read_bytes()).hexdigest()
        lines.append(f"{digest}  {name}\n")
    (run / "SHA256SUMS").write_text("".join(lines))


def forge(run: Path, change) -> None:
    """Changes the content of both checkpoints of a finished run, `change(content, metadata)`."""
    for file in run.glob("*.ckpt"):
        content = torch.load(file, weights_only=True)
        change(content, content[METADATA_KEY])
        torch.save(content, file)
    sign(run)


def make_old(run: Path) -> None:
    """Takes from a finished run what earlier versions did not record."""

    def forget(_, metadata):
        for key in ("data_hash", "code_version"):
            metadata["environment"].pop(key, None)

    forge(run, forget)
    (run / "SHA256SUMS").unlink()
    (run / "environment.json").unlink()
