"""Reading finished runs, and the check that they differ in nothing but what is compared."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from unetlite.checkpoint import KEY, load_checkpoint
from unetlite.compare.statistics import contributions
from unetlite.errors import UsageError
from unetlite.run import MAY_DIFFER, flatten

RATIOS = {
    "miou": ("overlap", "iou"),
    "dice": ("overlap", "dice"),
    "boundary_iou_1px": ("boundary_1px", "iou"),
    "boundary_iou_2pct": ("boundary_2pct", "iou"),
}
"""Scores of the whole data set: from which counts, and how."""

PER_IMAGE = {"miou_per_image": "miou", "dice_per_image": "dice", "surface_dice_1px": "surface_dice_1px",
             "hausdorff95": "hausdorff95"}  # fmt: skip
"""Scores that are means over images: the columns of `per_image.csv`."""

METRICS = (*RATIOS, *PER_IMAGE)
LOWER_IS_BETTER = {"hausdorff95", "phase_ripple"}


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        path: its directory.
        config: the resolved configuration, nested.
        metrics: by name, such as "test/miou"; None for an absent class.
        images: names of the test images.
    """

    path: Path
    config: dict[str, Any]
    metrics: dict[str, float | None]
    images: tuple[str, ...]
    _tables: dict[str, dict[str, np.ndarray]] = field(repr=False)

    @property
    def seed(self) -> int:
        """The seed of weights, order and augmentation."""
        return int(self.config["seed"])

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the best checkpoint says of itself: network, classes, colours, environment."""
        about: dict[str, Any] = load_checkpoint(self.path / "best.ckpt")[KEY]
        return about

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return [name.removeprefix("iou/") for name in self._tables["per_image"] if name.startswith("iou/")]

    def scores(self, metric: str) -> np.ndarray:
        """Values (N,) of a metric of METRICS, one a test image, whose mean is the run's score; NaN for no value."""
        if metric in PER_IMAGE:
            return self._tables["per_image"][PER_IMAGE[metric]]
        name, kind = RATIOS[metric]
        table = self._tables["counts"]
        counts = [[table[f"{name}/{part}/{label}"] for part in ("tp", "fp", "fn")] for label in self.classes]
        return contributions(np.array(counts).transpose(2, 0, 1), kind)  # (N, K, 3)


@dataclass(frozen=True)
class Comparison:
    """Runs by variant, the same seeds each.

    Attributes:
        by: the key that is compared, such as "upsample".
        variants: by name, the runs in the order of `seeds`.
        seeds: that every variant has.
        left_out: what was found and not used, and why, in words.
    """

    by: str
    variants: dict[str, list[Run]]
    seeds: list[int]
    left_out: list[str]

    def scores(self, variant: str, metric: str) -> np.ndarray:
        """(S, N): a row a seed, a column a test image that has a value in every run."""
        values = {name: np.array([run.scores(metric) for run in runs]) for name, runs in self.variants.items()}
        kept = ~np.isnan(np.concatenate(list(values.values()))).any(0)
        return values[variant][:, kept]

    def scores_exist(self, metric: str) -> bool:
        """Whether there is an image with a value in every run."""
        return self.scores(next(iter(self.variants)), metric).size > 0

    @property
    def first(self) -> Run:
        """Any run: what they have in common can be read from it."""
        return next(iter(self.variants.values()))[0]


def read_run(path: Path) -> Run:
    """The run in this directory.

    Raises:
        UsageError: a file of it is missing or damaged.
    """
    try:
        config = yaml.safe_load((path / "config.yaml").read_text())
        metrics = json.loads((path / "metrics.json").read_text())
        tables = {name: read_table(path / f"{name}.csv") for name in ("per_image", "counts")}
        images = tuple(tables["per_image"].pop("image"))
        tables["counts"].pop("image")
        numbers = {name: {key: to_floats(column) for key, column in table.items()} for name, table in tables.items()}
        return Run(path, config, metrics, images, numbers)
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is no complete run ({reason}). Delete it, and train it again.") from None


def read_table(file: Path) -> dict[str, list[str]]:
    """The columns of a CSV file by their names."""
    with file.open(newline="") as opened:
        header, *rows = csv.reader(opened)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def to_floats(column: Iterable[str]) -> np.ndarray:
    """Numbers, NaN for an empty cell."""
    return np.array([float(value) if value else np.nan for value in column])


