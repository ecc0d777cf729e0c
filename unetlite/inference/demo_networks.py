"""The networks that come with the package, and four images to try them on.

`python docs/demo_networks.py DIR` made them. They differ in the operator alone, but for
`demo:pretrained`, whose encoder is of timm.
"""

from importlib.util import find_spec
from pathlib import Path

from unetlite.errors import UsageError
from unetlite.settings.paths import PACKAGE

PREFIX = "demo:"
PRETRAINED = "pretrained"
NAMES = ("transpose", "nearest", "bilinear", "unpool", "separable", PRETRAINED)

FOLDER = PACKAGE / "demo_networks"
EXAMPLES = FOLDER / "images"
KINDS = ("coast", "lines", "discs", "both")
"""Of the images."""


def demo_folder(name: str) -> Path:
    """The folder of a network such as "demo:transpose". Raises UsageError for another name."""
    key = name.removeprefix(PREFIX)
    if key not in NAMES:
        raise UsageError(f"{name}: choose one of {', '.join(demo_names())}.")
    return FOLDER / key


def demo_names() -> list[str]:
    """The names of the networks, as `load` takes them."""
    return [PREFIX + name for name in NAMES]


def missing_timm() -> bool:
    """True if the package that demo:pretrained needs is not installed."""
    return find_spec("timm") is None


def example_files() -> list[Path]:
    """The images to try the networks on."""
    return [EXAMPLES / f"{kind}.jpg" for kind in KINDS]
