"""What `unetlite choose` was asked, and the trainings that answer it."""

import json
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from unetlite.commands.inspect import folder_options, write_page
from unetlite.commands.lever_adoption import NEEDS_POSITIONS, Draft, adopt_levers
from unetlite.commands.target import (
    ANY_TARGET,
    Target,
    restrict_operators,
)
from unetlite.commands.times import time_operators
from unetlite.commands.user_data import fit_crop
from unetlite.data.inspect import inspect_folder
from unetlite.errors import UsageError
from unetlite.files import write_text
from unetlite.scheduling.resources import Resources
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CONFIGS
from unetlite.settings.schema import Settings, describe_network
from unetlite.terminal import progress
from unetlite.timing import parse_duration
from unetlite.validation import STRICT, read_record

if TYPE_CHECKING:
    from unetlite.compare.planning import RaceEstimate, SearchSpace
    from unetlite.compare.race_times import RaceTimes
    from unetlite.data.loader import SegmentationData

EXPERIMENT_FILE = "choose.json"
"""In the directory of a race: the experiment."""

DEFAULT_OPERATORS = "transpose,separable,nearest,bilinear,pixelshuffle,dysample,unpool"


@dataclass(frozen=True, config=STRICT)
class Request:
    """What was asked. The answer to it is kept, so the same command goes on."""

    data: str
    overrides: list[str]
    operators: str | None  # as they were typed
    margin: float | None
    budget: str | None
    levers: bool = True  # tried before the race
    fixed_network: bool = False  # by a device
    candidates: list[str] | None = None  # operators that a device can run, if none were typed


@dataclass(frozen=True, config=STRICT)
class Experiment:
    """All trainings that answer a request: their settings, their number, and their time."""

    request: Request
    summary: list[str]  # for the terminal
    overrides: list[str]  # of all trainings: the data set, and what was typed
    values: dict[str, Any]  # settings of all trainings by dotted key, found or planned
    step_seconds: dict[str, PositiveFloat]  # of a training step, by operator
    seeds: int  # the most of each operator
    budget: PositiveFloat | None  # seconds
    parallel: PositiveInt  # trainings at once
    threads: PositiveInt  # of all of them together
    data_hash: str | None = None  # None in one of an earlier version, which lacks all below
    training_seconds: dict[str, PositiveFloat] = field(default_factory=dict)  # by operator
    report_seconds: NonNegativeFloat = 0.0
    groups: PositiveInt = 1  # of test images
    adopted: list[str] = field(default_factory=list)  # titles of levers

    @property
    def operators(self) -> list[str]:
        """All operators of the race."""
        return list(self.step_seconds)

    @property
    def first_settings(self) -> Settings:
        """The settings of the first training. Only operator and seed differ in others."""
        return self.settings(self.operators[0], 0)

    def settings(self, operator: str, seed: int) -> Settings:
        """The settings of a training."""
        values = {**self.values, "seed": seed, "resume": "auto"}
        return compose_run([*self.overrides, f"upsample={operator}"], values)


def restrict(request: Request, target: Target) -> Request:
    """The same request for the operators that the device can run."""
    if target == ANY_TARGET:
        return request
    request = replace(request, fixed_network=True)
    words = []
    for override in request.overrides:
        if override.startswith(("model", "downsample")):
            words.append(override)
    names = find_operators(request, compose_run(words))
    names = restrict_operators(names, words, target)
    if request.operators is not None:
        return replace(request, operators=",".join(names))
    return replace(request, candidates=names)


def split_request(request: Request, model: str) -> dict[str, Request]:
    """The same request for each of several networks, which share the time.

    They race the same operators. Raises UsageError for a network that is not known.
    """
    networks = model.split(",")
    available = sorted(file.stem for file in (CONFIGS / "model").glob("*.yaml"))
    if len(set(networks)) < len(networks) or not set(networks) <= set(available):
        raise UsageError(f"--model {model}: expected different ones of {', '.join(available)}.")
    budget = request.budget
    if budget is not None:
        budget = f"{parse_duration(budget) / len(networks):.0f}s"
    requests = {}
    operators = request.operators or DEFAULT_OPERATORS
    for network in networks:
        overrides = [*request.overrides, f"model={network}"]
        requests[network] = replace(request, overrides=overrides, budget=budget)
        of_model = [word for word in overrides if word.startswith("model")]
        if request.operators is None and compose_run(of_model).model.encoder is not None:
            operators = ",".join(without_positions())
    return {key: replace(each, operators=operators) for key, each in requests.items()}


