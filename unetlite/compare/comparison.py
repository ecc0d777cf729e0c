"""Runs as variants that differ in nothing but what is compared."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.compare.control import check_control, comparable_settings
from unetlite.compare.metrics import METRICS
from unetlite.compare.missed_classes import objection
from unetlite.compare.race.record import RaceRecord, read_race
from unetlite.compare.runs import Run, best_validated, read_run
from unetlite.compare.variant_names import name_variants
from unetlite.errors import UsageError
from unetlite.judge.analysis import Analysis, analyse
from unetlite.judge.scores import Scores
from unetlite.judge.sequential import interim_alphas
from unetlite.judge.statistics import ALPHA
from unetlite.network.checkpoint import load_network
from unetlite.network.unet import UNet

RunsBySeed = dict[int, Run]


@dataclass(frozen=True)
class Comparison:
    """Runs by variant. All have the same seeds, except variants that a race dropped."""

    by: str  # the key that is compared, such as "upsample"
    variants: dict[str, list[Run]]  # by name, the runs in the order of `seeds`
    seeds: list[int]
    left_out: list[str]  # sentences on what is not used, and why
    allowed: list[str]  # other keys in which the runs differ, as the user allowed
    alpha: float = ALPHA  # that may be spent on the analysis
    race: RaceRecord | None = None  # that the runs are of
    dropped: dict[str, float] = field(default_factory=dict)  # by a race, with their regret then
    failed: dict[str, RunsBySeed] = field(default_factory=dict)  # what variants out of it trained
    without_images: list[str] = field(default_factory=list)  # which the runs were tested on

    @property
    def runs(self) -> list[Run]:
        return list(chain.from_iterable(self.variants.values()))

    @property
    def directory(self) -> Path:
        """The folder that all runs are in."""
        if self.race is not None:
            return self.runs[0].files.path.parents[1]
        return Path(os.path.commonpath([run.files.path for run in self.runs]))

    @property
    def noun(self) -> str:
        """What a variant is called."""
        return "operator" if self.by == "upsample" else "variant"

    @property
    def shared(self) -> dict[str, Any]:
        """The settings that all runs have in common, by dotted key."""
        return comparable_settings(self.runs[0].config, [self.by, *self.allowed])

    @property
    def environments(self) -> list[dict[str, Any]]:
        """The different devices and versions that the runs record."""
        distinct = []
        for run in self.runs:
            if run.environment and run.environment not in distinct:
                distinct.append(run.environment)
        return distinct

    @cached_property
    def networks(self) -> dict[str, UNet]:
        """The network of each variant's run to use, in evaluation mode."""
        networks = {}
        for name, run in self.runs_to_use().items():
            networks[name] = load_network(run.files.test_checkpoint).eval()
        return networks

    def runs_to_use(self) -> dict[str, Run]:
        """Of each variant, the run with the best validation score."""
        return {name: best_validated(runs) for name, runs in self.variants.items()}

    def scores(self, metric: str) -> Scores:
        """Of the variants that a race did not drop, on the images with a value in every run.

        Raises UsageError if there is no such image.
        """
        scores = self.tabulate(lambda run: run.image_scores(metric)).complete()
        if not scores.images:
            raise UsageError(f"metric {metric}: the runs have no value of it; choose another.")
        return scores

    def tabulate(self, score: Callable[[Run], np.ndarray]) -> Scores:
        """The scores (N,) of the test images of each run, of variants that a race did not drop."""
        tables = {}
        for name, runs in self.variants.items():
            if name not in self.dropped:
                tables[name] = np.array([score(run) for run in runs])
        first = self.runs[0]
        return Scores(tables, self.seeds, first.images, first.groups)

    def run_scores(self, metric: str) -> dict[str, dict[int, float]]:
        """The score of every training that has one, by variant and seed."""
        scores: dict[str, dict[int, float]] = {}
        for name, runs in self.variants.items():
            scores[name] = {}
            for run in runs:
                value = run.metrics.get(f"test/{metric}")
                if value is not None:
                    scores[name][run.seed] = value
        return scores

    def has_metric(self, metric: str) -> bool:
        """True if every run has a score."""
        return all(run.metrics.get(f"test/{metric}") is not None for run in self.runs)

    def analyse(self, metric: str) -> Analysis:
        """The comparison with the best. Raises UsageError if the runs do not have the metric."""
        scores = self.scores(metric)
        return analyse(
            scores,
            METRICS[metric].title,
            self.run_scores(metric),
            self.dropped,
            self.alpha,
            objection(self.runs, scores),
        )

    def without(self, names: Collection[str], seeds: Collection[int]) -> "Comparison":
        """The same without these variants, and without the runs of these seeds."""
        variants = {}
        for name, runs in self.variants.items():
            if name not in names:
                variants[name] = [run for run in runs if run.seed not in seeds]
        kept = [seed for seed in self.seeds if seed not in seeds]
        return replace(self, variants=variants, seeds=kept)

    def leave_out_images(self, names: Sequence[str]) -> "Comparison":
        """The same as if the runs had not been tested on these images.

        Raises UsageError for an unknown name, or if no image is left.
        """
        images = self.runs[0].images
        for name in names:
            if name not in images:
                close = get_close_matches(name, images) or images[:3]
                raise UsageError(
                    f"--without {name}: no test image is called so; expected a name such as "
                    f"{', '.join(close)}."
                )
        if set(names) >= set(images):
            raise UsageError(f"--without leaves none of {len(images)} test images; keep some.")
        variants = {}
        for variant, runs in self.variants.items():
            variants[variant] = [run.without(names) for run in runs]
        failed = {}
        for variant, by_seed in self.failed.items():
            failed[variant] = {seed: run.without(names) for seed, run in by_seed.items()}
        return replace(
            self,
            variants=variants,
            failed=failed,
            without_images=sorted(set(names)),
        )

    def leave_out(self, reasons: Mapping[str, str]) -> "Comparison":
        """The same without variants, for these reasons.

        Raises UsageError if a race dropped another variant: that was beside these.
        """
        if not reasons:
            return self
        others = [name for name in self.dropped if name not in reasons]
        if others:
            raise UsageError(
                f"{', '.join(reasons)} cannot be left out: the race dropped {', '.join(others)} "
                "beside them. Race those that the device can run: unetlite choose --operators."
            )
        lines = [f"{name}: {reason}" for name, reason in reasons.items()]
        return replace(
            self,
            variants={name: self.variants[name] for name in self.variants if name not in reasons},
            dropped={},
            left_out=[*self.left_out, *lines],
        )


