"""`unetlite choose`: a folder of images and masks in, the upsampling to take out."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from decimal import ROUND_UP
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from rich import get_console
from rich.live import Live
from rich.table import Table

from unetlite.commands.compare import check_criteria, report_on
from unetlite.commands.inspect import folder_options, write_page
from unetlite.commands.target import (
    ANY_TARGET,
    CostsOption,
    OperatorsOption,
    RuntimeOption,
    Target,
    read_target,
    restrict_operators,
)
from unetlite.commands.train import check_data_of
from unetlite.data.inspect import inspect_folder
from unetlite.errors import Interrupted, UsageError
from unetlite.files import write_text
from unetlite.run_directory import lock
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CONFIGS, HOME
from unetlite.settings.schema import Settings, describe_network
from unetlite.terminal import hide_messages, load_libraries, progress
from unetlite.timing import num_threads, parse_duration
from unetlite.validation import STRICT, read_record

if TYPE_CHECKING:
    from unetlite.compare.planning import PlannedRace, Question, RaceTimes
    from unetlite.compare.race_record import Failure
    from unetlite.compare.report import Report
    from unetlite.data.loader import SegmentationData
    from unetlite.scheduling.base import Scheduler

DEFAULT_OPERATORS = "transpose,nearest,bilinear,pixelshuffle,dysample,unpool"

NEEDS_POSITIONS = "unpool"
"""Of these, the one that an encoder of timm cannot serve."""

CHOSEN_HERE = {
    "upsample": "operators are chosen by --operators",
    "data": "the data set is the first argument",
    "data.root": "the folder is the first argument",
    "seed": "a race takes its seeds itself",
    "resume": "the same command goes on by itself",
    "experiment": "runs go where UNETLITE_HOME=DIR says",
    "output_dir": "runs go where UNETLITE_HOME=DIR says",
    "run_dir": "runs go where UNETLITE_HOME=DIR says",
}
"""Keys that a user cannot set, and the reason."""


@dataclass(frozen=True, config=STRICT)
class Request:
    """What was asked. The answer to it is kept, so the same command goes on."""

    data: str
    overrides: list[str]
    operators: str | None
    margin: float | None
    budget: str | None


@dataclass(frozen=True, config=STRICT)
class Plan:
    """What is trained to answer a request."""

    request: Request
    summary: list[str]  # for the terminal
    overrides: list[str]  # of all trainings: the data set, and what was typed
    values: dict[str, Any]  # settings of all trainings by dotted key, found or planned
    step_seconds: dict[str, PositiveFloat]  # of a training step, by operator
    seeds: int  # the most of each operator
    budget: PositiveFloat | None  # seconds
    parallel: PositiveInt  # trainings at once
    threads: PositiveInt  # of all of them together
    data_hash: str | None = None  # None in a plan of an earlier version, which lacks all below
    training_seconds: dict[str, PositiveFloat] = field(default_factory=dict)  # by operator
    report_seconds: NonNegativeFloat = 0.0
    groups: PositiveInt = 1  # of test images

    def settings(self, operator: str, seed: int) -> Settings:
        """The settings of a training."""
        values = {**self.values, "seed": seed, "resume": "auto"}
        return compose_run([*self.overrides, f"upsample={operator}"], values)


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
    operators: Annotated[
        str | None, typer.Option(help="Two or more, such as transpose,nearest.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(min=0, help="Mean IoU you would give for a cheaper one.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="The time it may take, such as 40m; about 1h by default."),
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(min=1, help="Trainings at once; measured by default.")
    ] = None,
    devices: Annotated[
        str | None, typer.Option(help="GPUs by number, as 0,1; cpu; mps; or all of one kind.")
    ] = None,
    on: Annotated[
        str, typer.Option(help="local, ray or slurm: this machine, or a cluster.")
    ] = "local",
    slurm: Annotated[
        str | None, typer.Option(help="Options of sbatch, as partition=gpu,timeout_min=120.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Networks to race under in turn, such as mini,pretrained.")
    ] = None,
    costs: CostsOption = None,
    ops: OperatorsOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """Which upsampling to take: inspects your data, plans, races the operators, and reports."""
    if budget is not None:
        parse_duration(budget)  # raises UsageError
    check_criteria(None, margin)
    target = read_target(costs, ops, runtime)
    resources = Resources(
        on,
        devices,
        parallel,
        slurm,
    )
    check_settings(settings or [], model)
    if Path(data).is_dir():
        data = str(Path(data).resolve())
    overrides = list(settings or [])
    if devices in ("cpu", "mps"):
        overrides.append(f"trainer.accelerator={devices}")
    resources.check(find_accelerator(overrides))
    request = Request(
        data,
        overrides,
        operators,
        margin,
        budget,
    )
    name = re.sub(r"[^\w-]+", "_", Path(data).name)
    if model is None:
        race(restrict(request, target), HOME / "outputs" / name, resources, target)
        return
    reports = {}
    for network, share in split_request(request, model).items():
        print(f"model={network}\n", flush=True)
        directory = HOME / "outputs" / f"{name}-{network}"
        reports[network] = race(restrict(share, target), directory, resources, target)
        print()
    if len(reports) > 1:
        print_agreement(reports)


def check_settings(settings: Sequence[str], model: str | None) -> None:
    """Raises UsageError for a setting that a race chooses itself."""
    for override in settings:
        key = override.partition("=")[0].lstrip("+~")
        if key == "model" and model is not None:
            raise UsageError(f"{override} --model {model}: give one of them.")
        if key in CHOSEN_HERE:
            raise UsageError(f"{override} cannot be given here: {CHOSEN_HERE[key]}.")


def find_accelerator(overrides: Sequence[str]) -> str:
    """The `trainer.accelerator` of a command line."""
    words = [word for word in overrides if word.startswith("trainer.accelerator=")]
    return compose_run(words).trainer.accelerator


def race(
    request: Request,
    directory: Path,
    resources: Resources,
    target: Target,
) -> "Report":
    """Plans, races and reports in a directory; a second start goes on."""
    with lock(directory, "choose another folder by UNETLITE_HOME=DIR"):
        plan = find_plan(request, directory, resources.parallel)
        check_plan_costs(plan, target)
        print("\n".join(plan.summary) + "\n", flush=True)
        run_race(plan, directory, resources)
        # What is raced was restricted before: its networks are not exported again.
        return report_on(directory, tensorboard=True, target=Target(target.costs))


def restrict(request: Request, target: Target) -> Request:
    """The same request for the operators that the device can run."""
    if target == ANY_TARGET:
        return request
    words = []
    for override in request.overrides:
        if override.startswith(("model", "downsample")):
            words.append(override)
    if request.operators is not None:
        names = check_operators(request.operators)
    elif compose_run(words).model.encoder is not None:
        names = without_positions()
    else:
        names = DEFAULT_OPERATORS.split(",")
    return replace(request, operators=",".join(restrict_operators(names, words, target)))


def check_plan_costs(plan: Plan, target: Target) -> None:
    """Raises UsageError if costs of the device are missing, before anything is trained."""
    if target.costs is None:
        return
    from unetlite.training.fit import make_config, open_data

    operators = list(plan.step_seconds)
    dataset = open_data(plan.settings(operators[0], 0)).dataset
    for operator in operators:
        target.costs.measured(make_config(plan.settings(operator, 0), dataset))


def split_request(request: Request, model: str) -> dict[str, Request]:
    """The same request for each of several networks, which share the time.

    They race the same operators. Raises UsageError for a network that is not known.
    """
    networks = model.split(",")
    known = sorted(file.stem for file in (CONFIGS / "model").glob("*.yaml"))
    if len(set(networks)) < len(networks) or not set(networks) <= set(known):
        raise UsageError(f"--model {model}: expected different ones of {', '.join(known)}.")
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


def print_agreement(reports: Mapping[str, "Report"]) -> None:
    """Prints the scores of all operators under each network, and whether the choices agree."""
    from unetlite.judge.verdict import choose_variant

    table = Table("upsample", *reports, title="mean over trainings")
    for operator in next(iter(reports.values())).analysis.variants:
        means = [report.analysis.variants[operator].mean for report in reports.values()]
        table.add_row(operator, *(f"{mean:.4f}" for mean in means))
    get_console().print(table)
    choices = {}
    for network, report in reports.items():
        best = report.analysis.best
        if best is None:
            print(f"There is no verdict under model={network}, so nothing is said of agreement.")
            return
        choices[network] = choose_variant(best, report.cost, report.margin)
    print(describe_agreement(choices, reports))


def describe_agreement(choices: Mapping[str, str], reports: Mapping[str, "Report"]) -> str:
    """Whether networks agree, and what the choice of each can lose under the others."""
    if len(set(choices.values())) == 1:
        return f"The networks agree: {next(iter(choices.values()))} is chosen under each."
    from unetlite.judge.verdict import format_number

    is_contradicted = False
    sentences = []
    for network, operator in choices.items():
        for other, report in reports.items():
            best = report.analysis.best
            if other == network or best is None:
                continue
            regret = {**report.comparison.dropped, **best.regret}[operator]
            is_candidate = operator in best.candidates
            is_contradicted = is_contradicted or not is_candidate
            standing = "it may be" if is_candidate else "it is not"
            bound = format_number(regret, ROUND_UP)
            sentences.append(
                f"{operator} is chosen under {network}; under {other} {standing} the best, and is "
                f"at most {bound} below it."
            )
    opening = "The networks choose differently, and neither excludes the other's choice."
    if is_contradicted:
        opening = "The networks disagree."
    return " ".join([opening, *sentences])


def find_plan(request: Request, directory: Path, parallel: int | None) -> Plan:
    """The plan of an earlier start, or a new one, which is kept."""
    file = directory / "choose.json"
    plan = read_plan(file, request)
    load_libraries("torch", "lightning")
    if plan is None:
        plan = make_plan(request, directory, parallel)
        write_text(file, json.dumps(asdict(plan), indent=1) + "\n")
    else:
        check_plan_data(plan, directory)
    return plan


def read_plan(file: Path, request: Request) -> Plan | None:
    """The plan of an earlier start, or None. Raises UsageError for that of another request.

    A folder of images may have moved: its content decides, see `check_plan_data`.
    """
    if not file.exists():
        return None
    remedy = "Delete it, and start again: no training is lost if the plan is the same."
    plan = read_record(file, Plan, remedy)
    planned = plan.request
    if plan.data_hash is not None and "data.root" in plan.values and Path(request.data).is_dir():
        planned = replace(planned, data=request.data)
        plan = replace(plan, values={**plan.values, "data.root": request.data})
    if planned == request:
        return plan
    differences = []
    for key, value in asdict(request).items():
        before = getattr(planned, key)
        if before != value:
            differences.append(f"{key} was {before} and is {value}")
    raise UsageError(
        f"{file.parent} was planned with other options ({'; '.join(differences)}). "
        "Give those again, and it goes on; or delete the folder, or choose another one by "
        "UNETLITE_HOME=DIR."
    )


def check_plan_data(plan: Plan, directory: Path) -> None:
    """Raises UsageError if the data are not those that were planned for."""
    from unetlite.data.provenance import check_content
    from unetlite.training.fit import open_data

    check_content(
        plan.data_hash,
        open_data(plan.settings(next(iter(plan.step_seconds)), 0)),
        str(directory),
        "Put back what was there, and the same command goes on; or delete the folder, or choose "
        "another one by UNETLITE_HOME=DIR.",
    )


def make_plan(request: Request, directory: Path, parallel: int | None) -> Plan:
    """Inspects the data, times training steps, and plans the race."""
    from unetlite.compare import planning
    from unetlite.training.fit import open_data

    operators = check_operators(request.operators or DEFAULT_OPERATORS)
    fixed = {override.partition("=")[0].lstrip("+") for override in request.overrides}
    overrides, values = inspect_data(request, fixed, directory)
    values["experiment"] = directory.name
    settings = compose_run(overrides, values)
    if request.operators is None and settings.model.encoder is not None:
        operators = without_positions()
        print(
            f"{NEEDS_POSITIONS} is left out: {settings.model.encoder.name} has no positions of "
            "maxima"
        )
    data = open_data(settings)
    if "data.crop_size" not in fixed:
        values.update(fit_crop(settings, data))
        settings = compose_run(overrides, values)
    if overrides[0] != "data=folder":
        print_classes(data)

    variants = {}
    for name in operators:
        variants[name] = compose_run([*overrides, f"upsample={name}"], values)
    times = measure_times(variants, data, parallel)
    splits = data.dataset.splits
    question = planning.Question(
        operators,
        planning.usual_schedule(settings, len(splits["train"]), fixed),
        groups=len(set(splits["test"].groups)),
        fixed=fixed if request.operators is None else {*fixed, "operators"},
    )
    with progress("planning"):
        race, seconds = find_race(question, times, request.budget)
        summary = planning.describe_plan(
            question,
            times,
            race,
            seconds,
        )
    values.update(race.schedule.settings())
    rest = times.of_rest(race.operators, race.schedule)
    batch = (race.schedule.batch_size, race.schedule.crop_size)
    return Plan(
        request=request,
        summary=[f"network  {describe_network(asdict(settings.model))}", *summary],
        overrides=overrides,
        values=values,
        step_seconds={name: times.steps[name].seconds(*batch) for name in race.operators},
        seeds=race.seeds,
        budget=max(seconds - planning.PLANNING, race.seconds) - rest,
        parallel=times.parallel,
        threads=num_threads(),
        data_hash=data.dataset.content_hash,
        training_seconds=dict(times.of_trainings(race.operators, race.schedule)),
        report_seconds=times.of_report(race.operators, race.schedule),
        groups=question.groups,
    )


def measure_times(
    variants: Mapping[str, Settings], data: "SegmentationData", parallel: int | None
) -> "RaceTimes":
    """What trainings of these settings take on the device that trains them."""
    from unetlite.compare import planning
    from unetlite.compare.step_times import StepTimer
    from unetlite.training.callbacks import count_pixels
    from unetlite.training.fit import make_config
    from unetlite.training.trainer import find_accelerator

    settings = next(iter(variants.values()))
    networks = {name: make_config(of_run, data.dataset) for name, of_run in variants.items()}
    with hide_messages():
        accelerator = find_accelerator(settings.trainer)
    with progress("timing some steps") as update:
        timer = StepTimer(
            accelerator,
            settings.trainer.precision,
            (settings.data.batch_size, settings.data.crop_size),
            Path(settings.data_dir) / "step_times.json",
            update,
        )
        steps, parallel = timer.measure(networks, parallel)
        loading = planning.measure_loading(data, parallel)
    splits = data.dataset.splits
    return planning.RaceTimes(
        steps,
        loading,
        val_pixels=count_pixels(splits["val"]),
        test_pixels=count_pixels(splits["test"]),
        parallel=parallel,
    )


def find_race(
    question: "Question", times: "RaceTimes", budget: str | None
) -> tuple["PlannedRace", float]:
    """The race to run, and the seconds that were aimed at.

    Without a budget a race that takes longer than was aimed at is the smallest there is. With one
    it raises UsageError.
    """
    from unetlite.compare import planning

    seconds = planning.DEFAULT_SECONDS
    if budget is not None:
        seconds = parse_duration(budget)
    race = planning.plan_race(question, times, seconds)
    if race is None:
        race = planning.smallest_race(question, times)
        if budget is not None:
            raise planning.budget_error(budget, race)
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


def fit_crop(settings: Settings, data: "SegmentationData") -> dict[str, int]:
    """A smaller crop for small images, a multiple of 16: what they do not fill is padding."""
    longer_sides = [max(size) for size in data.dataset.splits["train"].sizes]
    typical = median(longer_sides)
    if typical >= settings.data.crop_size:
        return {}
    return {"data.crop_size": math.ceil(typical / 16) * 16}


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


def run_race(plan: Plan, directory: Path, resources: Resources) -> None:
    """Runs the race, and shows how it stands. Ctrl+C ends it; the same command goes on."""
    from unetlite.compare.monitor import RaceMonitor
    from unetlite.compare.race import Race, finished_scores
    from unetlite.compare.race_record import RacePlan
    from unetlite.training.run import prepare

    operators = list(plan.step_seconds)
    race_plan = RacePlan(
        operators,
        margin=plan.request.margin,
        seeds=plan.seeds,
        budget=plan.budget,
    )
    race = Race(
        directory,
        race_plan,
        plan.settings,
        plan.data_hash,
    )
    # What cannot run is refused before the first training.
    check_data_of([prepare(plan.settings(operator, 0)) for operator in operators])
    scores = finished_scores(directory, operators)
    monitor = RaceMonitor(
        race.record,
        plan.step_seconds,
        scores,
        plan.training_seconds or dict.fromkeys(operators, 60.0),
        plan.report_seconds,
        plan.groups,
    )
    if monitor.done > 0:
        print(f"{monitor.done} trainings were done before")
    scheduler = find_scheduler(plan, directory, resources)
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


def find_scheduler(plan: Plan, directory: Path, resources: Resources) -> "Scheduler":
    """Where the trainings of a plan run. Its workers must see what this process has written."""
    from unetlite.training.fit import open_data

    settings = plan.settings(next(iter(plan.step_seconds)), 0)
    decoded = open_data(settings).dataset.splits["train"].directory
    return make_scheduler(
        resources,
        settings.trainer.accelerator,
        Share(plan.parallel, plan.threads),
        directory / "race.log",
        shared=[directory / "choose.json", decoded],
    )


def describe_failure(failure: "Failure") -> str:
    """The line for a training that failed."""
    return (
        f"{failure.variant} seed{failure.seed} failed, and {failure.variant} is out of the race: "
        f"{failure.reason}"
    )
