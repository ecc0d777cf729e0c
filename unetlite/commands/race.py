"""A race: planned, run, reported and, if it was asked for before, answered again."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.live import Live

from unetlite.commands.agreement import print_agreement
from unetlite.commands.reporting import report_on
from unetlite.commands.target import Target, restrict_request
from unetlite.compare.across_sets import read_evidence
from unetlite.compare.advice import first_advice
from unetlite.compare.planning.experiment import (
    EXPERIMENT_FILE,
    Experiment,
    find_experiment,
    longer_command,
    open_planned_data,
    read_experiment,
)
from unetlite.compare.planning.request import Request
from unetlite.compare.race.monitor import RaceMonitor
from unetlite.compare.race.race import Race, finished_scores
from unetlite.compare.race.record import Failure, RacePlan, read_race
from unetlite.compare.report.report import Report
from unetlite.data.loader import SegmentationData
from unetlite.errors import Interrupted
from unetlite.files import shell_path
from unetlite.run_directory import lock
from unetlite.scheduling.base import Scheduler
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.timing import format_duration, parse_duration
from unetlite.training.fit import make_config
from unetlite.training.run import check_data_of, prepare

ANSWER = "answer.txt"
"""In the directory of a race: what was printed at its end."""


def race_networks(
    requests: Mapping[str, Request],
    directory: Path,
    resources: Resources,
    target: Target,
) -> None:
    """Races under each of several networks in turn, and says whether they agree.

    Each has a directory beside `directory`.
    """
    reports = {}
    for network, request in requests.items():
        print(f"model={network}\n", flush=True)
        own = directory.with_name(f"{directory.name}-{network}")
        reports[network] = race(restrict_request(request, target), own, resources, target)
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
) -> Report:
    """Plans, races and reports in a directory; a second start goes on."""
    start = time.monotonic()
    with lock(directory):
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


def check_costs(experiment: Experiment, data: SegmentationData, target: Target) -> None:
    """Raises UsageError if costs of the device are missing, before anything is trained."""
    if target.costs is None:
        return
    for operator in experiment.operators:
        target.costs.measured(make_config(experiment.settings(operator, 0), data.dataset))


def run_race(
    experiment: Experiment,
    data: SegmentationData,
    directory: Path,
    resources: Resources,
) -> None:
    """Runs the race, and shows how it stands. Ctrl+C ends it; the same command goes on."""
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


def watch(race: Race, experiment: Experiment, directory: Path) -> RaceMonitor:
    """What shows how a race stands, with what was trained before."""
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
    experiment: Experiment,
    data: SegmentationData,
    directory: Path,
    resources: Resources,
) -> Scheduler:
    """Where the trainings run. Its workers must see what this process has written."""
    return make_scheduler(
        resources,
        experiment.first_settings.trainer.accelerator,
        Share(experiment.parallel, experiment.threads),
        directory / "race.log",
        shared=[directory / EXPERIMENT_FILE, data.dataset.splits["train"].directory],
    )


def failure_line(failure: Failure) -> str:
    """The line for a training that failed."""
    return (
        f"{failure.variant} seed{failure.seed} failed, and {failure.variant} is out of the race: "
        f"{failure.reason}"
    )
