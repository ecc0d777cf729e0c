"""What must be equal for runs to be compared, and in what they differ."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from unetlite.compare.runs import Run
from unetlite.errors import UsageError
from unetlite.settings.schema import LOADER_KEYS, LOCATION_KEYS, NON_RESULT_KEYS, flatten


def check_control(runs: Sequence[Run], by: str, allow: Sequence[str]) -> list[str]:
    """The keys in which runs differ as allowed.

    Raises UsageError if they differ in other keys, in the data or in the test set, or if one is a
    copy of another.
    """
    check_copies(runs)
    free = {by}
    if all(run.data_hash is not None for run in runs):
        free |= LOCATION_KEYS  # where the data are matters without their hash
    settings = [comparable_settings(run.config, sorted(free)) for run in runs]
    allowed = differing_keys(settings)
    refused = [key for key in allowed if not is_in_groups(key, allow)]
    if refused:
        key = refused[0]
        examples = {}
        for values, run in zip(settings, runs, strict=True):
            value = str(values.get(key))
            examples[value] = f"{value} in {run.files.path}"
        options = " ".join(f"--allow {shlex.quote(name)}" for name in refused)
        raise UsageError(
            f"the runs differ in more than {by} and seed: in {', '.join(refused)} "
            f"({key} is {' and '.join(examples.values())}). Compare runs that share these, or "
            f"accept it with {options}."
        )
    test_set = runs[0].test_set()
    for run in runs:
        if run.test_set() != test_set:
            raise UsageError(
                f"{runs[0].files.path} and {run.files.path} were tested on different images, "
                "masks or classes; compare runs of one test set."
            )
    check_data(runs, [by, *allowed, *allow])
    check_encoder(runs, [by, *allowed])
    return allowed


def check_copies(runs: Sequence[Run]) -> None:
    """Raises UsageError if runs of different seeds have the same weights.

    Equal scores are no copy: networks that predict the background only have them.
    """
    seen: dict[str, Run] = {}
    for run in runs:
        other = seen.setdefault(run.weights, run)
        if other.seed != run.seed:
            raise UsageError(
                f"{run.files.path} is a copy of {other.files.path}: their weights are equal, and "
                f"no other seed gives the same. Delete it, and train seed={run.seed}."
            )


def check_data(runs: Sequence[Run], free: Sequence[str]) -> None:
    """Raises UsageError if runs were trained on different data, unless a key of these is free.

    Runs that do not record their data are not checked.
    """
    of_loader = [f"data.{key}" for key in LOADER_KEYS]
    for key in free:
        if is_in_groups(key, ["data"]) and not is_in_groups(key, of_loader):
            return
    by_hash = {}
    for run in runs:
        if run.data_hash is not None:
            by_hash[run.data_hash] = run.files.path
    if len(by_hash) > 1:
        first, second, *_ = by_hash.values()
        raise UsageError(
            f"{first} and {second} were trained on different images, masks or splits. Train one of "
            "them again, or accept it with --allow data."
        )


def check_encoder(runs: Sequence[Run], free: Sequence[str]) -> None:
    """Raises UsageError if runs began with different weights of an encoder, by the same name."""
    if any(is_in_groups(key, ["model", "data"]) for key in free):
        return
    by_hash = {}
    for run in runs:
        by_hash[run.environment.get("encoder_weights")] = run.files.path
    if len(by_hash) > 1:
        first, second, *_ = by_hash.values()
        raise UsageError(
            f"{first} and {second} began with different weights of the encoder: the file of "
            "model.encoder.weights was changed between them. Train one of them again."
        )


def comparable_settings(config: Mapping[str, Any], free: Sequence[str] = ()) -> dict[str, Any]:
    """What must be equal, by dotted key: all but seed, NON_RESULT_KEYS, and `free` ones."""
    excluded = [*NON_RESULT_KEYS, "seed", *free]
    if config["data"].get("download"):
        excluded.append("data.root")  # where a public data set was put
    flat = flatten(config)
    return {key: flat[key] for key in flat if not is_in_groups(key, excluded)}


def differing_keys(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys in which settings differ, sorted."""
    first = settings[0]
    differing = []
    for key in sorted(set(chain.from_iterable(settings))):
        if any(other.get(key) != first.get(key) for other in settings):
            differing.append(key)
    return differing


def is_in_groups(key: str, names: Sequence[str]) -> bool:
    """True if a dotted key is one of the names, or in one of these groups."""
    return any(key == name or key.startswith(f"{name}.") for name in names)