def without_positions() -> list[str]:
    """The default operators, for an encoder that does not give positions of maxima."""
    return [name for name in DEFAULT_OPERATORS.split(",") if name != NEEDS_POSITIONS]


def find_experiment(request: Request, directory: Path, resources: Resources) -> Experiment:
    """The experiment of an earlier start, or a new one, which is kept."""
    file = directory / EXPERIMENT_FILE
    experiment = read_experiment(file, request)
    if experiment is None:
        experiment = plan_experiment(request, directory, resources)
        write_text(file, json.dumps(asdict(experiment), indent=1) + "\n")
    return experiment


def read_experiment(file: Path, request: Request) -> Experiment | None:
    """The experiment of an earlier start, or None. Raises UsageError for one of another request.

    A folder of images may have moved: its content decides, see `open_planned_data`.
    """
    if not file.exists():
        return None
    remedy = "Delete it, and start again: no training is lost if the plan is the same."
    experiment = read_record(file, Experiment, remedy)
    planned = experiment.request
    has_folder = experiment.data_hash is not None and "data.root" in experiment.values
    if has_folder and Path(request.data).is_dir():
        planned = replace(planned, data=request.data)
        experiment = replace(experiment, values={**experiment.values, "data.root": request.data})
    if planned == request:
        return experiment
    if not list(file.parent.glob("*/seed*")):
        print("What was planned here before was not begun, so it is planned anew.")
        return None
    differences = []
    for key, value in asdict(request).items():
        before = getattr(planned, key)
        if before != value:
            differences.append(f"{key} was {typed(before)} and is {typed(value)}")
    late = ""
    if planned.margin != request.margin:
        late = " A margin that is chosen when scores are known proves nothing."
    raise UsageError(
        f"{file.parent} was planned with other options ({'; '.join(differences)}).{late} "
        "Give those again, and it goes on; or delete the folder, or choose another one by "
        "UNETLITE_HOME=DIR."
    )


def typed(value: object) -> str:
    """The value of an option, for a message."""
    if value is None:
        return "not given"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "not given"
    return str(value)


def open_planned_data(experiment: Experiment, directory: Path) -> "SegmentationData":
    """The data of an experiment. Raises UsageError if they are not those that were planned for."""
    from unetlite.data.provenance import check_content
    from unetlite.training.fit import open_data

    data = open_data(experiment.first_settings)
    check_content(
        experiment.data_hash,
        data,
        str(directory),
        "Put back what was there, and the same command goes on; or delete the folder, or choose "
        "another one by UNETLITE_HOME=DIR.",
    )
    return data


def plan_experiment(request: Request, directory: Path, resources: Resources) -> Experiment:
    """Inspects the data, times training steps, tries levers, and plans the race."""
    from unetlite.compare import planning
    from unetlite.compare.schedule import usual_schedule
    from unetlite.training.fit import open_data

    fixed = fixed_keys(request)
    overrides, values = inspect_data(request, fixed, directory)
    values["experiment"] = directory.name
    settings = compose_run(overrides, values)
    operators = find_operators(request, settings)
    data = open_data(settings)
    if "data.crop_size" not in fixed:
        values.update(fit_crop(settings, data))
        settings = compose_run(overrides, values)
    if overrides[0] != "data=folder":
        print_classes(data)

    times = time_operators(operators, overrides, values, data, resources)
    splits = data.dataset.splits
    space = planning.SearchSpace(
        operators,
        usual_schedule(settings, len(splits["train"]), fixed),
        groups=len(set(splits["test"].groups)),
        fixed=fixed if request.operators is None else {*fixed, "operators"},
    )
    with progress("planning"):
        race, seconds = find_race(space, times, request.budget)
    draft = Draft(overrides, values, space, times, race, seconds)
    if request.levers:
        draft = adopt_levers(draft, asdict(request), data, directory, resources)
    return draft_to_experiment(draft, request, data)


