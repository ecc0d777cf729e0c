"""The content of a report: verdicts, warnings, and what they are based on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.compare.across_sets import read_evidence
from unetlite.compare.advice import covers_network, prediction_sentences
from unetlite.compare.classes import (
    class_loss_sentences,
    no_better_than_trivial,
    trivial_scores,
    worst_class,
    worst_class_sentence,
)
from unetlite.compare.comparison import Comparison
from unetlite.compare.costs.costs import Costs
from unetlite.compare.costs.device import DeviceCosts, put_device_costs
from unetlite.compare.costs.kept import find_costs
from unetlite.compare.curves import missing_trend, read_trend
from unetlite.compare.doctor.orientation import find_orientation
from unetlite.compare.doctor.run_data import find_data
from unetlite.compare.doctor.suspects import Suspects, find_suspects
from unetlite.compare.levers.table import (
    Levers,
    basis_sentence,
    lever_sentences,
    levers_of_race,
)
from unetlite.compare.metrics import METRICS
from unetlite.compare.missed_classes import rare_class_cautions
from unetlite.compare.report.figures import Figures, draw_figures
from unetlite.compare.report.protocol import protocol
from unetlite.compare.report.trained import trained_sentence
from unetlite.compare.runs import Run
from unetlite.judge.analysis import Analysis, Summary, summarise
from unetlite.judge.trend import Trend, trend_text
from unetlite.judge.verdict import (
    Cost,
    choose_variant,
    equivalence,
    group_cautions,
    verdicts,
    without_collapsed,
)
from unetlite.settings.schema import describe_network
from unetlite.wording import counted, join_names, name_run

MAX_SUSPECTS = 5  # images to look at that come first
MAX_SENTENCES = 2  # on trainings that collapsed


@dataclass(frozen=True)
class Report:
    """All results of a comparison. `metric` decides; other metrics are described."""

    comparison: Comparison
    metric: str  # of METRICS
    with_all: Analysis  # in this metric, with trainings that collapsed
    others: dict[str, dict[str, Summary]]
    costs: Costs
    figures: Figures
    margin: float | None = None
    trivial: dict[str, np.ndarray] = field(default_factory=dict)  # IoU (K,) without training
    suspects: Suspects = field(default_factory=Suspects)  # images to look at
    orientation: list[str] = field(default_factory=list)  # whether images have an up, in sentences
    levers: Levers | None = None  # that were tried before the race
    export_options: str = ""  # of `unetlite export`, for the device that predicts
    splits: dict[str, int] = field(default_factory=dict)  # images of each, if the data are here

    @property
    def chosen(self) -> str:
        """The variant to take; without a verdict the one with the best mean."""
        chosen = choose_variant(self.analysis, self.cost, self.margin)
        return chosen or next(iter(self.analysis.variants))

    @cached_property
    def analysis(self) -> Analysis:
        """In this metric, without the variants of which a training collapsed if two are left."""
        return without_collapsed(self.with_all, self.analyse_without)

    def analyse_without(self, variants: Collection[str], seeds: Collection[int]) -> Analysis:
        """The analysis without these variants and seeds."""
        return self.comparison.without(variants, seeds).analyse(self.metric)

    @property
    def worth(self) -> list[str]:
        """How good the networks are, whichever is best: the worst class, in a sentence."""
        return [worst_class_sentence(self.comparison, self.chosen)]

    @cached_property
    def losses(self) -> list[str]:
        """What the choice can lose besides, in the worst class; in a sentence or none."""
        if self.analysis.best is None:
            return []
        steady = self.comparison.without(self.analysis.without_bound, [])
        return class_loss_sentences(steady, self.chosen)

    @property
    def steps(self) -> int:
        """Of a training, at most; -1 if only epochs limit it."""
        return self.comparison.runs[0].config["trainer"].get("max_steps", -1)

    @property
    def trained(self) -> str:
        """Whether the networks are trained: yes, no, or not known, in a sentence or two."""
        trend = self.trend or missing_trend(self.steady_runs)
        return trained_sentence(trend, self.levers, self.steps)

    @property
    def gains(self) -> list[str]:
        """What would gain more than the choice that was compared."""
        sentences = []
        if self.levers is not None:
            risk = None
            if self.analysis.best is not None:
                risk = self.analysis.best.regret[self.chosen]
            sentences += lever_sentences(self.levers, risk)
        return sentences + self.orientation

    @property
    def gains_basis(self) -> list[str]:
        """What gains were measured with, in a sentence or none."""
        return [] if self.levers is None else [basis_sentence(self.levers)]

    @property
    def prediction(self) -> list[str]:
        """Whether the data were as other sets predict, in a sentence or none."""
        evidence = read_evidence()
        model = self.comparison.runs[0].config["model"]
        of_evidence = self.comparison.by == "upsample" and self.metric == "miou"
        if not of_evidence or not covers_network(evidence, model):
            return []
        return prediction_sentences(self.analysis, evidence)

    @property
    def look_at(self) -> list[str]:
        """What to look at in the data."""
        sentences = self.suspects.sentences
        if len(sentences) <= MAX_SUSPECTS:
            return sentences
        hidden = len(sentences) - MAX_SUSPECTS
        return [*sentences[:MAX_SUSPECTS], f"The report shows {hidden} more images to look at."]

    @property
    def cost(self) -> Cost:
        """What decides between equally good variants: latency, or MACs if it was not measured."""
        if self.costs.fastest:
            superlative = "the fastest"
            if self.costs.device is not None:
                superlative = f"the fastest on {self.costs.processor}"
            return Cost(self.costs.fastest, "ms", superlative, ranges=self.costs.ranges)
        millions = {name: cost.macs / 1e6 for name, cost in self.costs.variants.items()}
        return Cost(millions, "million MACs", "the one with the fewest MACs")

    @cached_property
    def trend(self) -> Trend | None:
        """The gain of the trainings at their end, without those that collapsed."""
        return read_trend(self.steady_runs)

    @property
    def steady_runs(self) -> list[Run]:
        """The runs that did not collapse."""
        collapsed = self.analysis.collapsed
        runs = []
        for name, of_variant in self.comparison.variants.items():
            runs += [run for run in of_variant if (name, run.seed) not in collapsed]
        return runs

    @cached_property
    def verdicts(self) -> list[str]:
        """What to choose; if trainings collapsed, also with or without them.

        That images were left out, and that networks are far from trained, comes first.
        """
        opening = left_out_sentences(self.comparison)
        trend = self.trend
        if trend is not None and trend.is_far:
            opening.append(f"{trend_text(trend)} {training_hint(self.comparison)}")
        return opening + verdicts(
            self.analysis,
            self.with_all,
            self.cost,
            self.margin,
            self.analyse_without,
        )

    @cached_property
    def cautions(self) -> list[str]:
        """What a reader must know before believing the verdict."""
        cautions = failure_sentences(self.comparison)
        if self.trivial:
            cautions += no_better_than_trivial(self.comparison, self.trivial)
        cautions += collapse_sentences(self.analysis.collapsed)
        cautions += rare_class_cautions(self.comparison.runs)
        if self.comparison.allowed:
            keys = ", ".join(self.comparison.allowed)
            cautions.append(f"The runs also differ in {keys}, as was allowed.")
        unknown = [run for run in self.comparison.runs if run.data_hash is None]
        if unknown:
            cautions.append(
                f"{len(unknown)} of {len(self.comparison.runs)} runs do not record their data, "
                "as earlier versions: that all were trained on the same is not checked."
            )
        differing = differing_values(self.comparison.environments)
        if differing:
            cautions.append(f"The runs were trained with different {join_names(differing)}.")
        cautions += group_cautions(self.analysis)
        return cautions

    @property
    def network(self) -> str:
        """The network that the verdict is about."""
        return describe_network(self.comparison.runs[0].config["model"])

    @property
    def data_name(self) -> str:
        """Of the data set; that of the folder if it is one's own."""
        data = self.comparison.runs[0].config["data"]
        if data["name"] == "folder" and data.get("root"):
            return Path(data["root"]).name
        return str(data["name"])

    @property
    def protocol(self) -> str:
        """What a reader needs to repeat this, in a line."""
        return protocol(self.comparison, self.data_name, self.splits)

    @property
    def equivalence(self) -> list[str]:
        """How much any two differ at most, in a sentence or none."""
        return equivalence(self.analysis)

    @property
    def basis(self) -> str:
        """The variants, seeds, images and data set behind the verdict, in a line."""
        comparison = self.comparison
        first = comparison.runs[0]
        count = len(comparison.seeds)
        groups = len(set(first.groups))
        kind = comparison.noun + "s"
        if kind == "variants":
            kind += f" of {comparison.by}"
        text = (
            f"{len(comparison.variants)} {kind}, {counted(count, 'seed')} each "
            f"({', '.join(map(str, comparison.seeds))}), {len(first.images)} test images"
        )
        if groups < len(first.images):
            text += f" in {groups} groups"
        text += f", data set {self.data_name}."
        if comparison.race is not None:
            state = "is at" if comparison.race.ended is None else "ended after"
            text += f" The race {state} {count} seeds."
        if self.steps > 0:
            text += f" {self.steps} steps a training."
        if self.comparison.by != "model":
            text += f" The network: {self.network}."
        return text


