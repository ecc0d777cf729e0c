"""Finished runs, and runs as variants that differ in nothing but what is compared."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unetlite.compare.statistics import ALPHA, contributions
from unetlite.errors import UsageError
from unetlite.files import read_csv, read_mapping
from unetlite.settings import MAY_DIFFER, flatten
from unetlite.training.run import RunFiles


class Metric(NamedTuple):
    """A score of the test images."""

    title: str
    table: str  # of counts.csv, whose counts are summed over all images; or "per_image", for the mean over images
    kind: str  # "iou" or "dice" of the counts; or the column of per_image.csv


METRICS = {
    "miou": Metric("mean IoU", "overlap", "iou"),
    "dice": Metric("mean Dice", "overlap", "dice"),
    "boundary_iou_1px": Metric("boundary IoU within 1 pixel", "boundary_1px", "iou"),
    "miou_per_image": Metric("mean IoU of an image", "per_image", "miou"),
    "dice_per_image": Metric("mean Dice of an image", "per_image", "dice"),
}

LOOKS = {3: 0.005, 5: 0.010, 7: 0.015, 10: 0.020}
"""Of a race: after how many seeds it is looked at, and the share of the 5 % that the look spends."""


def looks_until(seeds: int) -> dict[int, float]:
    """The looks of a race that has no more than these seeds: the first of LOOKS, which share all of the 5 %."""
    if seeds not in LOOKS:
        known = ", ".join(map(str, LOOKS))
        raise UsageError(f"hydra.sweeper.seeds={seeds}: a race has looks at {known} seeds; give one.")
    taken = {look: share for look, share in LOOKS.items() if look <= seeds}
    return {look: ALPHA * share / sum(taken.values()) for look, share in taken.items()}


@dataclass
class RaceRecord:
    """What `race.json` keeps of a race."""

    plan: dict[str, Any]  # which must not change, see race.Race
    looks: list[dict[str, Any]] = field(default_factory=list)  # what was decided
    ended: str | None = None  # why
    seconds: float = 0.0  # that it had taken when this was written

    @property
    def racing(self) -> list[str]:
        """The variants that are trained after these looks."""
        return self.looks[-1]["candidates"] if self.looks else list(self.plan["variants"])

    @property
    def seeds(self) -> int:
        """How many there are to be at the next look, or were at the last one."""
        planned = list(looks_until(self.plan["seeds"]))
        return planned[min(len(self.looks), len(planned) - 1)]


@dataclass(frozen=True)
class Run:
    """A finished run."""

    files: RunFiles
    config: dict[str, Any]  # resolved and nested
    metrics: dict[str, float | None]  # by name, such as "test/miou"; None for an absent class
    environment: dict[str, Any]  # where and with which versions it was trained; empty if that was not written down
    images: list[str]  # names of the test images
    groups: list[str]  # of each; what was tested before there were groups has the images themselves
    columns: dict[str, np.ndarray]  # of `per_image.csv` and `counts.csv`, (N,) each, NaN for an empty cell

    @property
    def classes(self) -> list[str]:
        return [name.removeprefix("iou/") for name in self.columns if name.startswith("iou/")]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    def counts(self, table: str) -> np.ndarray:
        """True positives, false positives and false negatives (N, K, 3) of every test image and class."""
        counts = [[self.columns[f"{table}/{part}/{name}"] for part in ("tp", "fp", "fn")] for name in self.classes]
        return np.array(counts).transpose(2, 0, 1)

    def scores(self, metric: str) -> np.ndarray:
        """Values (N,) of a metric of METRICS, one a test image, whose mean is the run's score; NaN for no value."""
        _, table, kind = METRICS[metric]
        return self.columns[kind] if table == "per_image" else contributions(self.counts(table), kind)

    def truth(self) -> tuple[Any, ...]:
        """What it was tested on: images, classes, and the pixels of each class in each image, which are TP and FN."""
        return self.images, self.groups, self.classes, self.counts("overlap")[..., ::2].sum(-1).tolist()


def read_run(path: Path) -> Run:
    """The run in this directory. Raises UsageError if a file of it is missing or damaged."""
    files = RunFiles(path)
    try:
        table = read_csv(files.counts) | read_csv(files.per_image)  # both begin with the images and their groups
        images = table.pop("image")
        groups = table.pop("group", images)
        columns = {key: np.array([float(cell or "nan") for cell in column]) for key, column in table.items()}
        environment = json.loads(files.environment_file.read_text()) if files.environment_file.exists() else {}
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is no complete run ({reason}). Delete it, and train it again.") from None
    return Run(files, files.stored_config(), files.stored_metrics(), environment, images, groups, columns)


