"""unetlite: a small U-Net whose decoder upsampling is a switch, and everything else is held fixed.

from unetlite import load

prediction = load("outputs/coast/transpose/seed0").predict("image.png")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unetlite import judge
    from unetlite.errors import UsageError
    from unetlite.inference.model import Model, Prediction, load
    from unetlite.network.folding import fold
    from unetlite.network.foreign import upsampler
    from unetlite.network.unet import UNet
    from unetlite.settings.schema import UNetConfig

__all__ = [
    "Model",
    "Prediction",
    "UNet",
    "UNetConfig",
    "UsageError",
    "fold",
    "judge",
    "load",
    "upsampler",
]

_HOMES = {
    "UsageError": "errors",
    "UNet": "network.unet",
    "UNetConfig": "settings.schema",
    "fold": "network.folding",
    "upsampler": "network.foreign",
}


def __getattr__(name: str) -> Any:
    """The library's names, imported when they are used: PyTorch takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module 'unetlite' has no attribute {name!r}")
    if name == "judge":  # a module of its own, with its function judge
        return import_module("unetlite.judge")
    return getattr(import_module(f"unetlite.{_HOMES.get(name, 'inference.model')}"), name)
