"""Costs that were measured before on this machine, for the same networks by the same versions."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic.dataclasses import dataclass as record

from unetlite.compare.comparison import Comparison
from unetlite.compare.costs.costs import Costs, measure_costs
from unetlite.device import fingerprint
from unetlite.files import write_json
from unetlite.inference.supported import LOADERS
from unetlite.validation import STRICT, read_if_valid


@record(frozen=True, config=STRICT)
class KeptCosts:
    """The costs of a comparison, and the fingerprint of all that they depend on."""

    key: str
    costs: Costs


def find_costs(
    file: Path,
    comparison: Comparison,
    size: tuple[int, int],
    rounds: int,
    update: Callable[..., None],
) -> Costs:
    """The costs in a file if they are of these networks on this machine; else measured, and kept.

    All networks of a comparison are measured in turn, so the costs are kept all together. Those of
    a busy machine, and those that were only counted, are not kept.
    """
    key = costs_key(comparison, size, rounds)
    kept = read_if_valid(file, KeptCosts)
    if kept is not None and kept.key == key:
        return kept.costs
    costs = measure_costs(comparison, size, rounds, update)
    if rounds > 0 and costs.load is None:
        write_json(file, KeptCosts(key, costs))
    return costs


def costs_key(comparison: Comparison, size: tuple[int, int], rounds: int) -> str:
    """The fingerprint of what costs depend on: the machine, versions, networks and trainings."""
    parts: list[object] = [size, rounds, [version_of(name) for name in LOADERS]]
    for name, runs in comparison.variants.items():
        data = runs[0].config["data"]
        trainer = runs[0].config["trainer"]
        step = [data["batch_size"], data["crop_size"], trainer["precision"]]
        parts.append([name, asdict(comparison.networks[name].config), step])
    return fingerprint(parts)


def version_of(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
