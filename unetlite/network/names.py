"""Names of a UNet's modules and parameters, today and in version 0.1."""

from collections.abc import Mapping
from typing import Any

FORMER_PREFIXES = {
    "encoder.blocks.": "encoder.",
    "encoder.down.": "down.",
    "encoder.bottleneck.": "bottleneck.",
}
"""Prefixes of names, and what they were in version 0.1."""


def replace_prefix(name: str, prefixes: Mapping[str, str]) -> str:
    """`name` with the prefix that it begins with replaced; `name` itself if it has none."""
    for prefix, replacement in prefixes.items():
        if name.startswith(prefix):
            return replacement + name.removeprefix(prefix)
    return name


def upgrade_names(state_dict: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A state dict of a UNet with the names of today, whether it is of today or of version 0.1.

    `prefix` is what stands before the network's names, such as "network." in a checkpoint.
    """
    if not any(name.startswith(f"{prefix}bottleneck.") for name in state_dict):
        return dict(state_dict)
    prefixes = {prefix + former: prefix + today for today, former in FORMER_PREFIXES.items()}
    return {replace_prefix(name, prefixes): value for name, value in state_dict.items()}
