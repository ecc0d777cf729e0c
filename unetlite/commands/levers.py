"""`unetlite levers`: what other choices than the operator would gain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import get_console

from unetlite.commands.options import (
    DataArgument,
    DevicesOption,
    OnOption,
    ParallelOption,
    SettingsArgument,
    SlurmOption,
    read_overrides,
)
from unetlite.compare.planning.request import Request
from unetlite.compare.planning.user_data import name_data
from unetlite.errors import UsageError
from unetlite.files import write_text
from unetlite.run_directory import lock
from unetlite.scheduling.resources import Resources
from unetlite.settings.paths import HOME
from unetlite.terminal import load_libraries, print_text
from unetlite.timing import parse_duration

if TYPE_CHECKING:
    from unetlite.compare.levers.table import Levers

DEFAULT_BUDGET = "15m"


def levers(
    data: DataArgument,
    settings: SettingsArgument = None,
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
    overrides = read_overrides(settings or [], None, resources)
    data, name = name_data(data)
    request = Request(data, overrides, operator, None, budget)
    directory = HOME / "outputs" / f"{name}-levers"
    with lock(directory):
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
    load_libraries("torch", "lightning")
    from unetlite.compare.levers.plan import plan_request, trial_lines
    from unetlite.compare.levers.record import LeverRecord, recorded_levers
    from unetlite.compare.levers.runs import run_levers
    from unetlite.compare.levers.table import load_levers

    file = directory / "levers.json"
    options: dict[str, Any] = {
        "data": request.data,
        "settings": request.overrides,
        "operator": request.operators,
        "budget": request.budget,
    }
    record = recorded_levers(file, options)
    if record is None:
        record = LeverRecord(plan_request(request, options, directory, resources))
    print("\n".join(trial_lines(record.trials)) + "\n", flush=True)
    run_levers(file, record, resources)
    levers = load_levers(file, runs)
    assert levers is not None
    show_levers(levers, directory)


def show_levers(levers: "Levers", directory: Path) -> None:
    """Prints table and sentences, and writes the picture."""
    from unetlite.compare.levers.table import (
        basis_sentence,
        draw_levers,
        lever_sentences,
        terminal_table,
        untried_lines,
    )

    get_console().print(terminal_table(levers))
    paragraphs = [*lever_sentences(levers), basis_sentence(levers)]
    if levers.operators is None:
        paragraphs.append("What the operator changes is not known: unetlite choose measures it.")
    paragraphs += untried_lines(levers)
    print_text("\n".join(paragraphs))
    picture = directory / "levers.svg"
    write_text(picture, draw_levers(levers))
    print(f"figures   {directory / 'levers.json'}\npicture   {picture}")
