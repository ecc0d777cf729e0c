"""`unetlite choose`: a folder of images and masks in, the upsampling to take out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from unetlite.commands.advise import print_first_advice
from unetlite.commands.agreement import print_agreement
from unetlite.commands.choose_plan import (
    EXPERIMENT_FILE,
    Experiment,
    Request,
    find_experiment,
    open_planned_data,
    read_experiment,
    restrict,
    split_request,
)
from unetlite.commands.compare import check_criteria, report_on
from unetlite.commands.target import (
    CostsOption,
    OperatorsOption,
    RuntimeOption,
    Target,
    read_target,
)
from unetlite.commands.user_data import name_data
from unetlite.errors import Interrupted, UsageError
from unetlite.files import shell_path
from unetlite.run_directory import lock
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import HOME
from unetlite.terminal import load_libraries
from unetlite.timing import parse_duration

if TYPE_CHECKING:
    from unetlite.compare.race_record import Failure
    from unetlite.compare.report import Report
    from unetlite.data.loader import SegmentationData
    from unetlite.scheduling.base import Scheduler

ANSWER = "answer.txt"
"""In the directory of a race: what was printed at its end."""

CHOSEN_HERE = {
    "upsample": "operators are chosen by --operators",
    "data": "the data set is the first argument",
    "data.root": "the folder is the first argument",
    "seed": "a race takes its seeds itself",
    "test": "test images are looked at by a race, and by nothing else",
    "resume": "the same command goes on by itself",
    "experiment": "runs go where UNETLITE_HOME=DIR says",
    "output_dir": "runs go where UNETLITE_HOME=DIR says",
    "run_dir": "runs go where UNETLITE_HOME=DIR says",
}
"""Keys that a user cannot set, and the reason."""


NamesOption = Annotated[str | None, typer.Option(help="Two or more, such as transpose,nearest.")]
MarginOption = Annotated[
    float | None, typer.Option(min=0, help="Mean IoU you would give for a cheaper one.")
]
BudgetOption = Annotated[
    str | None, typer.Option(help="The time it may take, such as 40m; about 1h by default.")
]
ParallelOption = Annotated[
    int | None, typer.Option(min=1, help="Trainings at once; measured by default.")
]
DevicesOption = Annotated[
    str | None, typer.Option(help="GPUs by number, as 0,1; cpu; mps; or all of one kind.")
]
OnOption = Annotated[str, typer.Option(help="local, ray or slurm: this machine, or a cluster.")]
SlurmOption = Annotated[
    str | None, typer.Option(help="Options of sbatch, as partition=gpu,timeout_min=120.")
]
LeversOption = Annotated[
    bool,
    typer.Option(help="First try what gains more than the operator, in a quarter of the time."),
]
ModelOption = Annotated[
    str | None, typer.Option(help="Networks to race under in turn, such as mini,pretrained.")
]


def choose(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A folder of images and masks, or a data set such as coast."
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings of train.py, as data.resize=256.")
    ] = None,
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
    overrides = read_overrides(settings or [], model, devices)
    resources.check(compose_run(accelerator_words(overrides)).trainer.accelerator)
    data, name = name_data(data)
    request = Request(data, overrides, operators, margin, budget, levers)
    if model is None:
        answer(restrict(request, target), HOME / "outputs" / name, resources, target)
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
        reports[network] = race(restrict(share, target), directory, resources, target)
        print()
    if len(reports) > 1:
        print_agreement(reports)


def read_overrides(settings: Sequence[str], model: str | None, devices: str | None) -> list[str]:
    """The settings of all trainings. Raises UsageError for one that a race chooses itself."""
    for override in settings:
        key = override.partition("=")[0].lstrip("+~")
        if key == "model" and model is not None:
            raise UsageError(f"{override} --model {model}: give one of them.")
        if key in CHOSEN_HERE:
            raise UsageError(f"{override} cannot be given here: {CHOSEN_HERE[key]}.")
    overrides = list(settings)
    if devices in ("cpu", "mps"):
        overrides.append(f"trainer.accelerator={devices}")
    return overrides


def accelerator_words(overrides: Sequence[str]) -> list[str]:
    """Of these, the one that chooses the kind of device."""
    return [word for word in overrides if word.startswith("trainer.accelerator=")]


def answer(
    request: Request,
    directory: Path,
    resources: Resources,
    target: Target,
) -> None:
    """Races, unless the same question was answered before: then the answer is printed again."""
    from unetlite.compare.race_record import read_race

    file = directory / ANSWER
    if target.costs is None and file.exists():
        experiment = read_experiment(directory / EXPERIMENT_FILE, request)
        record = read_race(directory)
        if experiment is not None and record is not None and record.ended is not None:
            load_libraries("torch", "lightning")
            open_planned_data(experiment, directory)  # raises UsageError for other data
            print(f"answered before; unetlite compare {shell_path(directory)} judges anew\n")
            print(file.read_text(encoding="utf-8"), end="")
            return
    race(request, directory, resources, target)


def race(
    request: Request,
    directory: Path,
    resources: Resources,
    target: Target,
) -> "Report":
    """Plans, races and reports in a directory; a second start goes on."""
    load_libraries("torch", "lightning")
    with lock(directory, "choose another folder by UNETLITE_HOME=DIR"):
        (directory / ANSWER).unlink(missing_ok=True)
        print_first_advice(request.overrides)
        experiment = find_experiment(request, directory, resources)
        data = open_planned_data(experiment, directory)
        check_costs(experiment, data, target)
        print("\n".join(experiment.summary) + "\n", flush=True)
        run_race(experiment, data, directory, resources)
        # What is raced was restricted before: its networks are not exported again.
        return report_on(
            directory,
            tensorboard=True,
            target=Target(target.costs),
            answer=directory / ANSWER,
        )


def check_costs(experiment: Experiment, data: "SegmentationData", target: Target) -> None:
    """Raises UsageError if costs of the device are missing, before anything is trained."""
    if target.costs is None:
        return
    from unetlite.training.fit import make_config

    for operator in experiment.operators:
        target.costs.measured(make_config(experiment.settings(operator, 0), data.dataset))


def run_race(
    experiment: Experiment,
    data: "SegmentationData",
    directory: Path,
    resources: Resources,
) -> None:
    """Runs the race, and shows how it stands. Ctrl+C ends it; the same command goes on."""
    from unetlite.compare.monitor import RaceMonitor
    from unetlite.compare.race import Race, finished_scores
    from unetlite.compare.race_record import RacePlan
    from unetlite.training.run import check_data_of, prepare

    operators = experiment.operators
    plan = RacePlan(
        operators,
        margin=experiment.request.margin,
        seeds=experiment.seeds,
        budget=experiment.budget,
    )
    race = Race(directory, plan, experiment.settings, experiment.data_hash)
    # What cannot run is refused before the first training.
    check_data_of([prepare(experiment.settings(operator, 0)) for operator in operators])
    scores = finished_scores(directory, operators)
    monitor = RaceMonitor(
        race.record,
        experiment.step_seconds,
        scores,
        experiment.training_seconds or dict.fromkeys(operators, 60.0),
        experiment.report_seconds,
        experiment.groups,
    )
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
                on_failure=lambda failure: show(describe_failure(failure)),
                on_interim=lambda record: show(monitor.interim(record)),
            )
    except Interrupted as interrupted:
        raise Interrupted(interrupted.number, "; the same command goes on") from None


def find_scheduler(
    experiment: Experiment,
    data: "SegmentationData",
    directory: Path,
    resources: Resources,
) -> "Scheduler":
    """Where the trainings run. Its workers must see what this process has written."""
    return make_scheduler(
        resources,
        experiment.first_settings.trainer.accelerator,
        Share(experiment.parallel, experiment.threads),
        directory / "race.log",
        shared=[directory / EXPERIMENT_FILE, data.dataset.splits["train"].directory],
    )


def describe_failure(failure: "Failure") -> str:
    """The line for a training that failed."""
    return (
        f"{failure.variant} seed{failure.seed} failed, and {failure.variant} is out of the race: "
        f"{failure.reason}"
    )
