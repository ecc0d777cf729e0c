"""All trainings of `unetlite choose`: planned once, kept, and found again by the next start."""

from collections.abc import Sequence
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from unetlite.compare.levers.adoption import Draft, adopt_levers
from unetlite.compare.levers.table import Levers, adopted_words, levers_of_race
from unetlite.compare.planning.command import choose_command
from unetlite.compare.planning.plan_text import plan_lines
from unetlite.compare.planning.race_times import WORKER_SECONDS, RaceTimes
from unetlite.compare.planning.rare_class import find_rare_class
from unetlite.compare.planning.request import Request, find_operators, option_changes
from unetlite.compare.planning.request_data import inspect_data, open_fitted, print_classes
from unetlite.compare.planning.schedule import usual_schedule
from unetlite.compare.planning.search import (
    DEFAULT_SECONDS,
    FIRST_INTERIM,
    PLANNING_SECONDS,
    RaceEstimate,
    SearchSpace,
    plan_race,
    smallest_race,
)
from unetlite.compare.planning.set_aside import set_aside, why_it_gives_way
from unetlite.compare.planning.smaller import budget_for, rare_class_warning, refuse_budget
from unetlite.compare.planning.training_times import time_operators
from unetlite.data.loader import SegmentationData
from unetlite.data.provenance import check_content
from unetlite.errors import UsageError
from unetlite.files import write_json
from unetlite.scheduling.resources import Resources
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import Settings, describe_network
from unetlite.terminal import progress
from unetlite.timing import parse_duration
from unetlite.training.fit import open_data
from unetlite.validation import STRICT, read_record

EXPERIMENT_FILE = "choose.json"
"""In the directory of a race: the experiment."""

LONGER = 3  # times as many steps, after a race that has not learnt a class


@dataclass(frozen=True, config=STRICT)
class Experiment:
    """All trainings that answer a request: their settings, their number, and their time."""

    request: Request
    summary: list[str]  # for the terminal
    overrides: list[str]  # of all trainings: the data set, and what was typed
    values: dict[str, Any]  # settings of all trainings by dotted key, inferred or planned
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

    def command(
        self,
        levers: Levers | None,
        changes: Sequence[str],
        budget: str,
        home: str | None = None,
    ) -> str:
        """A race of the same request with changes of settings, as it is typed.

        The budget is for its trainings alone: what was adopted is typed, and no lever is tried.
        """
        return choose_command(
            self.request,
            [*adopted_words(levers), *changes],
            budget=budget,
            levers=False,
            home=home,
        )

    def longer(self, factor: int) -> list[str]:
        """What to type for trainings with so many times the steps."""
        changes = []
        for key in ("data.batch_size", "data.crop_size", "data.crops_per_image"):
            changes.append(f"{key}={self.values[key]}")
        for key in ("trainer.max_epochs", "trainer.max_steps"):
            changes.append(f"{key}={factor * self.values[key]}")
        return changes


def find_experiment(request: Request, directory: Path, resources: Resources) -> Experiment:
    """The experiment of an earlier start, or a new one, which is kept."""
    file = directory / EXPERIMENT_FILE
    experiment = read_experiment(file, request)
    if experiment is None:
        if file.exists():
            set_aside(directory)
        experiment = plan_experiment(request, directory, resources)
        write_json(file, experiment)
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
    reason = why_it_gives_way(file.parent)
    if reason is not None:
        print(reason)
        return None
    late = ""
    if planned.margin != request.margin:
        late = " A margin that is chosen when scores are known proves nothing."
    raise UsageError(
        f"{file.parent} was planned with other options "
        f"({option_changes(asdict(planned), asdict(request))}).{late} Give those again, and it "
        "goes on; or delete the folder, or choose another one by UNETLITE_HOME=DIR."
    )


def open_planned_data(experiment: Experiment, directory: Path) -> SegmentationData:
    """The data of an experiment. Raises UsageError if they are not those that were planned for."""
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
    fixed = request.fixed_keys
    overrides, values = inspect_data(request, directory)
    values["experiment"] = directory.name
    operators = find_operators(request, compose_run(overrides, values))
    data = open_fitted(request, overrides, values)
    if overrides[0] != "data=folder":
        print_classes(data)

    times = time_operators(operators, overrides, values, data, resources)
    splits = data.dataset.splits
    settings = compose_run(overrides, values)
    space = SearchSpace(
        operators,
        usual_schedule(settings, len(splits["train"]), fixed),
        groups=len(set(splits["test"].groups)),
        fixed=fixed if request.operators is None else {*fixed, "operators"},
        times=times,
        rare=find_rare_class(splits["train"], data.dataset.classes),
    )
    with progress("planning"):
        race, seconds = find_race(space, request.budget)
    if race is None:

        def time_changed(changes: Sequence[str], names: Sequence[str]) -> RaceTimes:
            at_once = replace(resources, parallel=times.parallel)
            return time_operators(names, [*overrides, *changes], values, data, at_once)

        model = settings.model
        widths = model.widths if model.encoder is None else None
        raise refuse_budget(request, space, widths, time_changed)
    draft = Draft(
        overrides,
        values,
        space,
        race,
        seconds,
        data,
        resources,
    )
    if request.levers:
        draft = adopt_levers(draft, asdict(request), directory)
    return make_experiment(draft, request)


def find_race(space: SearchSpace, budget: str | None) -> tuple[RaceEstimate | None, float]:
    """The race to run, and the seconds that were aimed at.

    Without a budget a race that takes longer than was aimed at is the smallest there is. With one
    there is none.
    """
    if budget is not None:
        seconds = parse_duration(budget)
        return plan_race(space, seconds), seconds
    race = plan_race(space, DEFAULT_SECONDS)
    if race is None:
        race = smallest_race(replace(space, rare=None))
    return race, DEFAULT_SECONDS


def make_experiment(draft: Draft, request: Request) -> Experiment:
    """The experiment of a race that is planned."""
    times = draft.space.times
    race = draft.race
    schedule = race.schedule
    values = {**draft.values, **schedule.settings()}
    network = describe_network(asdict(compose_run(draft.overrides, values).model))
    summary = [f"network  {network}"]
    if draft.adopted:
        summary.append(f"adopted  {', '.join(draft.adopted)}")
    summary += plan_lines(draft.space, race, draft.seconds)
    summary += rare_class_warning(request, draft.space, race)
    step_seconds = {name: times.network_seconds(name, schedule) for name in race.operators}
    overhead = times.overhead_seconds(race.operators, schedule)
    return Experiment(
        request=request,
        summary=summary,
        overrides=draft.overrides,
        values=values,
        step_seconds=step_seconds,
        seeds=race.seeds,
        budget=max(draft.seconds - PLANNING_SECONDS, race.seconds) - overhead,
        parallel=times.parallel,
        threads=times.threads,
        data_hash=draft.data.dataset.content_hash,
        training_seconds=times.seconds_by_operator(race.operators, schedule),
        report_seconds=times.report_seconds(race.operators, schedule),
        groups=draft.space.groups,
        adopted=draft.adopted,
    )


def longer_command(experiment: Experiment, directory: Path) -> str:
    """A race of the same networks with LONGER times the steps, and the time that it needs."""
    seconds = LONGER * FIRST_INTERIM * sum(experiment.training_seconds.values())
    seconds += WORKER_SECONDS + experiment.report_seconds
    levers = levers_of_race(directory)
    return experiment.command(levers, experiment.longer(LONGER), budget_for(seconds))
