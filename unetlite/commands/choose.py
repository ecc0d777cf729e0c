"""`unetlite choose`: a folder of images and masks in, the upsampling to take out."""

from typing import Annotated

import typer

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
from unetlite.commands.target import read_target, restrict_request
from unetlite.compare.planning.request import Request, split_request
from unetlite.compare.planning.user_data import name_data
from unetlite.scheduling.resources import Resources
from unetlite.settings.paths import HOME
from unetlite.terminal import load_libraries
from unetlite.timing import parse_duration

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
    directory = HOME / "outputs" / name
    request = Request(data, overrides, operators, margin, budget, levers)
    requests = {} if model is None else split_request(request, model)
    load_libraries("torch", "lightning")
    from unetlite.commands.race import answer, race_networks

    if requests:
        race_networks(requests, directory, resources, target)
    else:
        answer(restrict_request(request, target), directory, resources, target)
