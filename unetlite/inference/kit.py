"""A folder that measures on another device what each network costs there: see measure.py."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unetlite.files import sha256
from unetlite.inference import measure
from unetlite.inference.agreement import TOLERANCE
from unetlite.network.unet import UNet
from unetlite.network.upsampling.base import UPSAMPLERS
from unetlite.settings.schema import UNetConfig

DEVICE_TOLERANCE = 1e-3
"""Of logits on a device, relative to the largest: kernels sum in another order there."""

TIES = 0.05
"""The share of logits that may differ more where positions of maxima are read, see
`inference.agreement.check_agreement`."""

ARRAYS = "arrays.npz"


def describe_architecture(config: UNetConfig) -> dict[str, Any]:
    """What a network's cost depends on, as plain values of JSON. Weights do not count."""
    values = asdict(config)
    del values["frozen"]
    return json.loads(json.dumps(values))


def write_kit(
    directory: Path,
    networks: Mapping[str, UNet],
    models: Mapping[str, Any],
    size: tuple[int, int],
    runtime: str,
) -> dict[str, str]:
    """Writes a kit of those networks that have an onnx.ModelProto, as a new folder.

    `size` is height and width of the image that is predicted. Returns the reason of each network
    that was left out, because its export gives other logits.
    """
    import onnx

    directory.mkdir()
    image = noise_image(next(iter(networks.values())).config, size)
    arrays: dict[str, Any] = {"image": image}
    variants = {}
    left_out = {}
    for number, (name, model) in enumerate(models.items()):
        stem = f"{number}_{re.sub(r'[^A-Za-z0-9_]+', '_', name)}"
        file = directory / f"{stem}.onnx"
        onnx.save(model, file)
        config = networks[name].config
        with torch.inference_mode():
            expected = networks[name](torch.from_numpy(image)).numpy()  # (1, K, H, W)
        has_ties = UPSAMPLERS.lookup(config.upsample).needs_positions
        may_differ = TIES if has_ties else 0.0
        output = measure.OPENERS[runtime](str(file), 1)(image)
        reason = measure.compare_outputs(output, expected, TOLERANCE, may_differ)
        if reason is not None:
            left_out[name] = reason
            file.unlink()
            continue
        arrays[stem] = expected
        variants[name] = {
            "file": file.name,
            "expected": stem,
            "may_differ": may_differ,
            "network": describe_architecture(config),
        }
    np.savez_compressed(directory / ARRAYS, **arrays)
    write_description(directory, variants, size, runtime)
    return left_out


def noise_image(config: UNetConfig, size: tuple[int, int]) -> np.ndarray:
    """The same random pixels (1, C, H, W) in every kit, of the type that a network takes."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, config.in_channels, *size))
    return pixels.astype(config.pixel_type)


def write_description(
    directory: Path,
    variants: Mapping[str, Any],
    size: tuple[int, int],
    runtime: str,
) -> None:
    """Writes kit.json, and the program that reads it."""
    digests = {file.name: sha256(file) for file in sorted(directory.iterdir())}
    shutil.copy(measure.__file__, directory / "measure.py")
    kit = {
        "format": measure.KIT_FORMAT,
        "version": measure.VERSION,
        "runtime": runtime,
        "size": list(size),
        "tolerance": DEVICE_TOLERANCE,
        "arrays": ARRAYS,
        "variants": variants,
        "sha256": digests,
    }
    (directory / "kit.json").write_text(json.dumps(kit, indent=1) + "\n", encoding="utf-8")