@dataclass(frozen=True)
class Comparison:
    """Runs by variant, the same seeds each but for those that a race has dropped."""

    by: str  # the key that is compared, such as "upsample"
    variants: dict[str, list[Run]]  # by name, the runs in the order of `seeds`
    seeds: list[int]
    left_out: list[str]  # what was found and not used, and why, in words
    allowed: list[str]  # other keys in which the runs differ, as the user allowed
    alpha: float = ALPHA  # that may be spent on judging it
    started: int | None = None  # how many variants there were at the start of a race
    dropped: dict[str, float] = field(default_factory=dict)  # by a race, with their regret then

    @property
    def runs(self) -> list[Run]:
        return [run for runs in self.variants.values() for run in runs]

    @property
    def shared(self) -> dict[str, Any]:
        """The settings that all runs have in common, by dotted key."""
        return controlled(self.runs[0].config, [self.by, *self.allowed])

    @property
    def environments(self) -> list[dict[str, Any]]:
        """The different places and versions that the runs are known to have been trained with."""
        return list({str(run.environment): run.environment for run in self.runs if run.environment}.values())

    def scores(self, metric: str) -> tuple[dict[str, np.ndarray], list[str]]:
        """By variant that is not dropped (S, N), of the test images with a value in every run; and their groups."""
        racing = {name: runs for name, runs in self.variants.items() if name not in self.dropped}
        values = {name: np.array([run.scores(metric) for run in runs]) for name, runs in racing.items()}
        kept = ~np.isnan(np.concatenate(list(values.values()))).any(0)
        return {name: table[:, kept] for name, table in values.items()}, np.array(self.runs[0].groups)[kept].tolist()

    def without(self, seeds: Collection[int]) -> "Comparison":
        kept = {name: [run for run in runs if run.seed not in seeds] for name, runs in self.variants.items()}
        return replace(self, variants=kept, seeds=[seed for seed in self.seeds if seed not in seeds])


