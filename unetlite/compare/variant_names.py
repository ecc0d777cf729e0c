"""Short names of variants: by what distinguishes their settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from unetlite.compare.control import differing_keys
from unetlite.errors import UsageError
from unetlite.settings.schema import flatten


def name_variants(configs: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """A short name of the key or group of keys `by` in each configuration.

    It is the name there, with the options in which others of that name differ. Raises UsageError
    if no configuration has the key.
    """
    options = [select_options(flatten(config), by) for config in configs]
    if not any(options):
        raise UsageError(
            f"--by {by}: the runs have no such key; upsample, downsample or model.norm are some."
        )
    return [variant_name(values, options) for values in options]


def select_options(flat: Mapping[str, Any], by: str) -> dict[str, Any]:
    """The options below a key; a plain value is called "name"."""
    options = {}
    for key, value in flat.items():
        if key == by:
            options["name"] = value
        elif key.startswith(f"{by}."):
            options[key.removeprefix(f"{by}.")] = value
    return options


def variant_name(options: Mapping[str, Any], all_options: Sequence[Mapping[str, Any]]) -> str:
    """The name of one variant among others."""
    namesakes = [other for other in all_options if other.get("name") == options.get("name")]
    differing = differing_keys([options, *namesakes])
    name = str(options.get("name", ""))
    listed = ", ".join(f"{key}={options[key]}" for key in options if key in differing)
    if name and listed:
        return f"{name} ({listed})"
    return name or listed or "all alike"