def read_comparison(directory: Path, by: str = "upsample", allow: Sequence[str] = ()) -> Comparison:
    """All finished runs below a directory, as variants of the key or group of keys `by`.

    Keys in `allow` may differ. Raises UsageError if the runs do not compare.
    """
    runs = read_runs(directory)
    names = name_variants([run.config for run in runs], by)
    allowed = check_control(runs, by, allow)
    by_variant = group_by_variant(runs, names)
    if len(by_variant) < 2:
        raise UsageError(
            f"{directory} has runs of one variant, {names[0]}; a comparison by {by} needs two: "
            f"python train.py -m {by}=..."
        )
    race = read_race(directory)
    if race is not None and not race.interims and race.no_verdict is not None:
        race = None  # it judged nothing
    if race is not None and race.plan.by == by and by_variant.keys() >= set(race.not_failed):
        return compare_race(race, by_variant, allowed)

    seeds = shared_seeds(directory, by_variant)
    left_out = []
    for file in sorted(directory.rglob("config.yaml")):
        if not file.with_name("metrics.json").exists():
            left_out.append(f"{file.parent} is not finished")
    for run in runs:
        if run.seed not in seeds:
            left_out.append(f"{run.files.path}: not every variant has seed {run.seed}")
    variants = {}
    for name, by_seed in by_variant.items():
        variants[name] = [by_seed[seed] for seed in seeds]
    return Comparison(by, variants, seeds, left_out, allowed)