def draft_to_experiment(draft: Draft, request: Request, data: "SegmentationData") -> Experiment:
    """The experiment of a race."""
    from unetlite.compare.plan_text import describe_plan
    from unetlite.compare.planning import PLANNING

    times = draft.times
    race = draft.race
    summary = describe_plan(draft.space, times, race, draft.seconds)
    values = {**draft.values, **race.schedule.settings()}
    network = describe_network(asdict(compose_run(draft.overrides, values).model))
    lines = [f"network  {network}"]
    if draft.adopted:
        lines.append(f"adopted  {', '.join(draft.adopted)}")
    overhead = times.overhead_seconds(race.operators, race.schedule)
    batch = (race.schedule.batch_size, race.schedule.crop_size)
    return Experiment(
        request=request,
        summary=[*lines, *summary],
        overrides=draft.overrides,
        values=values,
        step_seconds={name: times.steps[name].seconds(*batch) for name in race.operators},
        seeds=race.seeds,
        budget=max(draft.seconds - PLANNING, race.seconds) - overhead,
        parallel=times.parallel,
        threads=times.threads,
        data_hash=data.dataset.content_hash,
        training_seconds=dict(times.seconds_by_operator(race.operators, race.schedule)),
        report_seconds=times.report_seconds(race.operators, race.schedule),
        groups=draft.space.groups,
        adopted=draft.adopted,
    )


def fixed_keys(request: Request) -> set[str]:
    """The dotted keys that a person set."""
    return {override.partition("=")[0].lstrip("+") for override in request.overrides}


def find_operators(request: Request, settings: Settings) -> list[str]:
    """The operators that were asked for, or the default ones which encoder and device can serve."""
    if request.operators is not None:
        return check_operators(request.operators)
    if request.candidates is not None:
        return request.candidates
    if settings.model.encoder is None:
        return DEFAULT_OPERATORS.split(",")
    print(
        f"{NEEDS_POSITIONS} is left out: {settings.model.encoder.name} has no positions of maxima"
    )
    return without_positions()


def find_race(
    space: "SearchSpace", times: "RaceTimes", budget: str | None
) -> tuple["RaceEstimate", float]:
    """The race to run, and the seconds that were aimed at.

    Without a budget a race that takes longer than was aimed at is the smallest there is. With one
    it raises UsageError.
    """
    from unetlite.compare import planning
    from unetlite.compare.plan_text import budget_error

    seconds = planning.DEFAULT_SECONDS
    if budget is not None:
        seconds = parse_duration(budget)
    race = planning.plan_race(space, times, seconds)
    if race is None:
        race = planning.smallest_race(space, times)
        if budget is not None:
            raise budget_error(budget, race)
    return race, seconds


def check_operators(text: str) -> list[str]:
    """The names of operators. Raises UsageError unless they are two or more that exist."""
    from unetlite.network.upsampling import UPSAMPLERS

    names = text.split(",")
    if len(set(names)) < 2 or not set(names) <= UPSAMPLERS.keys():
        raise UsageError(f"--operators {text}: expected two or more of {', '.join(UPSAMPLERS)}.")
    return names


def inspect_data(
    request: Request, overridden: set[str], directory: Path
) -> tuple[list[str], dict[str, Any]]:
    """Overrides that choose the data, and settings by what is in a folder, by dotted key."""
    public_sets = {file.stem for file in (CONFIGS / "data").glob("*.yaml")} - {"folder"}
    if request.data in public_sets:
        return [f"data={request.data}", *request.overrides], {}
    overrides = ["data=folder", *request.overrides]
    options = folder_options(request.data, request.overrides)
    inspection = inspect_folder(Path(request.data), options)
    print("\n".join(inspection.lines()))
    page = directory / "inspection.html"
    write_page(inspection, page)
    print(f"preview  {page}", flush=True)
    values = {}
    for key, value in inspection.settings.items():
        if f"data.{key}" not in overridden:
            values[f"data.{key}"] = value
    return overrides, values


def class_shares(data: "SegmentationData") -> list[str]:
    """The classes with their shares of the training pixels, such as "water 34.0%"."""
    classes = data.dataset.classes
    counts = np.array(data.dataset.splits["train"].labels[: len(classes)])
    shares = counts / counts.sum()
    return [f"{name} {share:.1%}" for name, share in zip(classes, shares, strict=True)]


def print_classes(data: "SegmentationData") -> None:
    """Prints classes, splits and groups of a public data set."""
    splits = data.dataset.splits
    sizes = [f"{len(split)} {name}" for name, split in splits.items()]
    groups = len(set(splits["test"].groups))
    print(f"classes  {', '.join(class_shares(data))}")
    print(f"splits   {', '.join(sizes)}; {groups} groups are tested")
