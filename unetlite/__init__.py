"""unetlite: a small U-Net whose decoder upsampling is a switch, and everything else is held fixed.

from unetlite import load

prediction = load("outputs/coast/transpose/seed0/best.ckpt").predict("image.png")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unetlite.errors import UsageError
    from unetlite.predict.model import Model, Prediction, load

__all__ = ["Model", "Prediction", "UsageError", "load"]


def __getattr__(name: str) -> Any:
    """The library's names, imported when they are asked for: PyTorch takes seconds, and `unetlite --help` none."""
    if name == "UsageError":
        from unetlite.errors import UsageError

        return UsageError
    if name in __all__:
        from unetlite.predict import model

        return getattr(model, name)
    raise AttributeError(f"module 'unetlite' has no attribute {name!r}")