def make_report(
    comparison: Comparison,
    metric: str,
    margin: float | None,
    update: Callable[..., None],
    *,
    size: tuple[int, int],
    rounds: int,
    images: Path | None,
    device_costs: DeviceCosts | None,
    export_options: str,
    kept_costs: Path,
) -> Report:
    """Analyses the scores, measures the costs on an image of this size, and draws the figures.

    With costs of a device, those are taken and nothing is measured. `images` is the folder of the
    data set, if it moved. `kept_costs` is the file of those that were measured before.
    """
    costs = find_costs(
        kept_costs,
        comparison,
        size,
        rounds if device_costs is None else 0,
        update,
    )
    if device_costs is not None:
        configs = {name: network.config for name, network in comparison.networks.items()}
        costs = put_device_costs(costs, device_costs, configs)
    update("predicting test images")
    run_data = find_data(comparison, images)
    dataset = None if run_data.data is None else run_data.data.dataset
    return Report(
        comparison,
        metric,
        comparison.analyse(metric),
        summarise_others(comparison, metric),
        costs,
        draw_figures(comparison, run_data, worst_class(comparison)),
        margin,
        trivial_scores(comparison, dataset),
        find_suspects(comparison, run_data.data),
        find_orientation(comparison, run_data.data),
        levers_of_race(comparison.runs[0].files.path.parents[1]),
        export_options,
        {} if dataset is None else {name: len(split) for name, split in dataset.splits.items()},
    )


