"""Runs as variants, and the check that they differ in nothing but what is compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.compare.runs import Run, read_run
from unetlite.errors import UsageError
from unetlite.run import MAY_DIFFER, flatten


@dataclass(frozen=True)
class Comparison:
    """Runs by variant, the same seeds each.

    Attributes:
        by: the key that is compared, such as "upsample".
        variants: by name, the runs in the order of `seeds`.
        seeds: that every variant has.
        left_out: what was found and not used, and why, in words.
        allowed: other keys in which the runs differ, as the user allowed.
    """

    by: str
    variants: dict[str, list[Run]]
    seeds: list[int]
    left_out: list[str]
    allowed: list[str]

    def scores(self, metric: str) -> dict[str, np.ndarray]:
        """By variant (S, N): a row a seed, a column a test image that has a value in every run."""
        values = {name: np.array([run.scores(metric) for run in runs]) for name, runs in self.variants.items()}
        kept = ~np.isnan(np.concatenate(list(values.values()))).any(0)
        return {name: table[:, kept] for name, table in values.items()}

    @property
    def first(self) -> Run:
        """Any run: what they have in common can be read from it."""
        return next(iter(self.variants.values()))[0]

    @property
    def runs(self) -> list[Run]:
        """All of them."""
        return [run for runs in self.variants.values() for run in runs]


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
    names = name_variants([part_of(run.config, by) for run in runs])
    allowed = check_control(runs, by, allow)
    found: dict[str, dict[int, Run]] = {}
    for name, run in zip(names, runs, strict=True):
        seeds = found.setdefault(name, {})
        if run.seed in seeds:
            raise UsageError(
                f"{seeds[run.seed].files.path} and {run.files.path} are the same variant ({name}) and seed; "
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
        left_out += [
            f"{seeds[seed].files.path}: not every variant has seed {seed}" for seed in seeds if seed not in common
        ]
    variants = {name: [seeds[seed] for seed in common] for name, seeds in found.items()}
    return Comparison(by, variants, common, left_out, allowed)


def check_control(runs: Sequence[Run], by: str, allow: Sequence[str]) -> list[str]:
    """The keys in which runs differ as allowed.

    Raises:
        UsageError: they differ in more than `by`, the seed and these, which it names, or in the test images.
    """
    first = runs[0]
    configs = [controlled(run.config, (*MAY_DIFFER, "seed", by)) for run in runs]
    keys = sorted({key for config in configs for key in config})
    differing = [key for key in keys if any(config.get(key) != configs[0].get(key) for config in configs)]
    allowed = [key for key in differing if is_of(key, allow)]
    if refused := [key for key in differing if key not in allowed]:
        key = refused[0]
        other = next(k for k, config in enumerate(configs) if config.get(key) != configs[0].get(key))
        raise UsageError(
            f"the runs differ in more than {by} and seed: in {', '.join(refused)} ({key} is {configs[0].get(key)} in "
            f"{first.files.path} and {configs[other].get(key)} in {runs[other].files.path}). Compare runs that share "
            f"these, or accept it with {' '.join(f'--allow {key}' for key in refused)}."
        )
    for run in runs:
        same = run.images == first.images and run.classes == first.classes
        # True positives and false negatives are the pixels of the truth.
        if not same or (run.counts("overlap")[..., ::2].sum(-1) != first.counts("overlap")[..., ::2].sum(-1)).any():
            raise UsageError(
                f"{first.files.path} and {run.files.path} were tested on different images, masks or classes; "
                "they do not compare."
            )
    return allowed


def controlled(config: Mapping[str, Any], ignored: Iterable[str]) -> dict[str, Any]:
    """The flat configuration without keys that are ignored, or are in an ignored group."""
    downloaded = ["data.root"] if config.get("data", {}).get("download") else []  # where it was put does not matter
    return {key: value for key, value in flatten(config).items() if not is_of(key, [*ignored, *downloaded])}


def is_of(key: str, names: Iterable[str]) -> bool:
    """Whether a dotted key is one of the names, or in one of these groups."""
    return any(key == name or key.startswith(f"{name}.") for name in names)


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
        name = str(part["name"]) if "name" in part else ""
        named.append(f"{name} ({options})" if name and options else name or options or "all alike")
    return named