def read_comparison(directory: Path, by: str = "upsample", allow: Sequence[str] = ()) -> Comparison:
    """All finished runs below a directory, as variants of the key `by`.

    Args:
        directory: such as outputs/coast.
        by: a key of the configuration or a group of keys.
        allow: keys that may differ as well.

    Raises:
        UsageError: there are fewer than two variants, no seed that all have, or runs that differ in another key, have
            other test images, or cannot be read.
    """
    if not directory.is_dir():
        raise UsageError(f"{directory}: there is no such directory; give one with runs, such as outputs/coast.")
    finished = sorted(file.parent for file in directory.rglob("metrics.json"))
    started = {file.parent for file in directory.rglob("config.yaml")} - set(finished)
    left_out = [f"{path} is not finished" for path in sorted(started)]
    runs = [read_run(path) for path in finished]
    if not runs:
        raise UsageError(f"{directory} has no finished run; train some: python train.py experiment=compare")
    check_control(runs, by, allow)
    names = name_variants([part_of(run.config, by) for run in runs])
    found: dict[str, dict[int, Run]] = {}
    for name, run in zip(names, runs, strict=True):
        seeds = found.setdefault(name, {})
        if run.seed in seeds:
            raise UsageError(
                f"{seeds[run.seed].path} and {run.path} are the same variant ({name}) and seed; "
                "compare a directory that holds one of them."
            )
        seeds[run.seed] = run
    if len(found) < 2:
        raise UsageError(
            f"{directory} has runs of one variant, {next(iter(found))}; a comparison by {by} needs two: "
            f"python train.py -m {by}=..."
        )
    common = sorted(set.intersection(*(set(seeds) for seeds in found.values())))
    if not common:
        listed = "; ".join(f"{name} has {sorted(seeds)}" for name, seeds in found.items())
        raise UsageError(f"{directory} has no seed that every variant was trained with: {listed}.")
    for seeds in found.values():
        left_out += [f"{seeds[seed].path}: not every variant has seed {seed}" for seed in seeds if seed not in common]
    return Comparison(by, {name: [seeds[seed] for seed in common] for name, seeds in found.items()}, common, left_out)


def check_control(runs: Sequence[Run], by: str, allow: Sequence[str]) -> None:
    """Raises UsageError, naming the keys, if runs differ in more than `by`, the seed and what is allowed."""
    ignored = (*MAY_DIFFER, "seed", by, *allow)
    configs = [controlled(run.config, ignored) for run in runs]
    keys = sorted({key for config in configs for key in config})
    for key in keys:
        values = [config.get(key) for config in configs]
        other = next((k for k, value in enumerate(values) if value != values[0]), None)
        if other is not None:
            differing = [key for key in keys if len({repr(config.get(key)) for config in configs}) > 1]
            raise UsageError(
                f"the runs differ in more than {by} and seed: in {', '.join(differing)} ({key} is {values[0]} in "
                f"{runs[0].path} and {values[other]} in {runs[other].path}). Compare runs that share these, or accept "
                f"it with {' '.join(f'--allow {key}' for key in differing)}."
            )
    for run in runs:
        if run.images != runs[0].images:
            raise UsageError(f"{runs[0].path} and {run.path} were tested on different images; they do not compare.")


def controlled(config: Mapping[str, Any], ignored: Iterable[str]) -> dict[str, Any]:
    """The flat configuration without keys that are ignored, or are in an ignored group."""
    return {
        key: value
        for key, value in flatten(config).items()
        if not any(key == name or key.startswith(f"{name}.") for name in ignored)
    }


def part_of(config: Mapping[str, Any], by: str) -> dict[str, Any]:
    """The value of a key, or the flat values of a group.

    Raises:
        UsageError: there is no such key.
    """
    part: Any = config
    for word in by.split("."):
        if not isinstance(part, Mapping) or word not in part:
            raise UsageError(f"--by {by}: the runs have no such key; upsample, downsample or model.norm are some.")
        part = part[word]
    return flatten(part) if isinstance(part, Mapping) else {"name": part}


def name_variants(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """A short name for each: that of the choice, with the options in which choices of that name differ."""
    named = []
    for part in parts:
        alike = [other for other in parts if other.get("name") == part.get("name")]
        differing = [key for key in part if key != "name" and any(other.get(key) != part.get(key) for other in alike)]
        options = ", ".join(f"{key}={part[key]}" for key in differing)
        named.append(f"{part.get('name')} ({options})" if options else str(part.get("name")))
    return named