def summarise_others(comparison: Comparison, metric: str) -> dict[str, dict[str, Summary]]:
    """The scores in all metrics but the one that decides, by metric and variant."""
    others = {}
    for other in METRICS:
        if other != metric and comparison.has_metric(other):
            others[other] = summarise(comparison.run_scores(other))
    return others


def left_out_sentences(comparison: Comparison) -> list[str]:
    """A sentence on the test images that were left out, as asked."""
    names = comparison.without_images
    if not names:
        return []
    images = counted(len(names), "test image")
    return [f"Judged without {images}, as asked: {', '.join(names)}."]


def failure_sentences(comparison: Comparison) -> list[str]:
    """A sentence on each variant that a failed training took out of the race."""
    if comparison.race is None:
        return []
    sentences = []
    for name, finished in comparison.failed.items():
        seeds = [each.seed for each in comparison.race.failures if each.variant == name]
        sentences.append(
            f"{name} is not chosen and not judged: {len(seeds)} of its "
            f"{len(seeds) + len(finished)} trainings failed (seed {', '.join(map(str, seeds))})."
        )
    return sentences


def training_hint(comparison: Comparison) -> str:
    """How to train longer, with the settings as they are."""
    trainer = comparison.runs[0].config["trainer"]
    length = f"trainer.max_epochs, {trainer['max_epochs']} now"
    if trainer.get("max_steps", -1) > 0:
        length = f"trainer.max_steps, {trainer['max_steps']} now, and {length}"
    return f"Train longer before you choose ({length})."


def collapse_sentences(collapsed: Mapping[tuple[str, int], str]) -> list[str]:
    """The sentences on trainings that collapsed; of many a list, and the first sentence."""
    sentences = list(collapsed.values())
    if len(sentences) <= MAX_SENTENCES:
        return sentences
    names = join_names([name_run(variant, seed) for variant, seed in collapsed])
    return [f"{len(sentences)} trainings collapsed: {names}. {sentences[0]}"]


def differing_values(environments: Sequence[dict[str, Any]]) -> list[str]:
    """The keys in which environments differ, each with its values in parentheses."""
    differing = []
    keys = dict.fromkeys(chain.from_iterable(environments))
    keys.pop("data_hash", None)  # is checked, or allowed to differ
    for key in keys:
        values = dict.fromkeys(
            str(environment.get(key, "not recorded")) for environment in environments
        )
        if len(values) > 1:
            differing.append(f"{key} ({', '.join(values)})")
    return differing