def read_runs(directory: Path) -> list[Run]:
    """All finished runs below a directory. Raises UsageError if there is none."""
    if not directory.is_dir():
        raise UsageError(
            f"{directory}: no such directory; expected one with runs, such as outputs/coast."
        )
    runs = [read_run(file.parent) for file in sorted(directory.rglob("metrics.json"))]
    if not runs:
        raise UsageError(
            f"{directory} has no finished run; train some: python train.py experiment=compare"
        )
    return runs


def group_by_variant(runs: Sequence[Run], names: Sequence[str]) -> dict[str, RunsBySeed]:
    """Runs by variant and seed. Raises UsageError if two runs have the same."""
    by_variant: dict[str, RunsBySeed] = {}
    for name, run in zip(names, runs, strict=True):
        by_seed = by_variant.setdefault(name, {})
        if run.seed in by_seed:
            raise UsageError(
                f"{by_seed[run.seed].files.path} and {run.files.path} are the same variant "
                f"({name}) and seed; compare a directory that holds one of them."
            )
        by_seed[run.seed] = run
    return by_variant


def shared_seeds(directory: Path, by_variant: Mapping[str, RunsBySeed]) -> list[int]:
    """The seeds that every variant has. Raises UsageError if there is none."""
    seeds = set.intersection(*map(set, by_variant.values()))
    if not seeds:
        trained = [f"{name} has {sorted(by_seed)}" for name, by_seed in by_variant.items()]
        raise UsageError(
            f"{directory} has no seed that every variant was trained with: {'; '.join(trained)}."
        )
    return sorted(seeds)


def compare_race(
    race: RaceRecord, by_variant: Mapping[str, RunsBySeed], allowed: list[str]
) -> Comparison:
    """The runs of a race up to its last interim analysis, which decides.

    Raises UsageError if the record or the runs do not fit the plan.
    """
    alphas = check_interims(race)
    seeds = race.interims[-1].seeds
    variants = {}
    dropped = {}
    left_out = []
    failed = {}
    for name in sorted(set(race.plan.variants) - set(race.not_failed)):
        failed[name] = by_variant.get(name, {})
    for name in sorted(by_variant.keys() - set(race.plan.variants)):
        left_out.append(f"{name} was not in the race")
    for name in race.not_failed:
        by_seed = by_variant[name]
        last = [interim for interim in race.interims if name in interim.regret][-1]
        count = last.seeds
        for seed, run in by_seed.items():
            if seed >= count:
                left_out.append(f"{run.files.path}: not in the race's last interim analysis")
        missing = set(range(count)) - by_seed.keys()
        if missing:
            raise UsageError(
                f"the race analysed {name} with seed {min(missing)}, whose run is missing; "
                "delete race.json and run the same command again: it is trained anew."
            )
        if count < seeds:
            dropped[name] = last.regret[name]
        variants[name] = [by_seed[seed] for seed in range(count)]
    return Comparison(
        by=race.plan.by,
        variants=variants,
        seeds=list(range(seeds)),
        left_out=left_out,
        allowed=allowed,
        alpha=alphas[seeds],
        race=race,
        dropped=dropped,
        failed=failed,
    )


def check_interims(race: RaceRecord) -> dict[int, float]:
    """The planned alphas by number of seeds. Raises UsageError if the race does not follow them."""
    if not race.interims:
        raise UsageError(
            "the race has had no interim analysis yet; run the same command again, and it goes on."
        )
    alphas = interim_alphas(race.plan.seeds)
    planned = list(alphas)[: len(race.interims)]
    taken = [interim.seeds for interim in race.interims]
    if taken != planned:
        raise UsageError(
            f"the race's interim analyses differ from the plan (at {taken} seeds, not at "
            f"{planned}), so they give no verdict."
        )
    return alphas