def read_comparison(directory: Path, by: str = "upsample", allow: Sequence[str] = ()) -> Comparison:
    """All finished runs below a directory, as variants of the key or group of keys `by`; keys in `allow` may differ."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: there is no such directory; give one with runs, such as outputs/coast.")
    finished = sorted(file.parent for file in directory.rglob("metrics.json"))
    if not finished:
        raise UsageError(f"{directory} has no finished run; train some: python train.py experiment=compare")
    runs = [read_run(path) for path in finished]
    names = name_variants([run.config for run in runs], by)
    allowed = check_control(runs, by, allow)
    found: dict[str, dict[int, Run]] = {}
    for name, run in zip(names, runs, strict=True):
        same = found.setdefault(name, {}).setdefault(run.seed, run)
        if same is not run:
            both = f"{same.files.path} and {run.files.path} are the same variant ({name}) and seed"
            raise UsageError(f"{both}; compare a directory that holds one of them.")
    if len(found) < 2:
        remedy = f"a comparison by {by} needs two: python train.py -m {by}=..."
        raise UsageError(f"{directory} has runs of one variant, {names[0]}; {remedy}")
    race = read_race(directory)
    if race and race.plan["by"] == by and set(race.plan["variants"]) <= set(found):
        return raced(race, found, allowed)
    seeds = sorted(set.intersection(*map(set, found.values())))
    if not seeds:
        listed = "; ".join(f"{name} has {sorted(by_seed)}" for name, by_seed in found.items())
        raise UsageError(f"{directory} has no seed that every variant was trained with: {listed}.")
    started = {file.parent for file in directory.rglob("config.yaml")} - set(finished)
    left_out = [f"{path} is not finished" for path in sorted(started)]
    left_out += [f"{run.files.path}: not every variant has seed {run.seed}" for run in runs if run.seed not in seeds]
    variants = {name: [by_seed[seed] for seed in seeds] for name, by_seed in found.items()}
    return Comparison(by, variants, seeds, left_out, allowed)


def raced(race: RaceRecord, found: Mapping[str, Mapping[int, Run]], allowed: list[str]) -> Comparison:
    """The runs of a race up to its last look, which is the one that decides."""
    plan, looks, variants, dropped = race.plan, race.looks, {}, {}
    if not looks:
        raise UsageError("the race has not been looked at yet; run the same command again, and it goes on.")
    planned = looks_until(plan["seeds"])
    if [look["seeds"] for look in looks] != list(planned)[: len(looks)]:
        raise UsageError("the race was looked at otherwise than planned, which is no basis for a verdict.")
    for name in plan["variants"]:
        last = max(k for k, look in enumerate(looks) if name in look["regret"])
        if last < len(looks) - 1:
            dropped[name] = float(looks[last]["regret"][name])
        if missing := set(range(looks[last]["seeds"])) - found[name].keys():
            raise UsageError(f"the race was judged by {name} with seed {min(missing)}, which is not there any more.")
        variants[name] = [found[name][seed] for seed in range(looks[last]["seeds"])]
    used = {run.files.path for runs in variants.values() for run in runs}
    others = [run.files.path for by_seed in found.values() for run in by_seed.values() if run.files.path not in used]
    left_out, count = [f"{path}: not part of the race at its last look" for path in others], looks[-1]["seeds"]
    seeds = list(range(count))
    return Comparison(plan["by"], variants, seeds, left_out, allowed, planned[count], len(variants), dropped)


def read_race(directory: Path) -> RaceRecord | None:
    """What `race.json` records; None where there is none. Raises UsageError if it is damaged."""
    file, remedy = directory / "race.json", "Delete it, and run the same command again: no training is lost."
    return RaceRecord(**read_mapping(file, RaceRecord.__dataclass_fields__, remedy)) if file.exists() else None


def check_control(runs: Sequence[Run], by: str, allow: Sequence[str]) -> list[str]:
    """The keys in which runs differ as allowed. Raises UsageError if they differ in others, or in the test images."""
    settings = [controlled(run.config, [by]) for run in runs]
    keys = sorted({key for each in settings for key in each})
    differing = [key for key in keys if any(each.get(key) != settings[0].get(key) for each in settings)]
    if refused := [key for key in differing if not is_of(key, allow)]:
        examples = {str(each.get(refused[0])): run.files.path for each, run in zip(settings, runs, strict=True)}
        values = " and ".join(f"{value} in {path}" for value, path in examples.items())
        found = f"the runs differ in more than {by} and seed: in {', '.join(refused)} ({refused[0]} is {values})"
        accept = " ".join(f"--allow {key}" for key in refused)
        raise UsageError(f"{found}. Compare runs that share these, or accept it with {accept}.")
    if others := [run.files.path for run in runs if run.truth() != runs[0].truth()]:
        both = f"{runs[0].files.path} and {others[0]}"
        raise UsageError(f"{both} were tested on different images, masks or classes; they do not compare.")
    return differing


def controlled(config: Mapping[str, Any], free: Sequence[str] = ()) -> dict[str, Any]:
    """What must be equal, by dotted key: all but the seed, MAY_DIFFER, and these keys or groups of keys."""
    downloaded = ["data.root"] if config["data"].get("download") else []  # where it was put does not matter
    free = [*MAY_DIFFER, "seed", *downloaded, *free]
    return {key: value for key, value in flatten(config).items() if not is_of(key, free)}


def is_of(key: str, names: Sequence[str]) -> bool:
    """Whether a dotted key is one of the names, or in one of these groups."""
    return any(key == name or key.startswith(f"{name}.") for name in names)


def name_variants(configs: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """A short name of what each has for a key or group of keys: its name, and options in which others of it differ."""
    flat = [flatten(config) for config in configs]
    parts = [{key[len(by) + 1 :] or "name": value for key, value in f.items() if is_of(key, [by])} for f in flat]
    if not any(parts):
        raise UsageError(f"--by {by}: the runs have no such key; upsample, downsample or model.norm are some.")
    named = []
    for part in parts:
        alike = [other for other in parts if other.get("name") == part.get("name")]
        differing = [key for key in part if key != "name" and any(other.get(key) != part.get(key) for other in alike)]
        name, options = str(part.get("name", "")), ", ".join(f"{key}={part[key]}" for key in differing)
        named.append(f"{name} ({options})" if name and options else name or options or "all alike")
    return named
