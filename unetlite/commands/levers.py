"""`unetlite levers`: what other choices than the operator would gain."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import get_console

from unetlite.commands.choose import (
    DevicesOption,
    OnOption,
    ParallelOption,
    SlurmOption,
    accelerator_words,
    read_overrides,
)
from unetlite.commands.choose_plan import (
    Request,
    fixed_keys,
    inspect_data,
)
from unetlite.commands.lever_stage import (
    describe_trials,
    longest_side,
    make_trials,
    plan_levers,
    recorded_levers,
    run_levers,
    time_levers,
)
from unetlite.commands.user_data import fit_crop, name_data
from unetlite.errors import UsageError
from unetlite.files import write_text
from unetlite.run_directory import lock
from unetlite.scheduling.resources import Resources
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import HOME
from unetlite.terminal import load_libraries
from unetlite.timing import parse_duration

if TYPE_CHECKING:
    from unetlite.compare.lever_table import Levers
    from unetlite.compare.planning import SearchSpace
    from unetlite.compare.schedule import Schedule
    from unetlite.compare.trials import Trials

DEFAULT_BUDGET = "15m"


def levers(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A folder of images and masks, or a data set such as coast."
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings of train.py, as data.resize=256.")
    ] = None,
    budget: Annotated[str, typer.Option(help="The time it may take.")] = DEFAULT_BUDGET,
    operator: Annotated[str, typer.Option(help="The upsampling to train with.")] = "transpose",
    parallel: ParallelOption = None,
    devices: DevicesOption = None,
    on: OnOption = "local",
    slurm: SlurmOption = None,
) -> None:
    """What gains more than the operator: steps, crops, flips, encoder, width, loss, rate."""
    parse_duration(budget)  # raises UsageError
    check_operator(operator)
    resources = Resources(on, devices, parallel, slurm)
    overrides = read_overrides(settings or [], None, devices)
    resources.check(compose_run(accelerator_words(overrides)).trainer.accelerator)
    data, name = name_data(data)
    request = Request(data, overrides, operator, None, budget)
    directory = HOME / "outputs" / f"{name}-levers"
    with lock(directory, "choose another folder by UNETLITE_HOME=DIR"):
        measure(request, directory, HOME / "outputs" / name, resources)


def check_operator(name: str) -> None:
    """Raises UsageError unless there is such an operator."""
    from unetlite.network.upsampling import UPSAMPLERS

    if name not in UPSAMPLERS:
        raise UsageError(f"--operator {name}: expected one of {', '.join(UPSAMPLERS)}.")


def measure(
    request: Request,
    directory: Path,
    runs: Path,
    resources: Resources,
) -> None:
    """Plans, trains, and shows the levers; `runs` may have those of a race."""
    from unetlite.compare.lever_table import load_levers
    from unetlite.compare.trials import LeverRecord

    file = directory / "levers.json"
    asked: dict[str, Any] = {
        "data": request.data,
        "settings": request.overrides,
        "operator": request.operators,
        "budget": request.budget,
    }
    load_libraries("torch", "lightning")
    record = recorded_levers(file, asked)
    if record is None:
        record = LeverRecord(make_plan(request, asked, directory, resources))
    print("\n".join(describe_trials(record.trials)) + "\n", flush=True)
    run_levers(file, record, resources)
    levers = load_levers(file, runs)
    assert levers is not None
    show_levers(levers, directory)


def make_plan(
    request: Request,
    asked: dict[str, Any],
    directory: Path,
    resources: Resources,
) -> "Trials":
    """The trainings that fit into the budget. Raises UsageError if too few do."""
    from unetlite.compare.levers import Base
    from unetlite.compare.planning import MIN_STEPS, SearchSpace
    from unetlite.compare.schedule import usual_schedule
    from unetlite.training.fit import open_data

    fixed = {*fixed_keys(request), "operators"}
    words, values = inspect_data(request, fixed, directory)
    operators = [str(request.operators)]
    data = open_data(compose_run(words, values))
    if "data.crop_size" not in fixed:
        values.update(fit_crop(compose_run(words, values), data))
    base = Base(words, values, sorted(fixed), operators, longest_side(data))
    times, macs = time_levers(base, data, resources)
    images = len(data.dataset.splits["train"])
    usual = usual_schedule(base.plain, images, fixed)
    space = SearchSpace(operators, usual, groups=1, fixed=fixed)
    seconds = parse_duration(str(request.budget))
    planned = plan_levers(
        base,
        data,
        possible_schedules(space),
        times,
        seconds,
        MIN_STEPS,
        combined=False,
    )
    if planned is None:
        raise UsageError(
            f"--budget {request.budget}: fewer than three levers fit into this time; give more of "
            "it, smaller crops (data.crop_size=64) or fewer steps (trainer.max_steps=100)."
        )
    return make_trials(
        asked,
        planned,
        times,
        macs,
        directory,
        data.dataset.content_hash,
    )


def possible_schedules(space: "SearchSpace") -> list["Schedule"]:
    """Trainings as long as the usual one, with its crops and batches and with smaller ones."""
    schedules = []
    for shape in space.shapes():
        steps = shape.steps
        if not space.fixed_steps:
            steps = round(space.usual.length / replace(shape, steps=1).length)
        schedules.append(replace(shape, steps=steps))
    return schedules


def show_levers(levers: "Levers", directory: Path) -> None:
    """Prints table and sentences, and writes the picture."""
    from unetlite.compare.lever_table import (
        describe_levers,
        describe_untried,
        draw_levers,
        terminal_table,
    )

    console = get_console()
    console.print(terminal_table(levers))
    paragraphs = describe_levers(levers)
    if levers.operators is None:
        paragraphs.append("What the operator changes is not known: unetlite choose measures it.")
    paragraphs += describe_untried(levers)
    console.print("\n".join(paragraphs), highlight=False, markup=False)
    picture = directory / "levers.svg"
    write_text(picture, draw_levers(levers))
    print(f"figures   {directory / 'levers.json'}\npicture   {picture}")
