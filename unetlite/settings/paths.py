"""Where the configuration is, and where data and runs go."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent


def find_configs() -> Path:
    """The folder of configurations: inside an installed package, or beside it in a checkout."""
    for folder in (PACKAGE / "configs", CHECKOUT / "configs"):
        if folder.is_dir():
            return folder
    return PACKAGE


def find_home() -> Path:
    """The folder of data/ and outputs/: UNETLITE_HOME, the checkout, or the working directory."""
    chosen = os.environ.get("UNETLITE_HOME")
    if chosen:
        return Path(chosen).resolve()
    if CONFIGS.parent == CHECKOUT:
        return CHECKOUT
    return Path.cwd()


CONFIGS = find_configs()
HOME = find_home()
os.environ["UNETLITE_HOME"] = str(HOME)  # configs/train.yaml refers to it
