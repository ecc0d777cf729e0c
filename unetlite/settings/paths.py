"""Where the configuration is, and where data and runs go."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent

CONFIGS = PACKAGE / "configs"  # of an installed package; in a checkout it is beside the package
if not CONFIGS.is_dir():
    CONFIGS = CHECKOUT / "configs"


def find_home() -> Path:
    """The folder of data/ and outputs/: UNETLITE_HOME, the checkout, or the working directory."""
    chosen = os.environ.get("UNETLITE_HOME")
    if chosen:
        return Path(chosen).resolve()
    if CONFIGS.parent == CHECKOUT:
        return CHECKOUT
    return Path.cwd()


HOME = find_home()
os.environ["UNETLITE_HOME"] = str(HOME)  # configs/train.yaml refers to it
