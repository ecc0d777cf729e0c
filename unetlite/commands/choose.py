"""`unetlite choose`: a folder of images and masks in, the upsampling to take out."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from unetlite.commands.agreement import print_agreement
from unetlite.commands.options import (
    CostsOption,
    DataArgument,
    DevicesOption,
    OnOption,
    OperatorsOption,
    ParallelOption,
    RuntimeOption,
    SettingsArgument,
    SlurmOption,
    check_criteria,
    read_overrides,
)
from unetlite.commands.reporting import report_on
from unetlite.commands.target import Target, read_target, restrict_request
from unetlite.compare.planning.request import Request, split_request
from unetlite.compare.planning.user_data import name_data
from unetlite.errors import Interrupted
from unetlite.files import shell_path
from unetlite.run_directory import lock
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.settings.paths import HOME
from unetlite.terminal import load_libraries
from unetlite.timing import format_duration, parse_duration

if TYPE_CHECKING:
    from unetlite.compare.planning.experiment import Experiment
    from unetlite.compare.race.monitor import RaceMonitor
    from unetlite.compare.race.race import Race
    from unetlite.compare.race.record import Failure
    from unetlite.compare.report.report import Report
    from unetlite.data.loader import SegmentationData
    from unetlite.scheduling.base import Scheduler

ANSWER = "answer.txt"
"""In the directory of a race: what was printed at its end."""

NamesOption = Annotated[str | None, typer.Option(help="Two or more, such as transpose,nearest.")]
MarginOption = Annotated[
    float | None, typer.Option(min=0, help="Mean IoU you would give for a cheaper one.")
]
BudgetOption = Annotated[
    str | None, typer.Option(help="The time it may take, such as 40m; about 1h by default.")
]
LeversOption = Annotated[
    bool,
    typer.Option(help="First try what gains more than the operator, in a quarter of the time."),
]
ModelOption = Annotated[
    str | None, typer.Option(help="Networks to race under in turn, such as mini,pretrained.")
]


def choose(
    data: DataArgument,
    settings: SettingsArgument = None,
    operators: NamesOption = None,
    margin: MarginOption = None,
    budget: BudgetOption = None,
    parallel: ParallelOption = None,
    devices: DevicesOption = None,
    on: OnOption = "local",
    slurm: SlurmOption = None,
    model: ModelOption = None,
    costs: CostsOption = None,
    ops: OperatorsOption = None,
    runtime: RuntimeOption = None,
    levers: LeversOption = True,
) -> None:
    """Which upsampling to take: inspects your data, plans, races the operators, and reports."""
    if budget is not None:
        parse_duration(budget)  # raises UsageError
    check_criteria(None, margin)
    target = read_target(costs, ops, runtime)
    resources = Resources(on, devices, parallel, slurm)
    overrides = read_overrides(settings or [], model, resources)
    data, name = name_data(data)
    request = Request(data, overrides, operators, margin, budget, levers)
    if model is None:
        request = restrict_request(request, target)
        answer(request, HOME / "outputs" / name, resources, target)
    else:
        race_networks(request, model, name, resources, target)


def race_networks(
    request: Request,
    model: str,
    name: str,
    resources: Resources,
    target: Target,
) -> None:
    """Races under each of several networks in turn, and says whether they agree."""
    reports = {}
    for network, share in split_request(request, model).items():
        print(f"model={network}\n", flush=True)
        directory = HOME / "outputs" / f"{name}-{network}"
        reports[network] = race(restrict_request(share, target), directory, resources, target)
        print()
    if len(reports) > 1:
        print_agreement(reports)


def answer(
    request: Request,
    directory: Path,
    resources: Resources,
    target: Target,
) -> None:
    """Races, unless the same question was answered before: then the answer is printed again."""
    file = directory / ANSWER
    if target.costs is None and file.exists() and is_answered(request, directory):
        print(f"answered before; unetlite compare {shell_path(directory)} judges anew\n")
        print(file.read_text(encoding="utf-8"), end="")
    else:
        race(request, directory, resources, target)


def is_answered(request: Request, directory: Path) -> bool:
    """True if the race of this request has ended. Raises UsageError if it was on other data."""
    load_libraries("torch", "lightning")
    from unetlite.compare.planning.experiment import (
        EXPERIMENT_FILE,
        open_planned_data,
        read_experiment,
    )
    from unetlite.compare.race.record import read_race

    experiment = read_experiment(directory / EXPERIMENT_FILE, request)
    record = read_race(directory)
    if experiment is None or record is None or record.ended is None:
        return False
    open_planned_data(experiment, directory)
    return True


def race(
    request: Request,
    directory: Path,
    resources: Resources,
    target: Target,
) -> "Report":
    """Plans, races and reports in a directory; a second start goes on."""
    load_libraries("torch", "lightning")
    from unetlite.compare.across_sets import read_evidence
    from unetlite.compare.advice import first_advice
    from unetlite.compare.planning.experiment import find_experiment, open_planned_data
    from unetlite.compare.race.record import read_race

    start = time.monotonic()
    with lock(directory, "choose another folder by UNETLITE_HOME=DIR"):
        (directory / ANSWER).unlink(missing_ok=True)
        for line in first_advice(read_evidence(), request.overrides):
            print(line, flush=True)
        experiment = find_experiment(request, directory, resources)
        data = open_planned_data(experiment, directory)
        check_costs(experiment, data, target)
        print("\n".join(experiment.summary) + "\n", flush=True)
        before = read_race(directory)
        run_race(experiment, data, directory, resources)
        report = report_on(
            directory,
            tensorboard=True,
            target=replace(target, is_checked=True),
            answer=directory / ANSWER,
        )
        seconds = time.monotonic() - start
        if before is not None:
            seconds += before.seconds
        print(time_line(seconds, request.budget))
        return report


def time_line(seconds: float, budget: str | None) -> str:
    """The time that the command took, and by how much it is past the budget."""
    line = f"\ntime      {format_duration(seconds)}"
    if budget is None:
        return line
    excess = seconds - parse_duration(budget)
    if excess > 0:
        return f"{line}, past the budget of {budget} by {format_duration(excess)}"
    return f"{line} of {budget}"


def check_costs(experiment: "Experiment", data: "SegmentationData", target: Target) -> None:
    """Raises UsageError if costs of the device are missing, before anything is trained."""
    if target.costs is None:
        return
    from unetlite.training.fit import make_config

    for operator in experiment.operators:
        target.costs.measured(make_config(experiment.settings(operator, 0), data.dataset))


def run_race(
    experiment: "Experiment",
    data: "SegmentationData",
    directory: Path,
    resources: Resources,
) -> None:
    """Runs the race, and shows how it stands. Ctrl+C ends it; the same command goes on."""
    from unetlite.compare.planning.experiment import longer_command
    from unetlite.compare.race.race import Race
    from unetlite.compare.race.record import RacePlan
    from unetlite.training.run import check_data_of, prepare

    operators = experiment.operators
    plan = RacePlan(
        operators,
        margin=experiment.request.margin,
        seeds=experiment.seeds,
        budget=experiment.budget,
    )
    race = Race(
        directory,
        plan,
        experiment.settings,
        experiment.data_hash,
        longer_command(experiment, directory),
    )
    # What cannot run is refused before the first training.
    check_data_of([prepare(experiment.settings(operator, 0)) for operator in operators])
    monitor = watch(race, experiment, directory)
    if monitor.done > 0:
        print(f"{monitor.done} trainings were done before")
    scheduler = find_scheduler(experiment, data, directory, resources)
    try:
        with scheduler, Live(refresh_per_second=2, transient=True) as live:

            def show(line: str) -> None:
                live.console.print(line, highlight=False, markup=False)
                if live.console.is_terminal:
                    live.update(monitor.table())

            race.run(
                scheduler,
                on_training=lambda variant, seed, miou: show(monitor.finished(variant, seed, miou)),
                on_failure=lambda failure: show(failure_line(failure)),
                on_interim=lambda record: show(monitor.interim(record)),
            )
    except Interrupted as interrupted:
        raise Interrupted(interrupted.number, "; the same command goes on") from None


def watch(race: "Race", experiment: "Experiment", directory: Path) -> "RaceMonitor":
    """What shows how a race stands, with what was trained before."""
    from unetlite.compare.race.monitor import RaceMonitor
    from unetlite.compare.race.race import finished_scores

    operators = experiment.operators
    return RaceMonitor(
        race.record,
        experiment.step_seconds,
        finished_scores(directory, operators),
        experiment.training_seconds or dict.fromkeys(operators, 60.0),
        experiment.report_seconds,
        experiment.groups,
    )


def find_scheduler(
    experiment: "Experiment",
    data: "SegmentationData",
    directory: Path,
    resources: Resources,
) -> "Scheduler":
    """Where the trainings run. Its workers must see what this process has written."""
    from unetlite.compare.planning.experiment import EXPERIMENT_FILE

    return make_scheduler(
        resources,
        experiment.first_settings.trainer.accelerator,
        Share(experiment.parallel, experiment.threads),
        directory / "race.log",
        shared=[directory / EXPERIMENT_FILE, data.dataset.splits["train"].directory],
    )


def failure_line(failure: "Failure") -> str:
    """The line for a training that failed."""
    return (
        f"{failure.variant} seed{failure.seed} failed, and {failure.variant} is out of the race: "
        f"{failure.reason}"
    )
