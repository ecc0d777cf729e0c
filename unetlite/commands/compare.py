"""`unetlite compare`: runs in, verdict and report out."""

from pathlib import Path
from typing import Annotated

import typer
from rich import get_console

from unetlite.commands.explain import parse_size
from unetlite.errors import UsageError
from unetlite.files import load_libraries, progress, shorten


def compare(
    directory: Annotated[Path, typer.Argument(help="Where the runs are, such as outputs/coast.")],
    by: Annotated[str, typer.Option(help="The key that is compared: upsample, downsample, model.norm")] = "upsample",
    metric: Annotated[
        str | None, typer.Option(help="miou, dice, boundary_iou_1px, miou_per_image or dice_per_image.")
    ] = None,
    margin: Annotated[float | None, typer.Option(min=0, help="Of that score, to give for a cheaper variant.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="A key in which the runs may differ as well.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where the report goes; beside the runs by default.")] = None,
    size: Annotated[str, typer.Option(help="Height and width of the image that costs are measured with.")] = "256",
    rounds: Annotated[int, typer.Option(min=0, help="Of the measurement of latencies; 0 leaves it out.")] = 9,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also chart and pictures for it.")] = False,
) -> None:
    """Which variant is better, with evidence: a verdict, report.html, report.json and report.md."""
    from unetlite.compare.runs import METRICS, read_comparison, read_race

    height, width = parse_size(size)
    if metric not in (None, *METRICS):
        raise UsageError(f"--metric {metric}: choose one of {', '.join(METRICS)}.")
    load_libraries("torch", "lightning")
    comparison = read_comparison(directory, by, allow or ())
    if comparison.started is not None and (race := read_race(directory)):  # which has its own metric and margin
        for option, value in (("metric", metric), ("margin", margin)):
            if value not in (None, planned := race.plan[option]):
                raise UsageError(f"--{option} {value}: the race was planned with {planned}, and is judged by it.")
        metric, margin = race.plan["metric"], race.plan["margin"]
    metric = metric or "miou"

    from unetlite.compare import costs, evidence, report, verdict
    from unetlite.network.checkpoint import load_network

    analysis = verdict.analyse(comparison, metric)
    if analysis is None:
        raise UsageError(f"--metric {metric}: the runs have no value of it.")
    others = {other: found for other in METRICS if other != metric and (found := verdict.describe(comparison, other))}
    with progress("reading checkpoints") as tell:
        networks = {name: load_network(runs[0].files.judged).eval() for name, runs in comparison.variants.items()}
        measured = costs.measure_costs(comparison, networks, (height, width), rounds, tell)
        tell("predicting test images")
        pictures = evidence.gather_evidence(comparison, networks)
        answer = report.Report(comparison, analysis, others, measured, pictures, margin)
        written = [f"report    {file}" for file in report.write_report(answer, output or directory)]
        if tensorboard:
            written.append(f"pictures  tensorboard --logdir {report.write_tensorboard(answer, output or directory)}")
    console = get_console()
    notes = [f"left out: {reason}" for reason in comparison.left_out] + answer.verdicts + answer.cautions
    console.print("\n\n".join(notes) + "\n", highlight=False, markup=False)
    console.print(report.as_terminal(answer))
    console.print("\n".join(written), highlight=False, markup=False, soft_wrap=True)
    if analysis.best:
        chosen = verdict.choice(analysis.best, answer.price[0], margin)
        run = shorten(comparison.variants[chosen][0].files.path)
        print(f"use it    unetlite predict {run} IMAGES --output DIR\n          unetlite export {run}")
