"""The evidence in the package: how operators differed on public data sets, and how these look.

across_sets.csv has the differences of pairs on each set; across_sets.json how they were measured.
`python docs/results/evidence.py` makes both.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.data.meta_features import MetaFeatures
from unetlite.judge.across import (
    MIN_SETS,
    AcrossSets,
    DifferencesBySet,
    SetDifference,
    across_sets,
    arrange,
)
from unetlite.judge.statistics import Pair
from unetlite.tables import read_csv

TABLE = Path(__file__).with_name("across_sets.csv")
PROVENANCE = Path(__file__).with_name("across_sets.json")
HEADER = ("set", "metric", "first", "second", "difference", "standard_error")
REFERENCE = "transpose"


@dataclass(frozen=True)
class Nearest:
    """The set that looks most like a folder."""

    name: str
    distance: float  # over the deviations of the sets
    usual: float  # the largest distance of a set to its nearest one

    @property
    def is_near(self) -> bool:
        """True if it is as near as sets are to one another."""
        return self.distance <= self.usual


@dataclass(frozen=True)
class Evidence:
    """What the trainings of the protocol showed."""

    by_metric: dict[str, dict[str, dict[Pair, SetDifference]]]  # by metric, set and pair
    provenance: dict[str, Any]

    @property
    def sets(self) -> list[str]:
        """The data sets, in the order of their names."""
        return sorted(self.by_metric.get("miou", {}))

    @property
    def is_enough(self) -> bool:
        """True if there are enough sets to say anything of another one."""
        return len(self.sets) >= MIN_SETS

    def differences(self, metric: str = "miou") -> DifferencesBySet:
        """On all sets. Raises UsageError if there are too few."""
        by_set = self.by_metric.get(metric, {})
        return arrange({name: by_set[name] for name in sorted(by_set)}, REFERENCE)

    def model(self) -> AcrossSets:
        """What the sets say of mean IoU on another one. Raises UsageError if they are too few."""
        return across_sets(self.differences())

    def meta_features(self) -> dict[str, MetaFeatures]:
        """Of every set."""
        return {name: MetaFeatures(**self.provenance["looks"][name]) for name in self.sets}

    def nearest(self, features: MetaFeatures) -> Nearest:
        """The set that looks most like another one."""
        names = self.sets
        coordinates = np.stack([each.coordinates() for each in self.meta_features().values()])
        deviations = coordinates.std(0, ddof=1)
        scale = np.where(deviations > 1e-6, deviations, 1)
        between_sets = distances(coordinates[:, None], coordinates, scale)
        np.fill_diagonal(between_sets, np.inf)
        to_sets = distances(features.coordinates(), coordinates, scale)
        position = int(to_sets.argmin())
        return Nearest(
            names[position],
            float(to_sets[position]),
            usual=float(between_sets.min(1).max()),
        )


def distances(first: np.ndarray, second: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Root mean squares over the last axis, in units of `scale`."""
    return np.sqrt((((first - second) / scale) ** 2).mean(-1))


@cache
def read_evidence(table: Path = TABLE, provenance: Path = PROVENANCE) -> Evidence:
    """The evidence in the package, or in two files."""
    columns = read_csv(table)
    by_metric: dict[str, dict[str, dict[Pair, SetDifference]]] = {}
    rows = zip(*[columns[key] for key in HEADER], strict=True)
    for name, metric, first, second, difference, error in rows:
        pairs = by_metric.setdefault(metric, {}).setdefault(name, {})
        variance = float(error) ** 2
        pairs[first, second] = SetDifference(float(difference), variance)
        pairs[second, first] = SetDifference(-float(difference), variance)
    return Evidence(by_metric, json.loads(provenance.read_text(encoding="utf-8")))
